"""A clip that conversations share is decoded once, and their samples are what they were."""

import pytest
import torch
from clips import make_clip
from mixtures import small_processor

from demiglace.conversation import Conversation, Video, VideoSampling
from demiglace.media import video
from demiglace.processing.prompt_layout import TooLong
from demiglace.processing.recent_clips import RecentClips

ROOM = 2**20  # bytes


@pytest.fixture
def path(tmp_path):
    return make_clip(tmp_path / "clip.mp4", range(0, 75, 5))


@pytest.fixture
def opened(monkeypatch):
    """The sources that were opened, in order."""
    found, open_video = [], video._open
    monkeypatch.setattr(video, "_open", lambda source, *more: found.append(source) or open_video(source, *more))
    return found


def same(one, other):
    pairs = [(one.tokens, other.tokens), (one.visual_places, other.visual_places)]
    names = ("patches", "grids", "package_sizes", "ticks")
    pairs += [(getattr(one.visual, name), getattr(other.visual, name)) for name in names]
    return all(torch.equal(*pair) for pair in pairs)


def test_questions_about_a_clip_decode_it_once_and_give_the_same_samples(path, opened):
    processor, clip = small_processor(), Video(path, VideoSampling(fps=5))
    asked = [Conversation.ask(question, clip) for question in ("What?", "When?", "Who is it, and where?")]
    alone = [processor.prepare(one) for one in asked]
    assert len(opened) == 3
    clips = RecentClips(ROOM)
    together = [processor.prepare(one, clips=clips) for one in asked]
    assert len(opened) == 4
    assert all(map(same, alone, together))


def test_another_sampling_and_another_source_are_read_anew(path, opened):
    processor, clips = small_processor(), RecentClips(ROOM)
    content = path.read_bytes()
    for clip in (Video(path, VideoSampling(fps=5)), Video(path, VideoSampling(fps=2)), Video(content), Video(content)):
        kept = processor.prepare(Conversation.ask("What?", clip), clips=clips)
        assert same(kept, processor.prepare(Conversation.ask("What?", clip)))
    assert len(opened) == 4 + 3


def test_what_is_kept_is_bounded_and_the_oldest_goes(path, opened):
    processor, sampling = small_processor(), VideoSampling(fps=2)
    sources = [path.with_name(f"{number}.mp4") for number in range(3)]
    for source in sources:
        source.write_bytes(path.read_bytes())
    asked = [Conversation.ask("What?", Video(source, sampling)) for source in sources]
    clips = RecentClips(0)
    for _ in range(2):
        processor.prepare(asked[0], clips=clips)
    assert len(opened) == 2  # larger than all that may be kept
    pixels = sum(3 * 14**2 * int(grid.prod()) for grid in processor.prepare(asked[0]).visual.grids)
    clips = RecentClips(2 * pixels)
    opened.clear()
    for number in (0, 1, 0, 2, 0, 1):
        processor.prepare(asked[number], clips=clips)
    assert opened == [sources[0], sources[1], sources[2], sources[1]]


def test_a_clip_that_did_not_fit_is_not_kept(path, opened):
    processor, clips = small_processor(), RecentClips(ROOM)
    asked = Conversation.ask("What?", Video(path, VideoSampling(fps=5)))
    with pytest.raises(TooLong):
        processor.prepare(asked, max_tokens=10, clips=clips)
    assert same(processor.prepare(asked, clips=clips), processor.prepare(asked))
    assert len(opened) == 3
