"""What ask, chat and tokens share: their options, and files read as those options say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from demiglace.conversation import Document, Image, Part, Video, VideoSampling

if TYPE_CHECKING:
    from demiglace.engine.sampling import SamplingParams

Model = Annotated[str | None, typer.Option(help="Folder or hub id of a checkpoint. [default: the nano model]")]
Device = Annotated[str | None, typer.Option(help="Such as cpu, cuda or cuda:1. [default: the fastest there is]")]
Dtype = Annotated[str | None, typer.Option(help="float32, bfloat16 or float16. [default: what suits the device]")]
System = Annotated[str | None, typer.Option(help="A system message before everything.")]
Think = Annotated[bool, typer.Option("--think", help="Ask for a long answer, thought through first.")]

MaxNewTokens = Annotated[int | None, typer.Option(help="Cut the answer after so many tokens.")]
Temperature = Annotated[float | None, typer.Option(help="0 always takes the likeliest token.")]
TopP = Annotated[float | None, typer.Option(help="Draw among the likeliest tokens with this much probability.")]
TopK = Annotated[int | None, typer.Option(help="Draw among so many likeliest tokens; 0 among all.")]
RepetitionPenalty = Annotated[float | None, typer.Option(help="Above 1, the answer repeats itself less.")]
Seed = Annotated[int | None, typer.Option(help="Draw the same answer again.")]

Adapter = Annotated[str | None, typer.Option(help="Folder of a LoRA adapter to add to the model.")]

Pages = Annotated[str | None, typer.Option(help='Pages of PDFs and TIFFs, such as "1-3,7". [default: all]')]
AsVideo = Annotated[
    bool,
    typer.Option(
        "--as-video",
        help="Watch animated GIF, WebP, PNG and AVIF, as with any number for videos; else their first frame is seen.",
    ),
]
Fps = Annotated[float | None, typer.Option(help="Frames a second to aim at in videos. [default: 3]")]
MaxPackages = Annotated[int | None, typer.Option(help="Most packages of frames of a video. [default: 180]")]
PackageFrames = Annotated[
    int | None, typer.Option(help="Frames in each package, 1 to 6. [default: 1, in long videos up to 3]")
]
MaxSlices = Annotated[int | None, typer.Option(help="Most slices of an image or page.")]
NoUpscale = Annotated[bool, typer.Option("--no-upscale", help="Leave small images as small as they are.")]


VIDEO = ("fps", "max_packages", "package_frames")  # of a `VideoSampling`


@dataclass(frozen=True)
class Reading:
    """How files become parts; None leaves each reader its own default."""

    pages: str | None = None
    as_video: bool = False
    fps: float | None = None
    max_packages: int | None = None
    package_frames: int | None = None

    def parts(self, files: Sequence[str]) -> tuple[Part, ...]:
        """ValueError where pages are chosen and none of the files has any, and likewise with numbers for videos."""
        parts = tuple(self.part(file) for file in files)
        if self.pages is not None and not any(isinstance(part, Document) for part in parts):
            raise ValueError(no_pages(self.pages))
        if self._watches and not any(isinstance(part, Video) for part in parts):
            names = ", ".join(
                "--" + name.replace("_", "-")
                for name in ("as_video", *VIDEO)
                if getattr(self, name) not in (None, False)
            )
            raise ValueError(f"{names}: only for videos and animations, and no file given is one")
        return parts

    def part(self, file: str) -> Part:
        from demiglace.inference.file_parts import part_of
        from demiglace.media.pictures import has_pages, is_animated

        if self.pages is not None and has_pages(file):
            return Document(file, self.pages)
        part = part_of(file)
        if isinstance(part, Video) or (self._watches and isinstance(part, Image) and is_animated(file)):
            return Video(file, self.sampling())
        return part

    @property
    def _watches(self) -> bool:
        """Whether animations are to be watched: nobody chooses a frame rate for a picture."""
        return self.as_video or self.sampling() is not None

    def sampling(self) -> VideoSampling | None:
        """None where no number was chosen."""
        wanted = _given(**{name: getattr(self, name) for name in VIDEO})
        if not wanted:
            return None
        return VideoSampling(**wanted, force_package_frames=self.package_frames is not None)


def no_pages(pages: str) -> str:
    return f"--pages {pages} chooses pages of PDFs and TIFFs, and no file given is one"


def sampling_of(default: SamplingParams, **wanted: float | None) -> SamplingParams:
    """The checkpoint's own sampling with what the command line says instead."""
    given = _given(**wanted)
    chosen = replace(default, **given)
    idle = [name for name in ("top_p", "top_k", "seed") if name in given and chosen.temperature == 0]
    if idle:
        names = ", ".join("--" + name.replace("_", "-") for name in idle)
        raise ValueError(f"at temperature 0 nothing is drawn and {names} changes nothing: give --temperature too")
    return chosen


def slicing_changes(max_slices: int | None, no_upscale: bool) -> dict[str, Any]:
    """What the command line says of slicing, as fields of a `SlicingConfig`."""
    return _given(max_slices=max_slices, upscale=False if no_upscale else None)


def _given(**options: Any) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}
