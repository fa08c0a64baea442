"""Records of one question and one answer, and what is read of them."""

from pathlib import Path

from demiglace.conversation import Image, Part, Video
from demiglace.records.formats import read_record

PICTURE, OTHER, CLIP = Image(Path("media/a.png")), Image(Path("media/b.png")), Video(Path("media/a.mp4"))
WHAT = {"type": "text", "text": "What?"}
ANSWER = {"role": "assistant", "content": "A cat."}


def find(reference: str) -> Path:
    return Path("media") / reference


def asking(content: object = "What?", message: dict | None = None, **beside: object) -> dict:
    """`message` is further keys of the user's message, `beside` of the record."""
    return {"messages": [{"role": "user", "content": content} | (message or {}), ANSWER], **beside}


def shown(record: object, find=find, **given: object) -> tuple[Part, ...]:
    """What the user's turn shows and says."""
    return read_record(record, "data.jsonl:17", find, **given).messages[0].content
