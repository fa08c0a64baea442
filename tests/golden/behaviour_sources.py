"""Figures of what is learned from: every source, the questions of an examination, packed rows, counts of a data set."""

from __future__ import annotations

import base64
import io
import json
import tarfile
from contextlib import closing
from pathlib import Path
from shutil import copyfile

import pyarrow
from behaviour_figures import (
    FEW,
    Figures,
    add_draws,
    asked_digest,
    batch_pieces,
    conversation_digests,
    digest,
    source_figures,
)
from mixtures import small_processor, write_mixture
from pdf_writer import show, write_pdf
from pyarrow.parquet import write_table

from demiglace.conversation import Conversation, VideoSampling
from demiglace.data.dataset_statistics import measure_dataset
from demiglace.data.loader import Loader
from demiglace.data.mixture import Mixture
from demiglace.data.sample_builder import SampleBuilder
from demiglace.data.sources.generated_clips import GeneratedClips
from demiglace.data.sources.generated_questions import GeneratedQuestions
from demiglace.data.sources.jsonl import JsonFile
from demiglace.data.sources.parquet import ParquetFiles
from demiglace.data.sources.pdf_folder import PdfFolder
from demiglace.data.sources.plain_text import PlainText
from demiglace.data.sources.rendered import RenderedPages, RenderedText
from demiglace.data.sources.tar_shards import TarShards
from demiglace.processing.packing import pack
from demiglace.synthesis.clips.kinds import CLIP_KINDS
from demiglace.synthesis.clips.kinds import held_out_question as clip_examination
from demiglace.synthesis.questions.topics import TEXT, TOPICS
from demiglace.synthesis.questions.topics import held_out_question as question_examination

SAMPLES = Path(__file__).parents[2] / "samples"
SLOW = 5  # a clip is encoded and decoded, a page drawn whole: of these a tenth of the draws is made
NUM_STEPS, STOP, LENGTH = 4, 2, 1024  # of the loader, two rows each


