"""Whether the last argument of a command is a question: any text is, except a file or the name of a file."""

from __future__ import annotations

import os
from pathlib import Path


def file_meant(text: str) -> str | None:
    """The reason why `text` is a file rather than a question, such as "is a file"; None if it is a question.

    An existing file is always a file, whatever its name. A missing one is recognised if it has the suffix of a picture,
    PDF or video and is a single word or a name in an existing folder. Any other text, of any length, of several lines,
    or impossible as a file name, is a question.
    """
    path = Path(text)
    try:
        if path.is_file():
            return "is a file"
        in_folder = os.sep in text and path.parent.is_dir()
    except PermissionError:
        in_folder = True
    except (OSError, ValueError):  # too long for a path, or with characters that no path can have
        return None
    is_name = text.isprintable() and (in_folder or len(text.split()) == 1)
    return "names a file that is not there" if is_name and _has_suffix_of_a_file(path) else None


def check_question(text: str) -> None:
    """ValueError if the last argument of a command is a file, or the name of a missing one."""
    if why := file_meant(text):
        raise ValueError(f"the question is missing: the last argument, {text:.200}, {why}")


def _has_suffix_of_a_file(path: Path) -> bool:
    from demiglace.media.pictures import kind_by_suffix

    return kind_by_suffix(path.suffix.lower()) is not None
