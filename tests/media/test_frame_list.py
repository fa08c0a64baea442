"""Frames that were sampled before are a video too: each is taken once, in order."""

import io

import PIL.Image
import PIL.ImageSequence
import pytest
from clips import HEIGHT, WIDTH, bar_code, number_of, numbers

from demiglace.conversation import Video, VideoSampling
from demiglace.media.video import plan_video, read_packages


def pictures(count: int) -> list[PIL.Image.Image]:
    return [PIL.Image.fromarray(bar_code(number)) for number in range(count)]


def png(picture: PIL.Image.Image) -> bytes:
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def test_frames_as_paths_bytes_and_pictures(tmp_path):
    first, second, third = pictures(3)
    first.save(tmp_path / "0.png")
    second.save(tmp_path / "1.png")
    packages = list(read_packages([str(tmp_path / "0.png"), tmp_path / "1.png", png(third), third], VideoSampling()))
    assert [number_of(frame) for package in packages for frame in package.frames] == [0, 1, 2, 2]
    assert [package.ticks for package in packages] == [[0], [3], [7], [10]]  # a third of a second apart
    assert {frame.size for package in packages for frame in package.frames} == {(WIDTH, HEIGHT)}


@pytest.mark.parametrize("count", [1, 7, 180, 181, 182, 540])
@pytest.mark.parametrize("fps", [0.7, 1, 3, 10])
def test_every_frame_is_taken_once(count, fps):
    frames = pictures(4)
    packages = read_packages([frames[number % 4] for number in range(count)], VideoSampling(fps=fps))
    assert [number_of(frame) for package in packages for frame in package.frames] == [
        number % 4 for number in range(count)
    ]


def test_frames_share_packages_as_those_of_a_file():
    sampling = VideoSampling(fps=2, package_frames=6, force_package_frames=True)
    assert [package.ticks for package in read_packages(pictures(8), sampling)] == [[0, 5, 10, 15, 20, 25], [30, 35]]
    facts, plan = plan_video(pictures(8), VideoSampling(fps=2, max_packages=5, package_frames=2))
    assert (facts.duration_s, facts.fps, facts.num_frames) == (4, 2, 8)
    assert plan.package_sizes == (2, 2, 2, 2)


def test_a_span_of_frames_or_some_of_them():
    chosen = read_packages(pictures(10), VideoSampling(fps=1, start=3, end=6))
    assert [number_of(package.frames[0]) for package in chosen] == [3, 4, 5]
    chosen = read_packages(pictures(10), VideoSampling(num_frames=2))
    assert [number_of(package.frames[0]) for package in chosen] == [2, 7]


def test_more_frames_than_the_packages_hold():
    with pytest.raises(ValueError, match="7 frames are given, but 3 packages of 2 hold 6"):
        next(read_packages(pictures(7), VideoSampling(max_packages=3, package_frames=2)))


def test_frames_of_different_sizes_are_not_one_video():
    frames = [*pictures(2), PIL.Image.new("RGB", (48, 64))]
    with pytest.raises(ValueError, match=r"frame 3 is 48 x 64 pixels, the first is 64 x 48"):
        list(read_packages(frames))


def test_frames_that_are_none(tmp_path):
    with pytest.raises(ValueError, match=r"frame 2: .*nowhere\.png does not exist"):
        list(read_packages([pictures(1)[0], tmp_path / "nowhere.png"]))
    with pytest.raises(ValueError, match="frame 1 must be a path, bytes or a PIL image, got int"):
        list(read_packages([3]))
    for source in ([], ()):
        with pytest.raises(ValueError, match="at least one frame, got none"):
            Video(source)
        with pytest.raises(ValueError, match="at least one frame, got none"):
            list(read_packages(source))


def test_an_opened_animation_is_one_frame(tmp_path):
    frames = pictures(3)
    frames[0].save(tmp_path / "three.gif", save_all=True, append_images=frames[1:], duration=100)
    with PIL.Image.open(tmp_path / "three.gif") as opened:
        with pytest.raises(ValueError, match="frames 1 and 2 are one opened file at one of its frames: give copies"):
            numbers(list(PIL.ImageSequence.Iterator(opened)))
        assert numbers([frame.copy() for frame in PIL.ImageSequence.Iterator(opened)]) == [0, 1, 2]
    assert numbers([frames[1]] * 3) == [1, 1, 1]


def test_a_list_of_frames_is_kept_as_it_was():
    frames = ["a.png", "b.png"]
    video = Video(frames)
    frames.append("c.png")
    assert video == Video(("a.png", "b.png"))
    assert hash(video) == hash(Video(["a.png", "b.png"]))
    assert Video("clip.mp4").source == "clip.mp4"
    assert Video(b"bytes").source == b"bytes"
