"""Prepares a conversation and its files for the model, and reports what the model sees. Runs in worker processes."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from demiglace.conversation import Conversation, Document, Image, Message, Part, Role, Text, Video, VideoSampling
from demiglace.media.document_pages import chosen_pages, drawable_pages
from demiglace.media.pictures import check_pixels, file_name, has_pages, kind_of, open_header
from demiglace.media.video import plan_video
from demiglace.processing.fitting import PACKAGE_FRAMES, fit_for_answer
from demiglace.processing.processor import Processor
from demiglace.processing.sample import Sample
from demiglace.server.limits import Limits
from demiglace.server.seen_media import SeenFile, seen_files


@dataclass(frozen=True)
class File:
    """A file of a request, whose kind is not known yet.

    source: its bytes, or those of frames that the client sampled. is_video: whether to treat it as a video, even a GIF.
    pages: of a document. sampling: of a video, None if no option was given. most_frames: of a video, whatever its
    sampling yields. is_packing_open: whether only frames were chosen, so that packages may be as full as the available
    tokens require. own: names of options given for this file only: those of videos, and "pages".
    """

    source: bytes | tuple[bytes, ...]
    is_video: bool = False
    pages: str | None = None
    sampling: VideoSampling | None = None
    most_frames: int | None = None
    is_packing_open: bool = False
    own: tuple[str, ...] = ()

    @property
    def own_of_videos(self) -> list[str]:
        return [name for name in self.own if name != "pages"]


@dataclass(frozen=True)
class Job:
    """A conversation to prepare.

    slicing: changes to `SlicingConfig`. shows_pictures: whether to return what the model sees as JPEG too.
    """

    messages: tuple[tuple[Role, tuple[Text | File, ...]], ...]
    thinking: bool = False
    slicing: Mapping[str, int] | None = None
    shows_pictures: bool = False

    @property
    def files(self) -> list[File]:
        return [part for _, parts in self.messages for part in parts if isinstance(part, File)]

    @property
    def texts(self) -> list[str]:
        return [part.text for _, parts in self.messages for part in parts if isinstance(part, Text)]


@dataclass(frozen=True)
class Prepared:
    """sample: from `Processor.prepare`. notes: deviations from the request. files: what the model sees, in order."""

    sample: Sample
    notes: tuple[str, ...] = ()
    files: tuple[SeenFile, ...] = ()


def prepare(job: Job, processor: Processor, limits: Limits, room: int) -> Prepared:
    """A prompt of at most `room` tokens; ValueError of one line for files that cannot be read or exceed the limits."""
    check_length("".join(job.texts), processor, room)
    processor = processor.sliced(**job.slicing or {})
    conversation, note = _packed(job, processor, limits, room)
    fitted = fit_for_answer(processor, conversation, room)
    _check_videos(fitted.conversation, limits)
    sample = processor.prepare(fitted.conversation, max_tokens=room)
    files = seen_files(fitted.conversation, sample, processor.config, job.shows_pictures)
    return Prepared(sample, (*note, *fitted.notes), files)


def check_length(text: str, processor: Processor, room: int) -> None:
    """ValueError for a text that is too long whatever its tokens: some bodies would take minutes to tokenise."""
    if (num_bytes := len(text.encode())) > room * processor.tokenizer.most_bytes:
        raise ValueError(f"the text has {num_bytes} bytes, far more than the {room} tokens that fit")


def prepare_with_warnings(job: Job, processor: Processor, limits: Limits, room: int) -> Prepared:
    """As `prepare`, with warnings about files added to the notes. Not thread-safe."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        prepared = prepare(job, processor, limits, room)
    messages = dict.fromkeys(str(warning.message) for warning in caught)
    return replace(prepared, notes=(*prepared.notes, *messages))


def _packed(job: Job, processor: Processor, limits: Limits, room: int) -> tuple[Conversation, tuple[str, ...]]:
    """If only frames were chosen, packages are filled until a quarter of the room is left; a note says so."""
    conversation, package_frames = _conversation(job, limits, None), 1
    _check_pages(conversation, limits)
    if not any(file.is_packing_open for file in job.files):
        return conversation, ()
    while package_frames < PACKAGE_FRAMES and processor.count(conversation).tokens > room - room // 4:
        package_frames += 1
        conversation = _conversation(job, limits, package_frames)
    note = f"videos in packages of {package_frames} frames, to fit into {room} tokens"
    return conversation, (note,) if package_frames > 1 else ()


