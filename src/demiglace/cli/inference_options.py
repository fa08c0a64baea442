"""Options shared by several commands, each declared once, and their meaning: model, sampling, files, slices."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields, is_dataclass, replace
from functools import wraps
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from demiglace.cli.terminal import note
from demiglace.conversation import Document, Image, Part, Video, VideoSampling
from demiglace.safe_files import read_object

if TYPE_CHECKING:
    from demiglace.engine.guided import Guide
    from demiglace.engine.sampling import SamplingParams
    from demiglace.inference.demiglace import Demiglace

Model = Annotated[
    str | None, typer.Option(help="Folder or hub id, or nano or nano-reader. [default: nano; to read, nano-reader]")
]
Device = Annotated[str | None, typer.Option(help="Such as cpu, cuda or cuda:1. [default: the fastest available]")]
Dtype = Annotated[str | None, typer.Option(help="float32, bfloat16 or float16. [default: what suits the device]")]
Quantize = Annotated[
    str | None, typer.Option(help="int8 or int4: weights of the language model. [default: those of --dtype]")
]
System = Annotated[str | None, typer.Option(help="System message before the conversation.")]
Think = Annotated[bool, typer.Option("--think", help="Ask for a long answer, with reasoning first.")]

Pages = Annotated[str | None, typer.Option(help='Pages of PDFs and TIFFs, such as "1-3,7". [default: all]')]
Fps = Annotated[float | None, typer.Option(help="Target frames per second of videos. [default: 3]")]
MaxPackages = Annotated[int | None, typer.Option(help="Maximum packages of frames of a video. [default: 180]")]
PackageFrames = Annotated[
    int | None, typer.Option(help="Frames in each package, 1 to 6. [default: 1, in long videos up to 3]")
]
StaticPatches = Annotated[
    float | None,
    typer.Option(
        help="Encode patches that stay the same within a package of a video only once: up to this difference, in "
        "levels of 255; below 0, none. [default: the checkpoint's setting, else none]"
    ),
]
NumBeams = Annotated[int | None, typer.Option(help="Number of beams of beam search; the answer is not streamed.")]
MaxSlices = Annotated[int | None, typer.Option(help="Maximum slices of an image or page.")]
NoUpscale = Annotated[bool, typer.Option("--no-upscale", help="Do not enlarge small images.")]

MOST_SCHEMA_BYTES = 2**20
ABOUT_NANO = (
    "[nano, the default model, reads lines of print and sees simple drawings. Expect wrong answers about anything "
    "else. `demiglace read` reads pages, and --model takes a larger model.]"
)


@dataclass(frozen=True)
class Loading:
    """Which model to load, and where; None leaves it to `Demiglace.load`."""

    model: Model = None
    adapter: Annotated[str | None, typer.Option(help="Folder of a LoRA adapter to add to the model.")] = None
    device: Device = None
    dtype: Dtype = None
    quantize: Quantize = None

    def load(self) -> Demiglace:
        from demiglace.inference.demiglace import Demiglace

        return Demiglace.load(self.model, self.device, self.dtype, self.adapter, self.quantize)

    def load_to_answer(self) -> Demiglace:
        """The model, with a note of what to expect where nobody chose one: nano answers whatever it is asked."""
        assistant = self.load()
        if self.model is None and self.adapter is None:
            note(ABOUT_NANO)
        return assistant

    def for_reading(self) -> Loading:
        """Defaults to the reader model; ValueError for an adapter then, which is usually for another model.

        The reader has layers of the same sizes as nano, so nothing else would reveal the mistake.
        """
        from demiglace.model.hub import NANO_READER

        if self.adapter is not None and self.model is None:
            raise ValueError(
                f"--adapter requires --model, the one that it was trained on: the default here is {NANO_READER}"
            )
        return replace(self, model=self.model or NANO_READER)


@dataclass(frozen=True)
class Sampling:
    """How answers are sampled; None keeps the checkpoint's own value."""

    max_new_tokens: Annotated[int | None, typer.Option(help="Maximum tokens of an answer.")] = None
    temperature: Annotated[float | None, typer.Option(help="Sampling temperature; 0 is greedy.")] = None
    top_p: Annotated[
        float | None, typer.Option(help="Sample from the most likely tokens with this total probability.")
    ] = None
    top_k: Annotated[int | None, typer.Option(help="Sample from this many of the most likely tokens; 0 is all.")] = None
    min_p: Annotated[
        float | None, typer.Option(help="Sample from tokens with at least this share of the top probability.")
    ] = None
    repetition_penalty: Annotated[float | None, typer.Option(help="Above 1, the answer repeats itself less.")] = None
    presence_penalty: Annotated[
        float | None, typer.Option(help="Subtracted from the logit of each token that the answer contains, -2 to 2.")
    ] = None
    frequency_penalty: Annotated[
        float | None, typer.Option(help="Subtracted once for each time that the answer contains the token, -2 to 2.")
    ] = None
    stop: Annotated[list[str] | None, typer.Option(help="End the answer before this text; may be repeated.")] = None
    thinking_budget: Annotated[
        int | None, typer.Option(help="Maximum tokens of the reasoning; the answer follows.")
    ] = None
    seed: Annotated[int | None, typer.Option(help="Seed of sampling; the same seed repeats an answer.")] = None
    num_beams: NumBeams = None

    def of(self, default: SamplingParams) -> SamplingParams:
        """`default` overridden by the options; ValueError for options without effect."""
        given = _given(**asdict(self))
        chosen = replace(default, **given)
        idle = [name for name in ("top_p", "top_k", "min_p", "seed") if name in given and chosen.temperature == 0]
        if idle:
            names = ", ".join("--" + name.replace("_", "-") for name in idle)
            raise ValueError(f"{names} has no effect at temperature 0: give --temperature too")
        return chosen


