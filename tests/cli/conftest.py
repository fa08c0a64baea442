"""A model and files to try the commands on."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import av
import PIL.Image
import PIL.ImageDraw
import pytest
from checkpoints import tiny_checkpoint as write_tiny_checkpoint
from mixtures import write_mixture, write_start
from pypdfium2 import PdfDocument
from sheets import PAGES, sheet
from typer.testing import CliRunner, Result

from demiglace.cli.main import app
from demiglace.media import document_pages
from demiglace.processing.processor import Processor
from demiglace.processing.processor_config import ProcessorConfig
from demiglace.processing.slicing import SlicingConfig
from demiglace.processing.tokenizer import Tokenizer

Run = Callable[..., Result]


@pytest.fixture
def run() -> Run:
    """Runs `demiglace` with arguments, as a terminal would; whatever it should have told fails the test."""

    def invoke(*arguments: object, typed: str | None = None) -> Result:
        return CliRunner().invoke(app, [str(argument) for argument in arguments], input=typed, catch_exceptions=False)

    return invoke


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny random checkpoint whose vocabulary is bytes, and whose slices are small."""
    folder = write_tiny_checkpoint(tmp_path_factory.mktemp("model"), released_ids=False)
    Processor(Tokenizer.bytes_only(), ProcessorConfig(SlicingConfig(scale_resolution=112))).save(folder)
    return folder


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model to train from."""
    return write_start(tmp_path_factory.mktemp("start"))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Records of pictures to learn from, in a folder of the test's own."""
    write_mixture(tmp_path)
    return tmp_path / "pictures.jsonl"


@pytest.fixture(scope="session")
def short_model(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`model` with a context of 300 tokens: at the defaults `clip` does not fit."""
    folder = tmp_path_factory.mktemp("short") / "model"
    shutil.copytree(model, folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"max_position_embeddings": 300}))
    return folder


@pytest.fixture(scope="session")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page that `model` cuts into an overview and two slices."""
    path = tmp_path_factory.mktemp("files") / "page.png"
    picture = PIL.Image.new("RGB", (170, 120), "white")
    PIL.ImageDraw.Draw(picture).text((40, 40), "Page", fill="black")
    picture.save(path)
    return path


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video of 2 seconds and 10 frames."""
    path = tmp_path_factory.mktemp("files") / "clip.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=5)
        stream.width, stream.height, stream.pix_fmt = 60, 40, "yuv420p"
        for number in range(10):
            picture = PIL.Image.new("RGB", (60, 40), (20 * number, 0, 90))
            container.mux(stream.encode(av.VideoFrame.from_image(picture)))
        container.mux(stream.encode())
    return path


@pytest.fixture(scope="session")
def animation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A GIF of 2 seconds and 10 frames."""
    path = tmp_path_factory.mktemp("files") / "clip.gif"
    frames = [PIL.Image.new("RGB", (60, 40), (20 * number, 0, 90)) for number in range(10)]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=200)
    return path


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "image.png"
    sheet("Hello").save(path)
    return path


@pytest.fixture
def document(tmp_path: Path) -> Path:
    path = tmp_path / "three.pdf"
    first, *others = map(sheet, PAGES)
    first.save(path, save_all=True, append_images=others, resolution=200)
    return path


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> dict[int, BaseException | None]:
    """Pages of PDFs as they are drawn; an error put in beforehand is raised instead."""
    noted: dict[int, BaseException | None] = {}
    draw = document_pages._draw_pdf_page

    def noting(pdf: PdfDocument, name: str, dpi: float, number: int) -> PIL.Image.Image:
        if error := noted.setdefault(number, None):
            raise error
        return draw(pdf, name, dpi, number)

    monkeypatch.setattr(document_pages, "_draw_pdf_page", noting)
    return noted