def _conversation(job: Job, limits: Limits, package_frames: int | None) -> Conversation:
    """package_frames: of videos whose packing is open."""
    paged = [file for file in job.files if file.pages and not file.is_video]
    if any(file.pages for file in job.files) and not any(has_pages(_bytes(file)) for file in paged):
        raise ValueError("pages are chosen of PDFs and TIFFs, and no file of this request is one")
    return Conversation(
        tuple(
            Message(
                role,
                tuple(_part(part, limits, package_frames) if isinstance(part, File) else part for part in parts),
            )
            for role, parts in job.messages
        ),
        job.thinking,
    )


def _part(file: File, limits: Limits, package_frames: int | None) -> Part:
    for frame in file.source[:1] if isinstance(file.source, tuple) else ():  # all others must have the same size
        _check_picture(frame, limits)
    kind = "video" if isinstance(file.source, tuple) else kind_of(file.source)
    is_clip = file.is_video or kind == "video" or (kind == "animation" and bool(file.own_of_videos))
    _check_own(file, is_clip)
    if is_clip:
        return _video(file, limits, package_frames)
    source = _bytes(file)
    if kind == "document" or (file.pages and has_pages(source)):
        return Document(source, file.pages)
    _check_picture(source, limits)
    return Image(source)


def _check_own(file: File, is_clip: bool) -> None:
    """ValueError for options of this file only that have no effect. Those for all files may be for another one."""
    if file.own_of_videos and not is_clip:
        names = ", ".join(file.own_of_videos)
        raise ValueError(f"{names}: only for videos and animations, and the file of this part is none")
    if "pages" in file.own and (is_clip or not has_pages(_bytes(file))):
        raise ValueError("pages are chosen of PDFs and TIFFs, and the file of this part is none")


def _video(file: File, limits: Limits, package_frames: int | None) -> Video:
    """The video, limited to the requested number of frames if its sampling yields more."""
    sampling, most = file.sampling, file.most_frames
    if most is not None:
        if most > limits.max_frames:
            raise ValueError(f"{most} frames are requested, at most {limits.max_frames} are allowed in a video")
        sampling = sampling or VideoSampling()
        sampling = replace(sampling, max_packages=max(sampling.max_packages, -(-most // sampling.package_frames)))
        is_above = sum(plan_video(file.source, sampling)[1].package_sizes) > most
        sampling = replace(sampling, num_frames=most) if is_above else sampling
    if package_frames is not None and sampling is not None and file.is_packing_open:
        max_packages = max(sampling.max_packages, -(-(most or 0) // package_frames))
        sampling = replace(
            sampling, package_frames=package_frames, max_packages=max_packages, force_package_frames=True
        )
    return Video(file.source, sampling)


def _bytes(file: File) -> bytes:
    assert isinstance(file.source, bytes)
    return file.source


def _check_picture(source: bytes, limits: Limits) -> None:
    with open_header(source) as image:
        check_pixels(image, file_name(source))
        if (pixels := image.width * image.height) > limits.max_pixels:
            raise ValueError(f"a picture has {pixels} pixels, at most {limits.max_pixels} are allowed")


def _check_pages(conversation: Conversation, limits: Limits) -> None:
    num_pages = 0
    for part in _shown(conversation):
        if isinstance(part, Document):
            with drawable_pages(part.source, dpi=144) as drawable:
                num_pages += len(chosen_pages(part.pages, drawable.count, file_name(part.source)))
    if num_pages > limits.max_pages:
        raise ValueError(f"{num_pages} pages are requested, at most {limits.max_pages}: choose, as in pages='1-3'")


def _check_videos(conversation: Conversation, limits: Limits) -> None:
    for part in _shown(conversation):
        if not isinstance(part, Video):
            continue
        facts, plan = plan_video(part.source, part.sampling)
        found = {
            "seconds": (facts.duration_s, limits.max_seconds),
            "pixels in a frame": (facts.width * facts.height, limits.max_pixels),
            "frames to look at": (sum(plan.package_sizes), limits.max_frames),
        }
        for name, (number, most) in found.items():
            if number > most:
                raise ValueError(f"a video has {number:g} {name}, at most {most:g} are allowed")


def _shown(conversation: Conversation) -> Sequence[Part]:
    return [part for message in conversation.messages for part in message.content if not isinstance(part, Text)]
