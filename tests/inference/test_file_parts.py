"""Files are parts of a conversation by what they hold."""

from pathlib import Path

import pytest
from patterns import pattern

from demiglace import Image, Text
from demiglace.inference.file_parts import part_of


def test_files_become_what_they_hold(clips: list[Path], tmp_path: Path) -> None:
    picture = pattern(9, 9, 0)
    picture.save(tmp_path / "picture.png")
    assert part_of(tmp_path / "picture.png") == Image(tmp_path / "picture.png")
    assert part_of(str(clips[0])) == Image(str(clips[0]))
    assert part_of(picture) == Image(picture)
    assert part_of(Text("said")) == Text("said")
    with pytest.raises(ValueError, match="does not exist"):
        part_of(tmp_path / "none.png")
