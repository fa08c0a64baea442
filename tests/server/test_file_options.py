"""Files and numbers for them in every dialect: the same clip, frames, packages, slices and pages."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

import httpx
import PIL.Image
import pytest
from patterns import pattern
from pdf_writer import Sheet, write_pdf
from running_server import SAMPLES, data_url

CLIP = data_url("flash.mp4", "video/mp4")
PICTURE = data_url("heading.png", "image/png")


def preview(client: httpx.Client, *parts: dict[str, Any], **fields: Any) -> list[dict[str, Any]]:
    """What is seen of each file."""
    body = {"messages": [{"role": "user", "content": [*parts, {"type": "text", "text": "?"}]}], **fields}
    response = client.post("/v1/preview", json=body)
    assert response.status_code == 200, response.text
    return response.json()["media"]


def fault(client: httpx.Client, *parts: dict[str, Any], **fields: Any) -> tuple[str, str]:
    response = client.post("/v1/preview", json={"messages": [{"role": "user", "content": [*parts]}], **fields})
    assert response.status_code == 400, response.text
    return response.json()["error"]["message"], response.json()["error"]["param"]


def raw(url: str) -> str:
    return url.partition(",")[2]


@pytest.mark.parametrize(
    "part",
    [
        {"type": "image_url", "image_url": {"url": PICTURE, "detail": "low"}},
        {"type": "image_url", "image_url": PICTURE},
        {"type": "image_url", "image_url": {"url": PICTURE}, "uuid": "1"},
        {"type": "input_image", "image_url": PICTURE, "detail": "auto"},
        {"type": "image", "image": PICTURE},
        {"type": "image", "url": PICTURE},
        {"type": "file", "file": {"file_data": PICTURE, "filename": "a.png"}},
        {"type": "file", "file": {"file_data": raw(PICTURE)}},
        {"type": "input_file", "file_data": PICTURE, "filename": "a.png"},
        {"type": "input_file", "file_url": PICTURE},
    ],
)
def test_a_picture_in_every_dialect(client: httpx.Client, part: dict[str, Any]) -> None:
    (seen,) = preview(client, part)
    assert (seen["type"], seen["slices"], seen["tokens"]) == ("image", 1, 64)


@pytest.mark.parametrize(
    "part",
    [
        {"type": "video_url", "video_url": {"url": CLIP}},
        {"type": "video_url", "video_url": CLIP},
        {"type": "input_video", "input_video": {"data": raw(CLIP)}},
        {"type": "input_video", "input_video": {"url": CLIP}},
        {"type": "input_video", "data": raw(CLIP)},
        {"type": "video", "video": CLIP},
        {"type": "file", "file": {"file_data": CLIP}},
    ],
)
def test_a_clip_in_every_dialect(client: httpx.Client, part: dict[str, Any]) -> None:
    (seen,) = preview(client, part)
    assert (seen["type"], seen["frames"], len(seen["packages"]), seen["seconds"]) == ("video", 8, 8, 2.8)


@pytest.mark.parametrize(
    ("inside", "beside", "frames", "packages"),
    [
        ({}, {}, 8, 8),
        ({"fps": 1}, {}, 3, 3),
        ({}, {"fps": 1.0}, 3, 3),
        ({"fps": 1}, {"fps": 10}, 3, 3),
        ({"max_frames": 5}, {}, 5, 5),
        ({"fps": 1, "max_frames": 5}, {}, 3, 3),
        ({"fps": 10, "max_frames": 5, "max_tokens_per_frame": 64, "max_long_side_pixel": 448}, {}, 5, 5),
        ({"video_config": {"max_frames": 4}}, {}, 4, 4),
        ({"nframes": 6}, {}, 6, 6),
        ({}, {"media_io_kwargs": {"video": {"num_frames": 20}}}, 20, 20),
        ({}, {"media_io_kwargs": {"video": {"fps": 1}}}, 3, 3),
        ({}, {"media_io_kwargs": {"video": {"num_frames": -1, "fps": 1}, "image": {"size": 1}}}, 3, 3),
        ({}, {"mm_processor_kwargs": {"fps": 1.0}}, 3, 3),
        ({}, {"mm_processor_kwargs": {"num_frames": 12, "video_force_packing": 6}}, 12, 2),
        ({}, {"mm_processor_kwargs": {"num_frames": 12, "video_max_num_packing": 6}}, 12, 12),
        ({}, {"mm_processor_kwargs": {"video_max_num_packing": 6, "video_max_num_frames": 2}}, 8, 2),
        ({}, {"mm_processor_kwargs": {"video_force_packing": 6, "video_max_num_packing": 4}}, 8, 2),
        ({}, {"media_io_kwargs": {"video": None}, "mm_processor_kwargs": {"fps": 1.0}}, 3, 3),
        ({"package_frames": 3}, {}, 8, 3),
        ({"package_frames": 3, "force_package_frames": False}, {}, 8, 8),
        ({}, {"package_frames": 3, "max_packages": 2}, 6, 2),
        ({"package_frames": 6}, {"media_io_kwargs": {"video": {"num_frames": 30}}}, 30, 5),
        ({"start": 1.0, "end": 2.0}, {}, 3, 3),
        ({}, {"start": 1.0, "end": 2.0}, 3, 3),
        ({}, {"package_frames": 3, "force_package_frames": False}, 8, 8),
    ],
)
def test_frames_are_sampled_as_each_server_s_users_write_it(
    client: httpx.Client, inside: dict[str, Any], beside: dict[str, Any], frames: int, packages: int
) -> None:
    (seen,) = preview(client, {"type": "video_url", "video_url": {"url": CLIP, **inside}}, **beside)
    assert (seen["frames"], len(seen["packages"])) == (frames, packages)
    (beside_url,) = preview(client, {"type": "video_url", "video_url": {"url": CLIP}, **inside}, **beside)
    assert beside_url == seen


def test_frames_that_do_not_fit_come_in_fuller_packages(client: httpx.Client) -> None:
    part = {"type": "video_url", "video_url": {"url": CLIP, "fps": 60}}  # 56 frames, all there are, in 4096 tokens
    content = [part, {"type": "text", "text": "?"}]
    told = client.post("/v1/preview", json={"messages": [{"role": "user", "content": content}]}).json()
    (seen,) = told["media"]
    assert (seen["frames"], len(seen["packages"])) == (56, 28)
    assert told["notes"] == ["videos in packages of 2 frames, to fit into 4095 tokens"]
    assert told["prompt_tokens"] < 4096 * 3 / 4
    (all_single,) = preview(client, {"type": "video_url", "video_url": {"url": CLIP, "fps": 10}})
    assert (all_single["frames"], len(all_single["packages"])) == (28, 28)


def test_a_list_of_frames_is_a_clip(client: httpx.Client) -> None:
    frames = []
    for seed in range(4):
        file = io.BytesIO()
        pattern(60, 40, seed).save(file, "JPEG")
        frames.append(base64.b64encode(file.getvalue()).decode())
    (seen,) = preview(client, {"type": "video_url", "video_url": {"url": "data:video/jpeg;base64," + ",".join(frames)}})
    assert (seen["frames"], seen["width"], seen["height"]) == (4, 60, 40)
    assert [package["times"] for package in seen["packages"]] == [[0.0], [0.3], [0.7], [1.0]]
    urls = [f"data:image/jpeg;base64,{frame}" for frame in frames]
    assert preview(client, {"type": "video", "video": urls}) == [seen]


def test_pages_of_a_pdf_and_of_a_tiff(client: httpx.Client, tmp_path: Path) -> None:
    pdf = write_pdf(tmp_path / "a.pdf", *[Sheet("")] * 3).read_bytes()
    part = {"type": "file", "file": {"file_data": data_url(pdf, "application/pdf"), "filename": "a.pdf"}}
    (seen,) = preview(client, part)
    assert (seen["type"], seen["pictures"], len(seen["pages"])) == ("document", 3, 3)
    file = io.BytesIO()
    pattern(60, 40, 0).save(file, "TIFF", save_all=True, append_images=[pattern(60, 40, 1)])
    tiff = {"type": "input_file", "file_data": data_url(file.getvalue(), "image/tiff")}
    assert [one["pictures"] for one in preview(client, tiff)] == [2]
    assert [one["pictures"] for one in preview(client, part, tiff, pages="1-2")] == [2, 2]
    assert [one["pictures"] for one in preview(client, {**part, "pages": "3"}, tiff)] == [1, 2]
    assert "no file of this request" in fault(client, {"type": "image_url", "image_url": PICTURE}, pages="1")[0]
    assert "page 4 is outside" in fault(client, part, pages="4")[0]


def animation(kind: str) -> str:
    file = io.BytesIO()
    frames = [pattern(60, 40, seed) for seed in range(4)]
    frames[0].save(file, kind, save_all=True, append_images=frames[1:], duration=500)
    return data_url(file.getvalue(), f"image/{kind.lower()}")


@pytest.mark.parametrize("numbers", [{"fps": 4}, {"num_frames": 3}, {"start": 0.6}])
def test_numbers_of_its_own_have_an_animation_watched(client: httpx.Client, numbers: dict[str, Any]) -> None:
    url = animation("WEBP")
    (clip,) = preview(client, {"type": "video_url", "video_url": {"url": url}, **numbers})
    assert clip["type"] == "video"
    assert preview(client, {"type": "image_url", "image_url": {"url": url}, **numbers}) == [clip]
    assert preview(client, {"type": "image_url", "image_url": {"url": url, **numbers}}) == [clip]
    assert preview(client, {"type": "input_image", "image_url": url, **numbers}) == [clip]
    assert [one["type"] for one in preview(client, {"type": "image_url", "image_url": url}, **numbers)] == ["image"]


@pytest.mark.parametrize("route", ["/v1/chat/completions", "/v1/preview", "/v1/responses"])
def test_numbers_of_its_own_that_change_nothing_are_refused(client: httpx.Client, route: str, tmp_path: Path) -> None:
    page = write_pdf(tmp_path / "a.pdf", Sheet("")).read_bytes()
    pdf = {"type": "input_file", "file_data": data_url(page, "application/pdf")}
    picture, clip = {"type": "input_image", "image_url": PICTURE}, {"type": "video_url", "video_url": CLIP}
    for part, told in (
        ({**picture, "fps": 4}, "fps: only for videos and animations, and the file of this part is none"),
        ({**picture, "num_frames": 4, "start": 1}, "num_frames, start: only for videos and animations"),
        ({**pdf, "fps": 4}, "fps: only for videos and animations"),
        ({**picture, "pages": "1"}, "pages are chosen of PDFs and TIFFs, and the file of this part is none"),
        ({**clip, "pages": "1"}, "pages are chosen of PDFs and TIFFs, and the file of this part is none"),
    ):
        messages = [{"role": "user", "content": [{**pdf, "pages": "1"}, part]}]
        field = "input" if route == "/v1/responses" else "messages"
        response = client.post(route, json={field: messages})
        assert (response.status_code, response.json()["error"]["param"]) == (400, field)
        assert told in response.json()["error"]["message"]


def test_slices_are_counted_and_lie_on_the_picture(client: httpx.Client) -> None:
    file = io.BytesIO()
    PIL.Image.new("RGB", (600, 300)).save(file, "PNG")
    part = {"type": "image_url", "image_url": data_url(file.getvalue(), "image/png")}
    (whole,) = preview(client, part, max_slices=1)
    assert (whole["slices"], whole["pages"]) == (1, [{"width": 600, "height": 300, "boxes": []}])
    (cut,) = preview(client, part, max_slices=2)
    assert (cut["slices"], cut["tokens"]) == (3, 192)
    assert cut["pages"][0]["boxes"] == [[0, 0, 300, 300], [300, 0, 600, 300]]
    assert preview(client, part, mm_processor_kwargs={"max_slice_nums": 2}) == [cut]


def test_what_is_seen_is_shown_as_pictures(client: httpx.Client) -> None:
    clip = {"type": "video_url", "video_url": {"url": CLIP, "package_frames": 4}}
    picture, video = preview(client, {"type": "image_url", "image_url": PICTURE}, clip, pictures=True)
    urls = [picture["pages"][0]["picture"], *(url for package in video["packages"] for url in package["pictures"])]
    assert [len(package["pictures"]) for package in video["packages"]] == [4, 4]
    for url in urls:
        shown = PIL.Image.open(io.BytesIO(base64.b64decode(raw(url))))
        assert max(shown.size) <= 320
    heading = PIL.Image.open(SAMPLES / "heading.png")
    first = PIL.Image.open(io.BytesIO(base64.b64decode(raw(urls[0]))))
    assert first.width / first.height == pytest.approx(heading.width / heading.height, rel=0.1)


@pytest.mark.parametrize(
    ("part", "told", "param"),
    [
        ({"type": "image_url"}, "image_url needs an address", "messages.0.content.0"),
        ({"type": "image_url", "image_url": {}}, "image_url needs an address", "messages.0.content.0"),
        ({"type": "image_url", "image_url": 5}, "image_url needs an address", "messages.0.content.0"),
        ({"type": "image_url", "image_url": {"url": 5}}, "url must be text", "messages.0.content.0"),
        ({"type": "image_url", "image_url": "data:;base64,YQ=="}, "neither a picture", "messages"),
        (
            {"type": "image_url", "image_url": "http://127.0.0.1/a.png"},
            "addresses are not fetched",
            "messages.0.content.0",
        ),
        ({"type": "video_url", "video_url": {"url": CLIP, "fps": -1}}, "fps must be a number", "fps"),
        ({"type": "video_url", "video_url": {"url": CLIP, "bla": 1}}, "Unknown parameter: 'bla'", "bla"),
        ({"type": "video_url", "video_url": "data:;base64,YQ=="}, "the given data", "messages"),
        ({"type": "input_audio", "input_audio": {}}, "parts are of type", "messages.0.content.0.type"),
        ({"type": "text"}, "needs text", "messages.0.content.0.text"),
        (
            {"type": "image_url", "image_url": PICTURE, "max_slices": 2},
            "applies to the whole request",
            "messages.0.content.0",
        ),
        ({"type": "file", "file": {"file_id": "file-1"}}, "No such file", "file_id"),
        ({"type": "image", "image": PICTURE, "image_url": PICTURE}, "Unknown parameter: 'image_url'", "image_url"),
    ],
)
def test_parts_that_are_none_are_refused_by_name(
    client: httpx.Client, part: dict[str, Any], told: str, param: str
) -> None:
    response = client.post("/v1/preview", json={"messages": [{"role": "user", "content": [part]}]})
    error = response.json()["error"]
    assert response.status_code in (400, 404)
    assert told in error["message"]
    assert "\n" not in error["message"]
    assert error["param"] == param
