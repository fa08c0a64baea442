"""A folder as one file in pieces of bounded size, and back: python runs/pieces.py join FOLDER --to FOLDER

The pieces are those of an uncompressed tar; `NAME.json` beside them has their names and the SHA-256 of each and of all
together.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import re
import sys
import tarfile
from collections.abc import Sequence
from pathlib import Path

from demiglace.safe_files import atomic_path, write_whole

PIECE_BYTES = 15 * 2**20  # ours: what can be carried away is often bounded by 16 MiB a file


def write_pieces(folder: Path, name: str, out: Path, files: Sequence[str]) -> Path:
    """The `files` (or folders) of `folder` in pieces `NAME.00`, ... in `out`; the path of the list of them.

    The list is written last, so that it never names a piece of another time: names hold the first digits of the sum.
    """
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for file in files:
            if (folder / file).exists():
                tar.add(folder / file, arcname=file, filter=without_time)
    content = packed.getvalue()
    whole = hashlib.sha256(content).hexdigest()
    out.mkdir(parents=True, exist_ok=True)
    pieces = {}
    for number, begin in enumerate(range(0, len(content), PIECE_BYTES)):
        piece = content[begin : begin + PIECE_BYTES]
        pieces[f"{name}.{whole[:8]}.{number:02d}"] = hashlib.sha256(piece).hexdigest()
        with atomic_path(out / f"{name}.{whole[:8]}.{number:02d}") as aside:
            aside.write_bytes(piece)
    path = out / f"{name}.json"
    write_whole(path, json.dumps({"sha256": whole, "pieces": pieces}, indent=2) + "\n")
    for old in out.iterdir():
        if re.fullmatch(rf"{re.escape(name)}\.[0-9a-f]{{8}}\.\d\d", old.name) and old.name not in pieces:
            old.unlink()
    return path


def without_time(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """The same files make the same pieces."""
    member.mtime, member.uid, member.gid, member.uname, member.gname = 0, 0, 0, "", ""
    return member


def join_pieces(path: Path, target: Path) -> None:
    """Put the files of a list of pieces into `target`; ValueError where a piece is missing or damaged."""
    listed = json.loads(path.read_text())
    content = b""
    for name, wanted in listed["pieces"].items():
        piece = path.with_name(name)
        if not piece.is_file():
            raise ValueError(f"{piece} is missing: {path.name} names {len(listed['pieces'])} pieces")
        data = piece.read_bytes()
        if hashlib.sha256(data).hexdigest() != wanted:
            raise ValueError(f"{piece} is damaged: its SHA-256 is not the one in {path.name}")
        content += data
    if hashlib.sha256(content).hexdigest() != listed["sha256"]:
        raise ValueError(f"the pieces of {path} do not make up the whole that it names")
    target.mkdir(parents=True, exist_ok=True)
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        tar.extractall(target, filter="data")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=["join"])
    parser.add_argument("folder", type=Path, help="with the pieces and their list")
    parser.add_argument("--name", default="weights")
    parser.add_argument("--to", type=Path, required=True)
    options = parser.parse_args()
    try:
        join_pieces(options.folder / f"{options.name}.json", options.to)
    except (OSError, ValueError) as error:
        print(f"pieces: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
