"""Pictures and videos of rows, in every form; what is broken or leads out of the folder is refused."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
from public_layouts import in_base64, png, struct

from demiglace.evaluation.dataset.media import pictures_of, video_of
from demiglace.evaluation.dataset.row import Row

LONG_NAME = "scan-of-a-page-" * 5  # longer than an index or a reference in a TSV


@pytest.mark.parametrize(
    ("fields", "count"),
    [
        ({"image": in_base64()}, 1),
        ({"image": f"data:image/png;base64,{in_base64()}"}, 1),
        ({"image": f'["{in_base64()}", "{in_base64("blue")}"]'}, 2),
        ({"image": f"['{in_base64()}', '{in_base64('blue')}']"}, 2),
        ({"image_path": "a.png"}, 1),
        ({"image_path": "['a.png', 'images/b.png']"}, 2),
        ({"image": struct()}, 1),
        ({"images": [struct(), struct("blue")]}, 2),
        ({"image": "images/1.jpg", "decoded_image": struct()}, 1),
        ({"image_1": struct(), "image_2": struct("blue"), "image_10": struct("green"), "image_3": None}, 3),
        ({"image": "b.png"}, 1),
        ({"image": f"{LONG_NAME}.tiff"}, 1),
    ],
)
def test_every_form_of_picture_is_read(tmp_path: Path, fields: dict[str, Any], count: int) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "a.png").write_bytes(png())
    (tmp_path / "images" / "b.png").write_bytes(png())
    (tmp_path / f"{LONG_NAME}.tiff").write_bytes(png())
    assert len(pictures_of(Row(fields, tmp_path, "row 1"))) == count


def test_numbered_pictures_come_in_order_of_their_numbers(tmp_path: Path) -> None:
    row = Row({"image_10": struct("green"), "image_2": struct("blue")}, tmp_path, "row 1")
    assert [part.source for part in pictures_of(row)] == [png("blue"), png("green")]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("../secret.png", "leads out of the folder"),
        ("/etc/passwd.png", "leads out of the folder"),
        ("missing.png", "which is not in"),
        ("!" * 100, "not valid base64"),
        (7, "a picture of type int"),
    ],
)
def test_what_is_no_picture_is_refused(tmp_path: Path, value: Any, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        pictures_of(Row({"image": value}, tmp_path, "row 1"))


@pytest.mark.parametrize(
    "fields",
    [{"image": ""}, {"image": None}, {"images": [None]}, {"image_1": None}, {"image_base64": in_base64()}],
)
def test_a_row_without_a_picture_is_refused(tmp_path: Path, fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=rf"row 1 holds no picture; its columns are: question, {next(iter(fields))}"):
        pictures_of(Row({"question": "What?", **fields}, tmp_path, "row 1"))


@pytest.mark.parametrize("name", ["clip", "clip.mp4", "videos/clip.mp4", "./videos/clip.mp4"])
def test_videos_are_found_with_or_without_folder_and_suffix(tmp_path: Path, name: str) -> None:
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos" / "clip.mp4").write_bytes(base64.b64decode("AAAA"))
    (part,) = video_of(Row({"video": name}, tmp_path, "row 1"), "video_path", "video")
    assert Path(part.source).resolve() == (tmp_path / "videos" / "clip.mp4").resolve()  # type: ignore[union-attr]
