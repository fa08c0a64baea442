"""What the figures of `make_behaviour.py` are made of: digests of conversations, batches, weights; losses of a run.

What a change of names may touch is read here and nowhere else, and no name of the product stands in a figure.
"""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from unittest.mock import patch

import av
import numpy as np
import PIL
import pypdfium2
import torch
from PIL import features
from safetensors.torch import load_file

from demiglace.batch import Batch
from demiglace.conversation import Conversation, Document, Image, Part, Text, Video
from demiglace.data.source import Source
from demiglace.media.document_pages import open_pages
from demiglace.media.pictures import open_picture
from demiglace.media.video import read_packages
from demiglace.records.bad_record import BadRecord
from demiglace.training.metrics import Metrics
from demiglace.typography.corpus import corpus
from demiglace.typography.fonts import training_faces

FEW = 3  # of the draws, which have a digest of their own: the test makes no more
TOLERANCE = 0.01  # of a loss, relative, where it is computed in other surroundings
ROUGH = 0.03  # relative too; runs differed by up to 0.0024
CPU_FLAGS = ("avx2", "avx512f", "avx512_bf16", "amx_bf16")


@dataclass
class Figures:
    """exact: the same everywhere; here: in the same surroundings; losses: there too, elsewhere within `TOLERANCE`.

    rough: losses that are not the same in any two runs; in the same surroundings within `ROUGH`.
    """

    exact: dict[str, object] = field(default_factory=dict)
    here: dict[str, object] = field(default_factory=dict)
    losses: dict[str, list[float]] = field(default_factory=dict)
    rough: dict[str, list[float]] = field(default_factory=dict)


def surroundings() -> dict[str, object]:
    """On what pixels and sums of floats depend, beside the code."""
    cpu = Path("/proc/cpuinfo")
    flags = cpu.read_text().split() if cpu.exists() else []
    return {
        "python": ".".join(platform.python_version_tuple()[:2]),
        "machine": platform.machine(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "pillow": PIL.__version__,
        "freetype": features.version("freetype2"),
        "av": av.__version__,
        "pypdfium2": str(pypdfium2.version.PYPDFIUM_INFO),
        "cpu": [flag for flag in CPU_FLAGS if flag in flags],
        "kernels": torch.backends.cpu.get_cpu_capability(),
    }


def drawing() -> dict[str, str | None]:
    """On what the texts of drawn pictures depend: fonts, how wide their letters are, and the prose.

    ValueError that names the extra to install where there are not enough.
    """
    files = [(face.family, face.index, Path(face.path)) for face in training_faces()]
    faces = [(family, index, path.name, path.stat().st_size) for family, index, path in files]
    return {"fonts": digest([str(faces)]), "prose": digest([corpus()]), "freetype": features.version("freetype2")}


@contextmanager
def losses() -> Iterator[list[float]]:
    """Of all steps that are made in the `with` block, in their order."""
    found: list[float] = []
    real = Metrics.add

    def add(metrics: Metrics, step: int, figures: dict[str, float]) -> str:
        found.append(float(figures["loss"]))
        return real(metrics, step, figures)

    with patch.object(Metrics, "add", add):
        yield found


def weights_digest(path: Path) -> str:
    held = load_file(path)
    return digest(piece for name in sorted(held) for piece in (name, *tensor_pieces(held[name])))


def digest(pieces: Iterable[str | bytes]) -> str:
    """16 hexadecimal digits; where a piece ends counts."""
    state = hashlib.sha256()
    for piece in pieces:
        data = piece.encode() if isinstance(piece, str) else piece
        state.update(len(data).to_bytes(8, "little") + data)
    return state.hexdigest()[:16]


def tensor_pieces(tensor: torch.Tensor) -> tuple[str, bytes]:
    plain = tensor.detach().contiguous()
    return f"{tuple(plain.shape)} {plain.dtype}", plain.reshape(-1).view(torch.uint8).numpy().tobytes()


def batch_pieces(batch: Batch) -> tuple[list[str | bytes], list[str | bytes]]:
    """What is the same everywhere, and what pixels decide."""
    assert batch.labels is not None
    numbers = [batch.tokens, batch.positions, batch.segments, batch.labels, batch.visual_places]
    seen = batch.visual and [batch.visual.grids, batch.visual.package_sizes, batch.visual.ticks]
    pixels = tensor_pieces(batch.visual.patches) if batch.visual else ()
    return [piece for tensor in [*numbers, *(seen or [])] for piece in tensor_pieces(tensor)], list(pixels)


def conversation_digests(conversation: Conversation) -> tuple[str, str]:
    """Of the texts, who says them and how videos are sampled; and of all pixels. Paths do not count."""
    texts = [f"thinking {conversation.thinking}"]
    pixels: list[str | bytes] = []
    for message in conversation.messages:
        texts.append(f"message {message.role}")
        for part in message.content:
            texts.append(_said(part))
            pixels += _seen(part)
    return digest(texts), digest(pixels)


def _said(part: Part) -> str:
    if isinstance(part, Text):
        return f"text {part.text}"
    if isinstance(part, Video):
        chosen = part.sampling
        names = ("fps", "max_packages", "package_frames", "force_package_frames", "start", "end", "num_frames")
        return f"video {[getattr(chosen, name) for name in names] if chosen else None}"
    return f"document {part.pages}" if isinstance(part, Document) else "image"


def _seen(part: Part) -> list[str | bytes]:
    """Sizes and pixels; of a video the frames that are taken, since encoders do not always write the same bytes."""
    if isinstance(part, Text):
        return []
    if isinstance(part, Image):
        pictures = [open_picture(part.source)]
    elif isinstance(part, Document):
        pictures = list(open_pages(part.source, part.pages))
    else:
        packages = list(read_packages(part.source, part.sampling))
        pictures = [frame for package in packages for frame in package.frames]
        return [str([package.ticks for package in packages]), *_pixels(pictures)]
    return _pixels(pictures)


def _pixels(pictures: list[PIL.Image.Image]) -> list[str | bytes]:
    return [piece for picture in pictures for piece in (str(picture.size), picture.tobytes())]


def source_figures(figures: Figures, name: str, source: Source, count: int, seed: tuple[int, ...] = (7, 1)) -> None:
    """The first `count` rows of a source without an end, or all records of another, once for each of two seeds."""
    if source.blocks is None:
        places = [(0, row, seed) for row in range(count)]
    else:
        figures.exact[f"{name}: blocks"] = list(source.blocks)
        rows = [(block, row) for block, size in enumerate(source.blocks) for row in range(size)]
        places = [(*place, (*seed, again)) for again in range(2) for place in rows]
    drawn = [_drawn(source, *place) for place in places]
    add_draws(figures, name, drawn)


def add_draws(figures: Figures, name: str, drawn: list[tuple[str, str]]) -> None:
    """A digest of the first `FEW` and one of all."""
    for count in sorted({min(FEW, len(drawn)), len(drawn)}):
        texts, pixels = zip(*drawn[:count], strict=True)
        figures.exact[f"{name}: texts of {count}"] = digest(texts)
        figures.here[f"{name}: pixels of {count}"] = digest(pixels)


def _drawn(source: Source, block: int, row: int, seed: tuple[int, ...]) -> tuple[str, str]:
    try:
        return conversation_digests(source.read(block, row, seed))
    except BadRecord:
        return "a bad record", ""


def asked_digest(question: object, more: Iterable[str] = ()) -> str:
    """Of a question's fields, in their order."""
    names = ("kind", "text", "answer", "spoken", "steps", "choices")
    return digest([*(str(getattr(question, name)) for name in names), *more])


Make = Callable[[Path, int], Figures]