@dataclass(frozen=True)
class Form:
    """The form that the answer must have."""

    json_schema: Annotated[
        Path | None, typer.Option(help="File with a JSON schema: the answer is JSON that follows it.")
    ] = None
    regex: Annotated[str | None, typer.Option(help="Regular expression that the whole answer must match.")] = None
    choice: Annotated[list[str] | None, typer.Option(help="Allowed answer; repeat it for each choice.")] = None

    def guide(self) -> Guide | None:
        """None if any answer will do; ValueError on two forms, and on one that is not supported."""
        given = _given(**asdict(self))
        if len(given) > 1:
            raise ValueError(f"{' and '.join('--' + name.replace('_', '-') for name in given)} cannot be combined")
        if not given:
            return None
        from demiglace.engine.guided import Guide

        if self.json_schema:
            return Guide.json_schema(read_object(self.json_schema, MOST_SCHEMA_BYTES))
        return Guide.choice(self.choice) if self.choice else Guide.regex(self.regex or "")


@dataclass(frozen=True)
class Slicing:
    """How images and pages are cut into slices; None keeps the checkpoint's own value."""

    max_slices: MaxSlices = None
    no_upscale: NoUpscale = False

    def changes(self) -> dict[str, Any]:
        """As fields of a `SlicingConfig`."""
        return _given(max_slices=self.max_slices, upscale=False if self.no_upscale else None)

    def check(self, parts: Sequence[Part]) -> None:
        """ValueError where slices are chosen and none of the files is cut into any: frames of videos never are."""
        from demiglace.processing.slicing import SLICING

        if self.max_slices is not None:
            SLICING["max_slices"].check("max_slices", self.max_slices)
        if self.changes() and not any(isinstance(part, Image | Document) for part in parts):
            names = [f"--max-slices {self.max_slices}"] if self.max_slices is not None else []
            names += ["--no-upscale"] if self.no_upscale else []
            raise ValueError(f"{' and '.join(names)}: only for pictures and pages, and no file given is or has one")


VIDEO = ("fps", "max_packages", "package_frames")  # of a `VideoSampling`


@dataclass(frozen=True)
class Reading:
    """How files become parts; None keeps each reader's default."""

    pages: Pages = None
    as_video: Annotated[
        bool,
        typer.Option(
            "--as-video",
            help="Treat animated GIF, WebP, PNG and AVIF as videos, as does any option of videos; otherwise only the "
            "first frame is used.",
        ),
    ] = False
    fps: Fps = None
    max_packages: MaxPackages = None
    package_frames: PackageFrames = None
    static_patches: StaticPatches = None

    def parts(self, files: Sequence[str]) -> tuple[Part, ...]:
        """ValueError if pages are chosen and none of the files has any, and likewise for options of videos."""
        parts = tuple(self.part(file) for file in files)
        if self.pages is not None and not any(isinstance(part, Document) for part in parts):
            raise ValueError(no_pages(self.pages))
        if self._has_video_options and not any(isinstance(part, Video) for part in parts):
            names = ", ".join(
                "--" + name.replace("_", "-")
                for name in ("as_video", *VIDEO, "static_patches")
                if getattr(self, name) is not None and getattr(self, name) is not False
            )
            raise ValueError(f"{names}: only for videos and animations, and no file given is one")
        return parts

    def part(self, file: str) -> Part:
        from demiglace.inference.file_parts import part_of
        from demiglace.media.pictures import has_pages, is_animated

        if self.pages is not None and has_pages(file):
            return Document(file, self.pages)
        part = part_of(file)
        if isinstance(part, Video) or (self._has_video_options and isinstance(part, Image) and is_animated(file)):
            return Video(file, self.sampling())
        return part

    @property
    def _has_video_options(self) -> bool:
        """Whether animations are treated as videos: nobody chooses a frame rate for a picture."""
        return self.as_video or self.sampling() is not None or self.static_patches is not None

    def sampling(self) -> VideoSampling | None:
        """None if no option is given."""
        wanted = _given(**{name: getattr(self, name) for name in VIDEO})
        if not wanted:
            return None
        return VideoSampling(**wanted, force_package_frames=self.package_frames is not None)


def no_pages(pages: str) -> str:
    return f"--pages {pages} chooses pages of PDFs and TIFFs, and no file given is one"


def with_options(command: Callable[..., None]) -> Callable[..., None]:
    """The command for typer: each parameter that is a dataclass is replaced by an option for each of its fields.

    So options are declared once, however many commands have them.
    """
    hints = get_type_hints(command, include_extras=True)
    groups: dict[str, type[Any]] = {
        name: hint for name, hint in hints.items() if isinstance(hint, type) and is_dataclass(hint)
    }
    options: list[Parameter] = []
    for name, own in signature(command).parameters.items():
        if group := groups.get(name):
            types = get_type_hints(group, include_extras=True)
            options += [_option(field.name, types[field.name], field.default) for field in fields(group)]
        else:
            options.append(_option(name, hints[name], own.default))

    @wraps(command)
    def flat(**given: Any) -> None:
        for name, group in groups.items():
            given[name] = group(**{field.name: given.pop(field.name) for field in fields(group)})
        command(**given)

    flat.__signature__ = Signature(options)  # type: ignore[attr-defined]
    flat.__annotations__ = {option.name: option.annotation for option in options}
    return flat


def _option(name: str, hint: object, default: object) -> Parameter:
    return Parameter(name, Parameter.KEYWORD_ONLY, default=default, annotation=hint)


def _given(**options: Any) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}
