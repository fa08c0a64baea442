"""A hostile file costs its own request and no other: too slow, too large, or the death of its process."""

from __future__ import annotations

import asyncio
import base64
import io
import os
import signal
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path

import PIL.Image
import pytest
import torch
from clips import make_clip
from patterns import pattern
from running_server import SAMPLES

from demiglace.conversation import Conversation, Image, Message, Text, Video, VideoSampling
from demiglace.model.hub import folder_of
from demiglace.processing.processor import Processor
from demiglace.server import media_workers
from demiglace.server.limits import Limits
from demiglace.server.media_workers import MediaWorkers, packed, unpacked
from demiglace.server.preparation import File, Job, Prepared, prepare, prepare_with_warnings

ROOM = 4000
CLIP = (SAMPLES / "flash.mp4").read_bytes()
PICTURE = (SAMPLES / "heading.png").read_bytes()


@pytest.fixture(scope="module")
def processor() -> Processor:
    return Processor.load(folder_of("nano"))


def job(*files: File) -> Job:
    return Job((("user", (*files, Text("?"))),))


def run(processor: Processor, limits: Limits, story: Callable[[MediaWorkers], Coroutine[None, None, None]]) -> None:
    async def told() -> None:
        workers = MediaWorkers(processor, limits, ROOM, 1)
        await workers.start()
        try:
            async with asyncio.timeout(60):
                await story(workers)
        finally:
            workers.close()

    asyncio.run(told())


def same(one: Prepared, other: Prepared) -> bool:
    return (
        torch.equal(one.sample.tokens, other.sample.tokens)
        and torch.equal(one.sample.visual.patches, other.sample.visual.patches)
        and torch.equal(one.sample.visual.ticks, other.sample.visual.ticks)
        and torch.equal(one.sample.visual.package_sizes, other.sample.visual.package_sizes)
        and (one.sample.sizes, one.notes, one.files) == (other.sample.sizes, other.notes, other.files)
    )


def test_what_is_made_ready_is_what_the_processor_makes(processor: Processor) -> None:
    asked = job(File(PICTURE), File(CLIP, sampling=VideoSampling(package_frames=2, force_package_frames=True)))
    here = prepare(asked, processor, Limits(), ROOM)
    parts = (Image(PICTURE), Video(CLIP, VideoSampling(package_frames=2, force_package_frames=True)), Text("?"))
    sample = processor.prepare(Conversation((Message("user", parts),)))
    assert torch.equal(sample.tokens, here.sample.tokens)
    assert torch.equal(sample.visual.patches, here.sample.visual.patches)
    assert same(unpacked(packed(here)), here)

    async def story(workers: MediaWorkers) -> None:
        assert same(await workers.prepare(asked), here)

    run(processor, Limits(), story)


def test_static_patches_go_through_the_pipe_too(processor: Processor) -> None:
    sampling = VideoSampling(package_frames=6, force_package_frames=True)
    here = prepare(job(File(CLIP, sampling=sampling)), processor.with_static_patches(0.0), Limits(), ROOM)
    there = unpacked(packed(here))
    assert here.sample.visual.run_lengths is not None
    assert torch.equal(there.sample.visual.run_lengths, here.sample.visual.run_lengths)
    assert same(there, here)


