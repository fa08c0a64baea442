"""Whether the last argument of a command is a question: any text is one, but a file or the name of a file is not."""

from __future__ import annotations

import os
from pathlib import Path


def file_meant(text: str) -> str | None:
    """Why `text` is rather a file than a question, such as "is a file"; None where it is a question.

    A file that is there is meant, whatever its name. One that is missing is told by the suffix of a picture, PDF or
    video, and by its place: a single word, or a name in a folder that is there. Texts of any length, of many lines, or
    that cannot be a name at all, are questions.
    """
    path = Path(text)
    try:
        if path.is_file():
            return "is a file"
        in_folder = os.sep in text and path.parent.is_dir()
    except PermissionError:
        in_folder = True
    except (OSError, ValueError):  # no path can be so long, or be of these characters
        return None
    is_name = text.isprintable() and (in_folder or len(text.split()) == 1)
    return "names a file that is not there" if is_name and _has_suffix_of_a_file(path) else None


def check_question(text: str) -> None:
    """ValueError where the last argument of a command is a file, or the name of one that is missing."""
    if why := file_meant(text):
        raise ValueError(f"the question is missing: the last argument, {text:.200}, {why}")


def _has_suffix_of_a_file(path: Path) -> bool:
    from demiglace.media.pictures import kind_by_suffix

    return kind_by_suffix(path.suffix.lower()) is not None
