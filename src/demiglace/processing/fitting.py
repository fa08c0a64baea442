"""Fits videos without sampling settings into the token budget of a conversation.

First more frames share a package, then fewer frames are sampled. Videos are planned from their length, not decoded.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from os import PathLike

from demiglace.conversation import Conversation, Message, Part, Video, VideoSampling
from demiglace.media.frame_sampling import FramePlan
from demiglace.media.pictures import file_name
from demiglace.media.video import plan_video
from demiglace.processing.processor import Processor

PACKAGE_FRAMES = 6  # at most (paper, section 2.1)
MARK_TOKENS = 3  # <image>, </image> and the line break between packages
DEFAULTS = VideoSampling()


@dataclass(frozen=True)
class Fitted:
    """conversation: with sampling settings for every video. by_video: for each video that had none, a note if it does
    not get the defaults, else "".
    """

    conversation: Conversation
    by_video: tuple[str, ...] = ()

    @property
    def notes(self) -> tuple[str, ...]:
        return tuple(filter(None, self.by_video))


def fit_videos(processor: Processor, conversation: Conversation, room: int, kept: int = 0) -> Fitted:
    """Sampling settings for videos that have none: the defaults, if the conversation then fits into `room` tokens.

    Otherwise text, pictures and other videos come first, and these videos share the remaining tokens: videos that need
    few packages get them, the others get equal numbers. `kept` tokens of the room then stay free for the text and the
    answer, half of them for the answer alone, as long as each video gets a package.

    Raises TooLong, with both numbers, if even one package per video is too much, and whatever opening files raises.
    """
    videos = [video for video in _videos(conversation) if video.sampling is None]
    if not videos:
        return Fitted(conversation)
    plans = [plan_video(video.source, None)[1] for video in videos]
    least = processor.count(conversation, room)
    cost = processor.config.num_queries + MARK_TOKENS
    if least.tokens + cost * sum(len(plan.package_sizes) - 1 for plan in plans) <= room:
        return Fitted(_with_samplings(conversation, [DEFAULTS] * len(videos)), ("",) * len(videos))
    kept_more = max(kept - (least.tokens - least.visual), kept // 2)
    num_packages = len(videos) + max(0, (room - kept_more - least.tokens) // cost)
    samplings = list(map(_sampling, videos, plans, _shares(plans, num_packages)))
    notes = (
        "" if sampling is DEFAULTS else _note(video, plan, plan_video(video.source, sampling)[1], room)
        for video, plan, sampling in zip(videos, plans, samplings, strict=True)
    )
    return Fitted(_with_samplings(conversation, samplings), tuple(notes))


def fit_for_answer(processor: Processor, conversation: Conversation, room: int) -> Fitted:
    """As `fit_videos`, with a quarter of the room kept for the question and the answer (ours).

    So the plan is the same for every question of up to an eighth of the room, and is known before a question is asked.
    """
    return fit_videos(processor, conversation, room, kept=room // 4)


def _videos(conversation: Conversation) -> Iterator[Video]:
    return (part for message in conversation.messages for part in message.content if isinstance(part, Video))


def _with_samplings(conversation: Conversation, samplings: Sequence[VideoSampling]) -> Conversation:
    """The conversation with each of `samplings` given to the next video that has none."""
    chosen = iter(samplings)

    def numbered(part: Part) -> Part:
        return replace(part, sampling=next(chosen)) if isinstance(part, Video) and part.sampling is None else part

    messages = tuple(Message(message.role, tuple(map(numbered, message.content))) for message in conversation.messages)
    return replace(conversation, messages=messages)


def _shares(plans: Sequence[FramePlan], num_packages: int) -> list[int]:
    """Packages per video: first the number that its frames need in full packages, then up to the number it asks for."""
    least = [math.ceil(sum(plan.package_sizes) / PACKAGE_FRAMES) for plan in plans]
    shares = _dealt(least, num_packages)
    more = _dealt(
        [len(plan.package_sizes) - few for plan, few in zip(plans, least, strict=True)], num_packages - sum(shares)
    )
    return [share + extra for share, extra in zip(shares, more, strict=True)]


def _dealt(wanted: Sequence[int], total: int) -> list[int]:
    """Shares of `total`: none is larger than wanted, and those that are smaller are equal up to rounding."""
    dealt = [0] * len(wanted)
    for left, index in zip(range(len(wanted), 0, -1), sorted(range(len(wanted)), key=wanted.__getitem__), strict=True):
        dealt[index] = min(wanted[index], total // left)
        total -= dealt[index]
    return dealt


def _sampling(video: Video, plan: FramePlan, num_packages: int) -> VideoSampling:
    """The same frames in fewer packages, or as many frames as full packages hold."""
    if num_packages >= len(plan.package_sizes):
        return DEFAULTS
    num_frames = sum(plan.package_sizes)
    package_frames = min(math.ceil(num_frames / num_packages), PACKAGE_FRAMES)
    most = min(num_packages, math.ceil(num_frames / package_frames))
    is_frame_list = isinstance(video.source, tuple)  # all of its frames are taken unless their number is chosen
    return VideoSampling(
        max_packages=most,
        package_frames=package_frames,
        force_package_frames=True,
        num_frames=min(num_frames, most * package_frames) if is_frame_list else None,
    )


def _note(video: Video, asked: FramePlan, taken: FramePlan, room: int) -> str:
    source = video.source
    name = file_name(source) if isinstance(source, str | PathLike | bytes) else "the given frames"
    num_asked, num_taken = sum(asked.package_sizes), sum(taken.package_sizes)
    frames = f"all {num_taken}" if num_taken == num_asked else f"{num_taken} of {num_asked}"
    return f"{name}: {frames} frames in {_packages(taken)} instead of {_packages(asked)}, to fit into {room} tokens"


def _packages(plan: FramePlan) -> str:
    number = len(plan.package_sizes)
    return f"{number} package{'s' * (number > 1)} of {plan.package_sizes[0]}"