def test_what_is_left_out_is_told_and_shown_grey(processor: Processor) -> None:
    frames = []
    for tone in (0, 0, 200):
        shown, file = PIL.Image.new("RGB", (140, 140), "white"), io.BytesIO()
        shown.paste((tone,) * 3, (0, 0, 70, 140))
        shown.save(file, "PNG")
        frames.append(file.getvalue())
    sampling = VideoSampling(fps=2, package_frames=6, force_package_frames=True)
    asked = replace(job(File(tuple(frames), True, sampling=sampling)), shows_pictures=True)
    plain, told = (
        prepare(asked, one, Limits(), ROOM).files[0] for one in (processor, processor.with_static_patches(0))
    )
    assert told.usage == plain.usage
    (package,), (whole,) = told.details["packages"], plain.details["packages"]
    places = package["patches"] // 3
    assert (package["static_patches"], package["times"]) == ([0, places, places // 2], whole["times"])
    assert whole.keys() == {"times", "pictures"}
    assert package["pictures"][0] == whole["pictures"][0]
    assert levels(package["pictures"][1]) == [191, 191]
    assert levels(package["pictures"][2]) == pytest.approx([200, 191], abs=1)


def levels(url: str) -> list[int]:
    """Of the middle of the left half of a picture, and of the right one."""
    shown = PIL.Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))).convert("L")
    return [shown.getpixel((shown.width * part // 4, shown.height // 2)) for part in (1, 3)]


def test_files_that_take_too_long_are_left_and_the_next_is_opened(processor: Processor) -> None:
    async def story(workers: MediaWorkers) -> None:
        with pytest.raises(ValueError, match=r"took longer than 0\.01 s"):
            await workers.prepare(job(File(CLIP, sampling=VideoSampling(fps=60))))
        object.__setattr__(workers.limits, "decode_seconds", 60.0)
        assert (await workers.prepare(job(File(PICTURE)))).files[0].usage["slices"] == 1

    run(processor, Limits(decode_seconds=0.01), story)


def test_a_process_that_dies_costs_one_request(processor: Processor) -> None:
    async def story(workers: MediaWorkers) -> None:
        worker = workers._idle.get_nowait()
        workers._idle.put_nowait(worker)
        os.kill(worker._process.pid, signal.SIGKILL)
        with pytest.raises(ValueError, match="their decoder ended"):
            await workers.prepare(job(File(PICTURE)))
        assert worker._pipe.closed
        assert (await workers.prepare(job(File(PICTURE)))).files

    run(processor, Limits(), story)


def test_a_process_that_cannot_be_started_is_tried_again(
    processor: Processor, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    starts: list[int] = []
    start = media_workers._Worker.__init__

    def fails_once(self: media_workers._Worker, settings: tuple[Processor, Limits, int]) -> None:
        starts.append(1)
        if len(starts) == 2:
            raise OSError("Cannot allocate memory")
        start(self, settings)

    async def story(workers: MediaWorkers) -> None:
        with pytest.raises(ValueError, match="took longer"):
            await workers.prepare(job(File(CLIP, sampling=VideoSampling(fps=60))))
        object.__setattr__(workers.limits, "decode_seconds", 60.0)
        assert (await workers.prepare(job(File(PICTURE)))).files

    monkeypatch.setattr(media_workers._Worker, "__init__", fails_once)
    monkeypatch.setattr(media_workers, "START_PAUSE", 0.01)
    run(processor, Limits(decode_seconds=0.01), story)
    assert len(starts) == 3
    assert "could not be started: Cannot allocate memory" in caplog.text


def test_who_leaves_stops_the_work(processor: Processor) -> None:
    async def story(workers: MediaWorkers) -> None:
        leaving = asyncio.create_task(workers.prepare(job(File(CLIP, sampling=VideoSampling(fps=60)))))
        await asyncio.sleep(0.05)
        leaving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leaving
        assert (await workers.prepare(job(File(PICTURE)))).files

    run(processor, Limits(), story)


@pytest.mark.skipif(not Path("/proc/self/statm").is_file(), reason="memory is bounded on Linux alone")
def test_files_that_take_too_much_memory_are_refused(processor: Processor) -> None:
    large = b"P6 9000 5000 255\n" + bytes(9000 * 5000 * 3)  # 135 MB, and as much for each copy of it

    async def story(workers: MediaWorkers) -> None:
        with pytest.raises(ValueError, match="memory"):
            await workers.prepare(job(File(large)))
        assert (await workers.prepare(job(File(PICTURE)))).files

    run(processor, Limits(decode_bytes=2**28), story)


def test_what_a_reader_warns_of_is_a_note(processor: Processor, tmp_path: Path) -> None:
    make_clip(tmp_path / "a.mkv", range(50))
    data = (tmp_path / "a.mkv").read_bytes()
    cut = File(data[: len(data) * 6 // 10])
    (note,) = prepare_with_warnings(job(cut), processor, Limits(), ROOM).notes
    assert "announces 2.00 s, but only" in note


@pytest.mark.parametrize(
    ("files", "limits", "fault"),
    [
        ([File(PICTURE)], {"max_pixels": 9471}, r"has 9472 pixels, at most 9471"),
        ([File((PICTURE, PICTURE))], {"max_pixels": 100}, r"has 9472 pixels, at most 100"),
        ([File(CLIP)], {"max_pixels": 100}, r"15960 pixels in a frame, at most 100"),
        ([File(CLIP)], {"max_seconds": 2.5}, r"2\.8 seconds, at most 2\.5"),
        ([File(CLIP)], {"max_frames": 5}, r"8 frames to look at, at most 5"),
        ([File(CLIP, most_frames=10)], {"max_frames": 5}, r"10 frames are requested, at most 5"),
    ],
)
def test_bounds_of_files(processor: Processor, files: list[File], limits: dict[str, float], fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        prepare(job(*files), processor, Limits(**limits), ROOM)


def test_bounds_of_pages(processor: Processor, tmp_path: Path) -> None:
    pattern(60, 40, 0).save(tmp_path / "a.tiff", save_all=True, append_images=[pattern(60, 40, 1)])
    pages = File((tmp_path / "a.tiff").read_bytes())
    with pytest.raises(ValueError, match="4 pages are requested, at most 3"):
        prepare(job(pages, pages), processor, Limits(max_pages=3), ROOM)
