"""A conversation: messages made of text, images, documents and videos.

One of the two contracts on the ground floor (the other is `batch`). Nothing here opens a file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from typing import TYPE_CHECKING, Literal

from demiglace.fields import Field, Real, Switch, Whole, check_attributes, short_repr

if TYPE_CHECKING:
    import PIL.Image

    Picture = str | PathLike[str] | bytes | PIL.Image.Image

Role = Literal["system", "user", "assistant"]

_FILE = str | PathLike | bytes

SAMPLING: Mapping[str, Field] = {
    "fps": Real(0, 60, above=True),
    "max_packages": Whole(1, 2**20),
    "package_frames": Whole(1, 6),
    "force_package_frames": Switch(),
}
SECONDS = Real(0, 1e9)


@dataclass(frozen=True)
class VideoSampling:
    """How a video becomes packages of frames (released code: README, "Chat with Video").

    start, end: seconds from the first frame; only frames on screen between them are sampled. An `end` beyond the clip
    means the clip's end; a `start` beyond it is refused when the clip is opened.
    num_frames: exactly this many frames, at the middles of equal parts of the span, whatever `fps` says. A frame that
    is on screen at several of these times is sampled that often.
    Raises ValueError on values of another type or out of bounds.
    """

    fps: float = 3.0  # target frames a second; released code: 3, paper: at most 10
    max_packages: int = 180  # released code: MAX_NUM_FRAMES
    package_frames: int = 3  # most frames in a package; released code: 3 (valid 1 to 6), paper: 6
    force_package_frames: bool = False  # always fill packages, even if the clip is short
    start: float | None = None
    end: float | None = None
    num_frames: int | None = None

    def __post_init__(self) -> None:
        check_attributes(self, SAMPLING)
        for name, value in (("start", self.start), ("end", self.end)):
            if value is not None:
                SECONDS.check(name, value)
        if self.end is not None and (self.start or 0) >= self.end:
            raise ValueError(f"start must be before end, got {self.start or 0} and {self.end}")
        if self.num_frames is not None:
            name = f"num_frames, of which {self.max_packages} packages hold {self.package_frames} each,"
            Whole(1, self.max_frames).check(name, self.num_frames)

    @property
    def max_frames(self) -> int:
        """Frames of all packages together."""
        return self.max_packages * self.package_frames

    @classmethod
    def paper_maximum(cls) -> VideoSampling:
        """1080 frames at 10 fps in 180 packages of 6 (paper, section 2.1)."""
        return cls(fps=10.0, max_packages=180, package_frames=6, force_package_frames=True)


@dataclass(frozen=True)
class Text:
    """Text of a message, between images or alone."""

    text: str

    def __post_init__(self) -> None:
        if not isinstance(self.text, str):
            raise _wrong("a text", "a str", self.text)


@dataclass(frozen=True)
class Image:
    """An image: a path, its bytes, or a PIL image. ValueError on anything else, such as an array."""

    source: Picture

    def __post_init__(self) -> None:
        if not isinstance(self.source, _FILE) and not _is_picture(self.source):
            raise _wrong("an image", "a path, bytes or a PIL image", self.source)


@dataclass(frozen=True)
class Document:
    """A PDF or a TIFF; each chosen page becomes one image. `pages` is 1-based, such as "1-3,7"; None means all."""

    source: str | PathLike[str] | bytes
    pages: str | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.source, _FILE):
            raise _wrong("a document", "a path or bytes", self.source)
        if not isinstance(self.pages, str | None):
            raise _wrong("pages", "a text such as '1-3,7'", self.pages)


@dataclass(frozen=True)
class Video:
    """A video file, an animated GIF, WebP, PNG or AVIF, or a sequence of frames; its frames become packages.

    A sequence of frames (each a path, bytes or a PIL image, all of one size) counts as already sampled: each is used
    once, 1 / `sampling.fps` seconds apart.
    sampling: None means `VideoSampling()`; for an answer, it is fitted to the tokens available (`processing.fitting`).
    """

    source: str | PathLike[str] | bytes | Sequence[Picture]
    sampling: VideoSampling | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.source, _FILE | Sequence):
            raise _wrong("a video", "a path, bytes or a sequence of frames", self.source)
        if not isinstance(self.sampling, VideoSampling | None):
            raise _wrong("sampling", "a VideoSampling", self.sampling)
        if not isinstance(self.source, _FILE):
            object.__setattr__(self, "source", tuple(self.source))
        if self.source == ():
            raise ValueError("a video needs at least one frame, got none")


Part = Text | Image | Document | Video
"""A part of a message."""


@dataclass(frozen=True)
class Message:
    """A message of "system", "user" or "assistant": texts, images, documents and videos, in order.

    Raises ValueError on another role, and on a content that is no tuple of parts.
    """

    role: Role
    content: tuple[Part, ...]

    def __post_init__(self) -> None:
        if self.role not in ("system", "user", "assistant"):
            raise ValueError(f"role must be system, user or assistant, got {self.role!r}")
        parts = self.content if isinstance(self.content, Sequence) and not isinstance(self.content, str) else [None]
        if not all(isinstance(part, Part) for part in parts):
            raise ValueError(f"content must be a tuple of parts, such as (Text('Hi'),), got {short_repr(self.content)}")


@dataclass(frozen=True)
class Conversation:
    """Messages in order. `thinking` True requests a long answer, False a short one, None leaves it to the model."""

    messages: tuple[Message, ...]
    thinking: bool | None = False

    @classmethod
    def ask(cls, question: str, *parts: Part, system: str | None = None, thinking: bool = False) -> Conversation:
        """One user turn: the parts, then the question."""
        head = (Message("system", (Text(system),)),) if system else ()
        return cls((*head, Message("user", (*parts, Text(question)))), thinking)


def _is_picture(source: object) -> bool:
    from PIL.Image import Image as Picture  # here, so that conversations of files alone do not load it

    return isinstance(source, Picture)


def _wrong(name: str, wanted: str, given: object) -> ValueError:
    return ValueError(f"{name} must be {wanted}, got {type(given).__name__}")
