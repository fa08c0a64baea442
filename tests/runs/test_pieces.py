"""A folder in pieces, and back."""

import json

import pytest
from pieces import join_pieces, write_pieces


@pytest.fixture
def pieces(tmp_path, monkeypatch):
    monkeypatch.setattr("pieces.PIECE_BYTES", 4000)
    (tmp_path / "run" / "model").mkdir(parents=True)
    (tmp_path / "run" / "model" / "weights").write_bytes(bytes(range(256)) * 40)
    (tmp_path / "run" / "heads").write_text("heads")
    return write_pieces(tmp_path / "run", "weights", tmp_path / "out", ["model", "heads", "not there yet"])


def test_pieces_are_bounded_and_make_up_what_they_were(pieces, tmp_path):
    parts = [path for path in pieces.parent.iterdir() if path != pieces]
    assert len(parts) > 2
    assert max(path.stat().st_size for path in parts) <= 4000
    join_pieces(pieces, tmp_path / "back")
    assert (tmp_path / "back" / "model" / "weights").read_bytes() == bytes(range(256)) * 40
    assert (tmp_path / "back" / "heads").read_text() == "heads"


def test_new_pieces_take_the_place_of_the_old_ones(pieces, tmp_path):
    (tmp_path / "run" / "heads").write_text("others")
    write_pieces(tmp_path / "run", "weights", tmp_path / "out", ["heads"])
    listed = json.loads(pieces.read_text())["pieces"]
    assert {path.name for path in pieces.parent.iterdir()} == {"weights.json", *listed}
    join_pieces(pieces, tmp_path / "back")
    assert (tmp_path / "back" / "heads").read_text() == "others"


def test_a_piece_that_is_missing_or_damaged_is_named(pieces, tmp_path):
    first, *_, last = sorted(path for path in pieces.parent.iterdir() if path != pieces)
    first.write_bytes(b"0" + first.read_bytes()[1:])
    with pytest.raises(ValueError, match=rf"{first.name} is damaged: its SHA-256 is not the one in weights\.json"):
        join_pieces(pieces, tmp_path / "back")
    last.unlink()
    first.unlink()
    with pytest.raises(ValueError, match=f"{first.name} is missing: weights.json names"):
        join_pieces(pieces, tmp_path / "back")