def drawn_sources(folder: Path, count: int) -> Figures:
    """Lines, windows of pages and whole damaged pages."""
    figures = Figures()
    source_figures(figures, "lines", RenderedText("lines"), count)
    source_figures(figures, "damaged lines", RenderedText("damaged", damaged_share=1.0), count)
    source_figures(figures, "windows of pages", RenderedText("windows", layout_share=0.7, damaged_share=0.3), count)
    for unit in ("line", "block", "word"):
        source_figures(figures, f"pages by {unit}", RenderedPages("pages", unit=unit), max(FEW, count // SLOW))
    return figures


def questions(folder: Path, count: int) -> Figures:
    """Each topic by its number, the last without pictures; then all together."""
    figures = Figures()
    for long in (0.0, 1.0):
        length = "long" if long else "short"
        for number, topic in enumerate(TOPICS):
            source = GeneratedQuestions("one", topics={topic: 1.0}, long_share=long, text_share=0.0)
            source_figures(figures, f"topic {number} {length}", source, count)
        text = GeneratedQuestions("text", long_share=long, text_share=1.0)
        source_figures(figures, f"topic {len(TOPICS)} {length}", text, count)
    source_figures(figures, "all topics", GeneratedQuestions("all"), count)
    return figures


def clips(folder: Path, count: int) -> Figures:
    figures = Figures()
    for number, world in enumerate(CLIP_KINDS):
        source = GeneratedClips("one", kinds=(world,), side=84)
        source_figures(figures, f"world {number}", source, max(FEW, count // SLOW))
    source_figures(figures, "all worlds", GeneratedClips("all", side=84), max(FEW, count // SLOW))
    return figures


def examinations(folder: Path, count: int) -> Figures:
    """Five questions of each topic and each world."""
    figures = Figures()
    for number, topic in enumerate([*TOPICS, TEXT]):
        drawn = []
        for index in range(5):
            parts, question = question_examination(topic, index)
            _, pixels = conversation_digests(Conversation.ask("", *parts))
            drawn.append((asked_digest(question), pixels))
        add_draws(figures, f"topic {number}", drawn)
    for number, world in enumerate(CLIP_KINDS):
        drawn = []
        for index in range(5):
            asked = clip_examination(world, index)
            frames = [asked.clip.draw(asked.clip.seconds * part / 4) for part in range(4)]
            drawn.append((asked_digest(asked.question), digest(frame.tobytes() for frame in frames)))
        add_draws(figures, f"world {number}", drawn)
    return figures


def file_sources(folder: Path, count: int) -> Figures:
    figures = Figures()
    for name, source in _opened(folder).items():
        source_figures(figures, name, source, count)
    return figures


def loader(folder: Path, count: int) -> Figures:
    """Packed rows of a mixture, once without a stop and once with the position kept and taken up again."""
    figures, files = Figures(), _opened(folder)
    sources = (
        files["json lines"],
        files["plain text"],
        files["shards"],
        GeneratedQuestions("questions", smallest=100, largest=120),
        GeneratedClips("clips", side=84, max_packages=3),
    )
    mixture = Mixture(sources, (3.0, 1.0, 1.0, 1.0, 0.3), (1.0, 2.0, 1.0, 1.0, 0.3))
    whole = _rows(mixture, None, 0, NUM_STEPS)
    first = _rows(mixture, None, 0, STOP)
    position = json.loads(json.dumps(first[2]))
    second = _rows(mixture, position, STOP, NUM_STEPS)
    resumed = first[0] + second[0], first[1] + second[1]
    for name, (numbers, pixels) in {"whole": whole[:2], "resumed": resumed}.items():
        figures.exact[f"rows {name}"] = digest(numbers)
        figures.here[f"patches {name}"] = digest(pixels)
    if resumed != whole[:2] or second[2] != whole[2]:
        raise ValueError("the rows of a resumed loader are not those of one that was never stopped")
    return figures


def data_set(folder: Path, count: int) -> Figures:
    """Counts over the JSON lines."""
    preparation = SampleBuilder(Mixture((_opened(folder)["json lines"],), (1.0,), (1.0,)), small_processor(), 3, 2048)
    seen = measure_dataset(preparation, lambda sample: float(len(sample.tokens)), shows=False)
    sums = [seen.num_records, seen.samples, seen.slices, seen.packages, seen.frames, seen.patches, seen.tokens]
    sums += [seen.visual_tokens, seen.learned_tokens, seen.longest, len(seen.too_long), len(seen.bad), int(seen.flops)]
    return Figures(exact={"counts": sums})


def _rows(mixture: Mixture, position: dict | None, start: int, stop: int) -> tuple[list, list, dict]:
    """Of some steps: pieces of the numbers, pieces of the pixels, and the position afterwards."""
    processor = small_processor()
    numbers, pixels = [], []
    options = {"length": LENGTH, "num_streams": 2, "streams": range(2), "seed": 3, "num_workers": 0, "skip_bad": True}
    with closing(Loader(mixture, processor, **options)) as opened:
        if position is not None:
            opened.restore(position)
        for step in range(start, stop):
            rows = opened.next_rows(step / NUM_STEPS)
            more = batch_pieces(pack(rows, LENGTH, processor.tokenizer.special["end_of_text"]))
            numbers += more[0]
            pixels += more[1]
        return numbers, pixels, opened.state()


def _opened(folder: Path) -> dict:
    """The sources of files, which are written first where they are not there yet."""
    if not (folder / "more.txt").exists():
        _write(folder)
    sampling = VideoSampling(fps=2.0, max_packages=2)
    text = folder / "text.txt", folder / "more.txt"
    return {
        "json lines": JsonFile("json", folder / "records.jsonl", sampling=sampling),
        "json array": JsonFile("array", folder / "records.json", sampling=sampling),
        "pictures": JsonFile("pictures", folder / "pictures.jsonl"),
        "rows": ParquetFiles("rows", (folder / "rows.parquet",)),
        "shards": TarShards("shards", (folder / "shard.tar",), sampling=sampling),
        "plain text": PlainText("text", text, window=128),
        "pages by block": PdfFolder("blocks", folder / "papers", dpi=72),
        "pages by line": PdfFolder("lines", folder / "papers", unit="line", share=0.6, dpi=72),
    }


def _write(folder: Path) -> None:
    write_mixture(folder)
    for path in SAMPLES.iterdir():
        copyfile(path, folder / path.name)
    (folder / "papers").mkdir()
    lines = "".join(show(f"Line {n} says {n * n} of them.", 40, 260 - 24 * n) for n in range(8))
    write_pdf(folder / "papers" / "a.pdf", lines, "", show("Alone on its page", 60, 150, "Serif", 20))
    (folder / "papers" / "b.pdf").write_bytes(b"%PDF-1.7 and no more")
    records = _records(base64.b64encode((folder / "0.png").read_bytes()).decode())
    (folder / "records.jsonl").write_text("".join(f"{json.dumps(record)}\n" for record in records) + "no record\n")
    (folder / "records.json").write_text(json.dumps(records))
    pictures = [(folder / f"{number}.png").read_bytes() for number in range(4)]
    turns = [[{"from": "human", "value": "<image>\nWhich?"}, {"from": "gpt", "value": f"No. {n}"}] for n in range(4)]
    rows = [
        {"conversations": said, "image": {"bytes": data, "path": "x.png"}}
        for said, data in zip(turns, pictures, strict=True)
    ]
    write_table(pyarrow.Table.from_pylist(rows), folder / "rows.parquet", row_group_size=3)
    with tarfile.open(folder / "shard.tar", "w") as tar:
        for number, data in enumerate(pictures):
            _add(tar, f"{number:04}.txt", f"A noisy picture, number {number}".encode())
            _add(tar, f"{number:04}.png", data)
        _add(tar, "0009.json", json.dumps({"conversations": turns[0]}).encode())
        _add(tar, "0009.png", pictures[1])
        _add(tar, "0010.json", b"{}")
    (folder / "more.txt").write_text("Größe und Länge. " * 30 + "\n\n" + "x" * 300 + "\n</think>\n")


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(data)
    tar.addfile(member, io.BytesIO(data))


def _records(picture: str) -> list[dict]:
    """One of each chat format, with what it shows in each of the usual places; the last ones are bad."""
    said = {"role": "assistant", "content": "It is."}
    address = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{picture}"}}
    what = {"type": "text", "text": "What is it?"}
    llava = [{"from": "human", "value": "<image>\nRead it."}, {"from": "gpt", "value": "A line."}]
    named = [{"role": "user", "content": "<image_00> and <image_01>?"}, {"role": "assistant", "content": "Two."}]
    thought = said | {"reasoning_content": "First this, then that."}
    return [
        {"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Is it?"}, said]},
        {"messages": [{"role": "user", "content": [address, what]}, said]},
        {"messages": [{"role": "user", "content": "What is it?", "images": ["1.png"]}, said]},
        {"messages": [{"role": "user", "content": "Why?"}, thought]},
        {"messages": [{"role": "user", "content": "One?"}, said, {"role": "user", "content": "Two?"}, said]},
        {"messages": [{"role": "user", "content": "<video>What moves?"}, said], "videos": ["flash.mp4"]},
        {"messages": [{"role": "user", "content": "<document>What is on it?"}, said], "documents": ["papers/a.pdf"]},
        {"conversations": llava, "image": "line.png"},
        {"conversations": named, "image": {"<image_00>": "2.png", "<image_01>": "3.png"}},
        {"messages": [{"role": "user", "content": "<image>And?"}, said]},
        {"messages": [{"role": "user", "content": "<image>And?"}, said], "images": ["missing.png"]},
        {"messages": [{"role": "user", "content": "No answer"}]},
    ]
