"""What is trained here answers in vLLM as it does here. Needs vLLM's own environment: `make vllm`, see docs/vllm.md."""

from pathlib import Path
from typing import Any

import pytest
from clips import make_clip
from patterns import pattern
from real_data import DATA
from vllm_questions import ROOT, SIXES, Asked, exported, line_of_16_bits, needs_vllm, ours, theirs

from demiglace import Demiglace
from demiglace.model.hub import folder_of
from demiglace.processing.processor import Processor

SAMPLES = ROOT / "samples"
ROOM = 2047
LINE, HEADING, PAGE = ({"picture": str(SAMPLES / f"{name}.png")} for name in ("line", "heading", "page"))
READ, WHAT = {"text": "Read the text."}, {"text": "What is this?"}

pytestmark = [pytest.mark.slow, needs_vllm]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("vllm")


@pytest.fixture(scope="module")
def clips(folder: Path) -> list[dict[str, str]]:
    """Two short ones, the second an animation where real files are there, and one of 60 seconds."""
    drawn = [make_clip(folder / f"{count}.mp4", range(count)) for count in (60, 140, 1500)]
    real = [DATA / "video_clips" / name for name in ("yoga.mp4", "newtonscradle.gif")]
    short = real if DATA.is_dir() else drawn[:2]
    return [{"clip": str(path)} for path in (*short, drawn[2])]


@pytest.fixture(scope="module")
def asked(folder: Path, clips: list[dict[str, str]]) -> dict[str, Asked]:
    first, second, long = clips
    frames = [str(folder / f"{number}.jpg") for number in range(7)]
    for number, path in enumerate(frames):
        pattern(80 + number, 60).resize((80, 60)).save(path)
    return {
        "a picture": Asked([LINE, READ]),
        "a picture as an array": Asked([{"array": HEADING["picture"]}, READ]),
        "a picture of 16 bits": Asked([{"picture": str(line_of_16_bits(folder / "line16.png"))}, READ]),
        "two pictures": Asked([HEADING, LINE, READ]),
        "a picture in slices": Asked([PAGE, WHAT]),
        "text alone": Asked([READ]),
        "single frames": Asked([second, WHAT], {"fps": 2.0}),
        "packages of 6": Asked([first, WHAT], SIXES),
        "packages of 2": Asked([second, WHAT], {"fps": 10.0, "package_frames": 2, "force_package_frames": True}),
        "a minute": Asked([long, WHAT], {"fps": 2.0, "package_frames": 6, "force_package_frames": True}),
        "a span": Asked([long, WHAT], {"start": 10.5, "end": 14.0, "num_frames": 11, "max_packages": 4}),
        "pictures and clips mixed": Asked([first, LINE, {"text": "and this"}, second, HEADING, WHAT], SIXES),
        "several clips": Asked([second, first, WHAT], SIXES),
        "the same clip twice": Asked([second, second, WHAT], SIXES),
        "the same clip in other packages": Asked([second, WHAT], SIXES | {"package_frames": 5}),
        "frames": Asked([{"frames": frames}, WHAT], {"package_frames": 3, "force_package_frames": True}),
    }


@pytest.fixture(scope="module")
def refused(clips: list[dict[str, str]]) -> dict[str, Asked]:
    first, _, long = clips
    return {
        "too many packages": Asked([long, WHAT], {"fps": 1.0}),
        "too long with the picture": Asked([long, PAGE, WHAT], {"num_frames": 28}),
        "packages of 7": Asked([first, WHAT], {"package_frames": 7}),
        "packages of 0": Asked([first, WHAT], {"package_frames": 0}),
        "an unknown option": Asked([LINE, WHAT], {"max_slice_nums": 4}),
        "a start beyond the clip": Asked([first, WHAT], {"start": 900.0}),
    }


REFUSED = {
    "too many packages": f"takes at least 2048 tokens, 2048 of them visual, but there is room for {ROOM}",
    "too long with the picture": "longer than the maximum model length of 2048",
    "packages of 7": "package_frames must be a whole number from 1 to 6, got 7",
    "packages of 0": "package_frames must be a whole number from 1 to 6, got 0",
    "an unknown option": "mm_processor_kwargs has 'max_slice_nums', but there are fps, max_packages",
    "a start beyond the clip": "start lies at 900 s, but the video is ",
}


@pytest.fixture(scope="module")
def checkpoint(folder: Path) -> Path:
    return exported(folder / "exported")


@pytest.fixture(scope="module")
def said(folder: Path, checkpoint: Path, asked: dict[str, Asked], refused: dict[str, Asked]) -> dict[str, Any]:
    every = asked | refused
    return dict(zip(every, theirs(folder, checkpoint, every.values()), strict=True))


def test_vllm_gives_the_same_answers(checkpoint: Path, asked: dict[str, Asked], said: dict[str, Any]) -> None:
    told = Demiglace.load(checkpoint, "cpu", "float32")
    assert {name: said[name] for name in asked} == {name: ours(told, one) for name, one in asked.items()}


def test_prompts_have_what_they_should(said: dict[str, Any]) -> None:
    """The page is cut into an overview and three slices; two frames a second of a minute are 20 packages of 6."""
    unk = Processor.load(folder_of(None)).tokenizer.special["unk"]
    assert said["a picture in slices"]["prompt"].count(unk) == 4 * 64
    assert said["a minute"]["prompt"].count(unk) == 20 * 64
    assert said["frames"]["prompt"].count(unk) == 3 * 64


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_is_refused(said: dict[str, Any], name: str) -> None:
    assert REFUSED[name] in said[name]["error"]
