"""Records of every kind that an object store may hold: files by name, as bytes."""

import io
import json
import tarfile

import numpy as np
import PIL.Image


def picture(shade):
    file = io.BytesIO()
    PIL.Image.fromarray(np.full((20, 30, 3), shade, dtype=np.uint8)).save(file, "PNG")
    return file.getvalue()


def lines(*names):
    asked = {"role": "user", "content": "<image>What?"}
    records = [{"messages": [asked, {"role": "assistant", "content": name}], "images": [name]} for name in names]
    return "".join(f"{json.dumps(record)}\n" for record in records).encode()


def shard(*keys):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        for key in keys:
            for ending, content in (("png", picture(90)), ("txt", f"It is {key}.".encode())):
                member = tarfile.TarInfo(f"{key}.{ending}")
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
    return file.getvalue()


FILES = {
    "records.jsonl": lines("pictures/a.png", "pictures/b.png", "pictures/missing.png"),
    "pictures/a.png": picture(10),
    "pictures/b.png": picture(200),
    "shards/0.tar": shard("one", "two"),
    "shards/1.tar": shard("three"),
    "shards/notes.txt": b"Some text to learn from.\n",
}
