"""Generated clips without end: each sample a function of its number and the seed, each question with one answer."""

import pickle

import numpy as np
import pytest

from demiglace.conversation import Image, Video, VideoSampling
from demiglace.data.sources.generated_clips import GeneratedClips
from demiglace.media.video import read_packages
from demiglace.processing.chat_template import THINK
from demiglace.synthesis.clips.kinds import CLIP_KINDS
from demiglace.synthesis.palette import CLIP_COLOURS

DRAWN = tuple(kind for kind in CLIP_KINDS if kind not in ("scroll", "flash_text"))  # need neither fonts nor words
MOST_LOOKS = VideoSampling(fps=10, max_packages=10, package_frames=6, force_package_frames=True)


def clips(**options):
    return GeneratedClips("clips", **{"kinds": DRAWN, **options})


def colours(picture) -> set[str]:
    pixels = np.asarray(picture, np.int32)
    return {name for name, colour in CLIP_COLOURS.items() if (abs(pixels - colour).sum(-1) < 60).sum() > 20}


def content(source, row, seed=(3,)):
    user, assistant = source.read(0, row, seed).messages
    *parts, question = user.content
    return parts, question.text, assistant.content[0].text


def test_a_sample_is_a_function_of_row_and_seed():
    source = clips(several_share=0.0)
    assert source.blocks is None
    first = content(source, 7)
    assert content(pickle.loads(pickle.dumps(source)), 7) == first
    assert content(source, 8) != first
    assert content(source, 7, seed=(4,)) != first


def test_a_question_alone_is_the_one_that_its_sample_asks():
    source = clips(several_share=0.5, long_share=0.0, spoken_share=0.0)
    for row in range(4):
        parts, question = source.ask(0, row, (3,))
        shown, text, said = content(source, row)
        assert [type(part) for part in parts] == [type(part) for part in shown]
        assert (question.text, question.answer) == (text, said)


def test_sampling_varies_within_bounds_and_fills_packages():
    source = clips(several_share=0.0, max_fps=6.0, max_package_frames=4, max_packages=8, kinds=("appear",))
    drawn = [content(source, row)[0][0].sampling for row in range(12)]
    assert all(1 <= sampling.fps <= 6 and sampling.max_packages == 8 for sampling in drawn)
    assert {sampling.package_frames for sampling in drawn} == {1, 2, 3, 4}
    assert len({sampling.fps for sampling in drawn}) > 6
    packages = list(read_packages(content(source, 0)[0][0].source, drawn[0]))
    assert {len(package.frames) for package in packages[:-1]} <= {drawn[0].package_frames}


def test_the_clip_that_is_meant_shows_its_flash():
    source = clips(several_share=1.0, kinds=("flash",), long_share=0.0, spoken_share=0.0)
    meant = set()
    for row in range(8):
        parts, text, answer = content(source, row)
        if any(isinstance(part, Image) for part in parts):
            continue
        which = next(word for word in ("first", "second", "third") if text.startswith(f"About the {word} clip: "))
        meant.add(which)
        video = parts[("first", "second", "third").index(which)]
        flashed = [
            answer.split()[0] in colours(frame)
            for package in read_packages(video.source, video.sampling)
            for frame in package.frames
        ]
        assert flashed.count(True) == 1
    assert len(meant) > 1


def test_a_picture_beside_a_clip_is_one_of_its_frames():
    source = clips(several_share=1.0, kinds=("appear", "count"), long_share=0.0, spoken_share=0.0)
    asked_about = set()
    for row in range(12):
        parts, text, answer = content(source, row)
        pictures = [part.source for part in parts if isinstance(part, Image)]
        if not pictures:
            continue
        (video,) = (part for part in parts if isinstance(part, Video))
        frames = [frame for package in read_packages(video.source, MOST_LOOKS) for frame in package.frames]
        assert colours(pictures[0]) in [colours(frame) for frame in frames]
        asked_about.add(text.split(": ")[0])
        if text.startswith("About the picture: "):
            assert answer == str(len(colours(pictures[0])))
    assert asked_about == {"About the picture", "About the clip"}


@pytest.fixture
def unfilmed(monkeypatch):
    """Drawing samples is quick where nothing is encoded."""
    monkeypatch.setattr("demiglace.data.sources.generated_clips.encode", lambda clip, fps, container: b"")


def samplings(source, num_draws):
    return [content(source, row)[0][0].sampling for row in range(num_draws)]


def test_package_sizes_and_frame_rates_are_drawn_evenly_up_to_the_papers_most(unfilmed):
    drawn = samplings(clips(several_share=0.0, kinds=("appear",)), 1200)
    sizes = np.bincount([sampling.package_frames for sampling in drawn], minlength=7)
    assert sizes[0] == 0
    assert all(150 <= count <= 250 for count in sizes[1:])  # 200 each, and four standard deviations of 13
    rates = np.array([sampling.fps for sampling in drawn])
    assert rates.min() < 1.2
    assert rates.max() <= 10
    assert 40 <= (rates > 9.5).sum() <= 110  # half of nine steps of one a second, so 67
    assert abs(np.corrcoef([sampling.package_frames for sampling in drawn], rates)[0, 1]) < 0.15


@pytest.mark.parametrize("kind", ["flash", "count", "bounce"])
def test_every_package_size_occurs_with_questions_that_need_many_looks(unfilmed, kind):
    drawn = samplings(clips(several_share=0.0, kinds=(kind,)), 200)
    assert {sampling.package_frames for sampling in drawn} == {1, 2, 3, 4, 5, 6}
    assert all(sampling.force_package_frames and sampling.fps <= 10 for sampling in drawn)


def test_a_sentence_is_given_where_one_is_asked_for(unfilmed):
    for row in range(60):
        _, text, answer = content(clips(long_share=0.0), row)
        assert text.endswith("Answer in a sentence.") == answer.endswith(".")


def test_answers_are_short_or_long_by_share():
    for share, is_long in ((0.0, False), (1.0, True)):
        source = clips(several_share=0.0, long_share=share, spoken_share=0.0, kinds=("recolour",))
        conversations = [source.read(0, row, (1,)) for row in range(3)]
        assert all(conversation.thinking is is_long for conversation in conversations)
        assert all((THINK in c.messages[-1].content[0].text) is is_long for c in conversations)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kinds": ("direction", "dance")}, r"kinds\[1\] must be one of direction, .*, got 'dance'"),
        ({"kinds": ()}, "kinds must be a list of at least 1"),
        ({"side": 40}, "side must be a whole number from 84 to 448, got 40"),
        ({"max_fps": 0.5}, r"max_fps must be a number in \[1, 60\], got 0.5"),
        ({"max_package_frames": 7}, "max_package_frames must be a whole number from 1 to 6, got 7"),
        ({"long_share": 1.5}, r"long_share must be a number in \[0, 1\], got 1.5"),
    ],
)
def test_options_out_of_bounds_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        GeneratedClips("clips", **options)


def test_a_clip_is_the_same_file_whatever_memory_held_before():
    """With its macroblock tree libx264 wrote this one in five ways, of which some are other pictures when decoded."""
    source, rng = GeneratedClips("clips", side=84, max_packages=4, long_share=0.5), np.random.default_rng(0)
    files = set()
    for _ in range(12):
        for size in rng.integers(1_000, 400_000, 3):
            bytearray(rng.bytes(int(size)))
        (clip, *_) = source.read(0, 28, (0,)).messages[0].content
        files.add(clip.source)
    assert len(files) == 1
    assert b"ftyp" in files.pop()[:12]  # MP4
