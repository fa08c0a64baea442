"""Stretches of a text tile it, end where it has breaks, and are what the model learns."""

import pickle
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from demiglace.data.sources.plain_text import PlainText, _cut
from demiglace.processing.processor import Processor
from demiglace.processing.processor_config import ProcessorConfig
from demiglace.processing.tokenizer import Tokenizer
from demiglace.records.bad_record import BadRecord


def written(path, content: str | bytes):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def texts(source: PlainText) -> list[str]:
    places = [(block, row) for block, size in enumerate(source.blocks) for row in range(size)]
    return [source.read(*place, seed=(0,)).messages[-1].content[0].text for place in places]


WORDS = st.lists(
    st.sampled_from(["a", "straße", "漢字", "😀" * 40, "x" * 150, "\n", "\n\n", " ", ". ", "Ω"]), min_size=1
)


@settings(max_examples=40, deadline=None)
@given(words=WORDS, window=st.integers(64, 300))
def test_stretches_tile_the_file_between_characters(tmp_path_factory, words, window):
    content = "".join(words).encode()
    cuts = _cut(written(tmp_path_factory.mktemp("text") / "a.txt", content), window).tolist()
    assert cuts[0] == 0
    assert cuts[-1] == len(content)
    pieces = [content[start:end] for start, end in pairwise(cuts)]
    assert all(0 < len(piece) <= window for piece in pieces)
    assert "".join(piece.decode() for piece in pieces) == "".join(words)


@pytest.mark.parametrize("mark", ["\n\n", "\n", ". ", " "])
def test_stretches_end_at_the_best_break(tmp_path, mark):
    text = "\n".join(["x" * 20] * 2) + mark + "y" * 30 if mark == "\n\n" else "x" * 41 + mark + "y" * 30
    first, rest = texts(PlainText("text", (written(tmp_path / "a.txt", text),), window=64))
    assert (first, rest) == (text.partition(mark)[0] + mark.rstrip("\n"), "y" * 30)


def test_files_come_in_the_order_given(tmp_path):
    paths = tuple(written(tmp_path / name, name) for name in ("b.txt", "a.txt"))
    assert texts(PlainText("text", paths)) == ["b.txt", "a.txt"]


def test_a_mark_of_byte_order_is_no_text(tmp_path):
    path = tmp_path / "notepad.txt"
    path.write_bytes(b"\xef\xbb\xbfSome words.\n")
    assert texts(PlainText("text", (path,))) == ["Some words."]


def test_lines_that_end_as_on_windows_are_learned_with_plain_breaks(tmp_path):
    path = tmp_path / "windows.txt"
    path.write_bytes(b"\r\n\r\n".join([b"One line.\r\nAnother of 32 letters or so."] * 3))
    assert texts(PlainText("text", (path,), window=64)) == ["One line.\nAnother of 32 letters or so."] * 3


def test_all_of_the_text_is_learned_and_nothing_else(tmp_path):
    source = PlainText("text", (written(tmp_path / "a.txt", "Some words.\n"),))
    processor = Processor(Tokenizer.bytes_only(), ProcessorConfig())
    sample = processor.training_sample(source.read(0, 0, (0,)))
    learned = sample.labels[sample.labels >= 0].tolist()
    assert processor.tokenizer.decode(learned) == "Some words.<|im_end|>"


def test_a_pickled_source_reads_the_same(tmp_path):
    source = PlainText("text", (written(tmp_path / "a.txt", "Some words. " * 50),), window=100)
    expected = texts(source)
    copy = pickle.loads(pickle.dumps(source))
    assert vars(copy).keys() == {"name", "paths", "window", "blocks"}
    assert texts(copy) == expected


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"caf\xe9 au lait", "can't decode byte"),
        (" \n ", "nothing but white space"),
        ("a</think>b", "</think> would end the reasoning"),
        ("", "empty, 0 bytes"),
    ],
)
def test_what_cannot_be_learned_is_a_bad_record(tmp_path, content, why):
    source = PlainText("text", (written(tmp_path / "a.txt", content),))
    assert source.blocks == (1,)
    with pytest.raises(BadRecord, match=rf"a\.txt, stretch 0: .*{why}"):
        source.read(0, 0, (0,))


def test_wrong_numbers_and_missing_files_are_refused(tmp_path):
    with pytest.raises(ValueError, match="window must be a whole number from 64 to 16777216, got 10"):
        PlainText("text", (), window=10)
    with pytest.raises(ValueError, match="does not exist"):
        PlainText("text", (tmp_path / "a.txt",)).blocks  # noqa: B018
