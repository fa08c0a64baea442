"""Options for files: frames, packages, slices and pages, under the names of several servers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from demiglace.conversation import VideoSampling
from demiglace.fields import Field, Real, Switch, Whole, Words
from demiglace.server.errors import refused
from demiglace.server.media_sources import MediaSources, from_base64
from demiglace.server.preparation import File
from demiglace.server.protocol import FileFields

ALL_FRAMES = -1  # vLLM's num_frames
NATIVE_FPS = 60.0  # the highest rate: every frame of nearly any video
VIDEO: Mapping[str, Field] = {
    "fps": Real(0, 60, above=True),
    "num_frames": Whole(ALL_FRAMES, 2**20),
    "max_frames": Whole(1, 2**20),
    "package_frames": Whole(1, 6),
    "force_package_frames": Switch(),
    "max_packages": Whole(1, 2**20),
    "start": Real(0, 1e9),
    "end": Real(0, 1e9),
}
NUMBERS: Mapping[str, Field] = {**VIDEO, "max_slices": Whole(1, 256), "pages": Words()}
OTHER_NAMES = {  # names used by other servers
    "nframes": "num_frames",
    "max_num_frames": "max_frames",
    "video_start": "start",
    "video_end": "end",
    "max_slice_nums": "max_slices",
    "video_max_num_frames": "max_packages",
    "video_max_num_packing": "package_frames",
    "video_force_packing": "package_frames",
}
OF_PARTS = frozenset({  # known in a part alone, where other code reads them, or nothing does
    *("type", "url", "data", "detail", "uuid", "filename", "format", "file_data", "file_id", "file_url"),
    *("video_config", "cache_control", "prompt_cache_breakpoint"),
})  # fmt: skip
IGNORED = frozenset({
    *("min_pixels", "max_pixels", "total_pixels", "resized_height", "resized_width", "do_sample_frames"),
    *("max_tokens_per_frame", "max_image_tokens", "max_long_side_pixel", "use_image_id"),
    *("enable_video_temporal_ids", "video_time_scale"),
})  # fmt: skip


@dataclass(frozen=True)
class FileOptions:
    """Options of a request. numbers: those of `NUMBERS` that were given."""

    numbers: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, request: FileFields) -> FileOptions:
        """A request's options for all files; ours override `media_io_kwargs`, which override `mm_processor_kwargs`."""
        found = numbers_of(request.mm_processor_kwargs or {}, "mm_processor_kwargs")
        for medium, numbers in (request.media_io_kwargs or {}).items():
            name = f"media_io_kwargs.{medium[:60]}"
            if medium not in ("video", "image", "audio"):
                raise refused(f"Unknown parameter: '{name}'.", name, "unknown_parameter")
            if not isinstance(numbers, Mapping | None):
                raise refused(f"{name} must be an object", name)
            if medium == "video":
                found |= numbers_of(numbers or {}, name)
        return cls(found | numbers_of({name: getattr(request, name) for name in NUMBERS}, ""))

    @property
    def slicing(self) -> dict[str, int]:
        return {"max_slices": self.numbers["max_slices"]} if "max_slices" in self.numbers else {}

    def file(self, source: bytes | tuple[bytes, ...], is_video: bool, own: Mapping[str, Any]) -> File:
        """own: options of this file only, which override the request's."""
        numbers = {**self.numbers, **own}
        sampling, most = _sampling({name: value for name, value in numbers.items() if name in VIDEO})
        is_packing_open = not {"package_frames", "max_packages"} & numbers.keys() and sampling is not None
        names = tuple(name for name in own if name in VIDEO or name == "pages")
        return File(source, is_video, numbers.get("pages"), sampling, most, is_packing_open, names)


def numbers_of(given: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Options in `NUMBERS`, under our names; ApiError for unknown names and values out of bounds.

    where: the field that has them, "" for a part.
    """
    found = {}
    for name, value in given.items():
        param = f"{where}.{name[:60]}".lstrip(".")
        known = OTHER_NAMES.get(name, name)
        if value is None or name in IGNORED or (not where and name in OF_PARTS):
            continue
        if known not in NUMBERS:
            raise refused(f"Unknown parameter: '{param}'.", param, "unknown_parameter")
        try:
            found[known] = NUMBERS[known].check(param, value)
        except ValueError as error:
            raise refused(str(error), param) from error
    return found | _packing_of(given, found)


def _packing_of(given: Mapping[str, Any], found: Mapping[str, Any]) -> dict[str, Any]:
    """TensorRT-LLM has two names for frames in a package: a maximum, and a fixed number."""
    most, forced = (given.get(name) for name in ("video_max_num_packing", "video_force_packing"))
    if most is None or "package_frames" in given:
        return {}
    if forced is not None:
        return {"package_frames": min(most, forced)}
    return {} if "force_package_frames" in found else {"force_package_frames": False}


def _sampling(numbers: dict[str, Any]) -> tuple[VideoSampling | None, int | None]:
    """The sampling, None if nothing was given: then the video is fitted to the available tokens. And most frames.

    `num_frames`, as other servers use it, means so many frames out of all, or all if there are fewer.
    """
    if not numbers:
        return None, None
    num_frames, max_frames = numbers.pop("num_frames", None), numbers.pop("max_frames", None)
    most = [number for number in (num_frames, max_frames) if number not in (None, ALL_FRAMES)]
    if num_frames is not None:
        numbers.setdefault("fps", NATIVE_FPS)
    numbers.setdefault("force_package_frames", "package_frames" in numbers)
    sampling = VideoSampling(**numbers)
    return sampling, min(most) if most else None


async def file_of(
    part: Mapping[str, Any], field: str, is_video: bool, options: FileOptions, sources: MediaSources
) -> File:
    """The file of a part: in `field`, as a URL or as an object with one, or in the part itself.

    ValueError if there is none, or if it is not available.
    """
    inner = part.get(field)
    held = inner if isinstance(inner, Mapping) else {}
    numbers = numbers_of({name: value for name, value in part.items() if name != field}, "")
    config = part.get("video_config") or held.get("video_config")
    numbers |= numbers_of(config if isinstance(config, Mapping) else {}, "video_config") | numbers_of(held, "")
    if "max_slices" in numbers and numbers["max_slices"] != options.numbers.get("max_slices"):
        raise ValueError("max_slices applies to the whole request: give it beside messages")
    source = await _source({**part, **held}, inner, field, sources)
    return options.file(source, is_video or isinstance(source, tuple), numbers)


async def _source(
    held: Mapping[str, Any], inner: object, field: str, sources: MediaSources
) -> bytes | tuple[bytes, ...]:
    if isinstance(inner, list):
        sources_read = [await sources.read(_text(address, field)) for address in inner]
        return tuple(frame for read in sources_read for frame in ([read] if isinstance(read, bytes) else read))
    if isinstance(inner, str):
        return await sources.read(inner)
    if held.get("file_id") is not None:
        return sources.uploads.get(_text(held["file_id"], "file_id")).data
    for name in ("url", "file_url"):
        if held.get(name) is not None:
            return await sources.read(_text(held[name], name))
    for name in ("file_data", "data"):
        if held.get(name) is not None:
            text = _text(held[name], name)
            return await sources.read(text) if text.startswith("data:") else from_base64(text)
    raise ValueError(f"{field} needs an address, data or the id of an uploaded file")


def _text(value: object, name: str) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{name} must be text, got {type(value).__name__}")
    return value
