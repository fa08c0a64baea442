"""What a message and its parts may hold."""

import io
import re
from typing import Any

import numpy as np
import PIL.Image
import pytest

from demiglace import Document, Image, Message, Text, Video
from demiglace.inference.file_parts import part_of


@pytest.mark.parametrize("content", ["text", b"text", Text("text"), None, ("text",), [Text("text"), "text"]])
def test_a_message_holds_parts_alone(content: Any) -> None:
    with pytest.raises(ValueError, match=r"content must be a tuple of parts, such as \(Text\('Hi'\),\), got "):
        Message("user", content)


def test_a_message_may_be_empty() -> None:
    assert Message("assistant", ()).content == ()


@pytest.mark.parametrize(
    ("make", "line"),
    [
        (lambda: Image(np.zeros((4, 4, 3))), "an image must be a path, bytes or a PIL image, got ndarray"),
        (lambda: part_of(np.zeros((4, 4, 3))), "an image must be a path, bytes or a PIL image, got ndarray"),
        (lambda: part_of(io.BytesIO()), "an image must be a path, bytes or a PIL image, got BytesIO"),
        (lambda: part_of(["a.png", "b.png"]), "an image must be a path, bytes or a PIL image, got list"),
        (lambda: Video(np.zeros((2, 4, 4, 3))), "a video must be a path, bytes or a sequence of frames, got ndarray"),
        (
            lambda: Video(PIL.Image.new("RGB", (4, 4))),
            "a video must be a path, bytes or a sequence of frames, got Image",
        ),
        (lambda: Video("clip.mp4", {"fps": 2}), "sampling must be a VideoSampling, got dict"),
        (lambda: Document(io.BytesIO()), "a document must be a path or bytes, got BytesIO"),
        (lambda: Document("a.pdf", 3), "pages must be a text such as '1-3,7', got int"),
        (lambda: Text(b"Hi"), "a text must be a str, got bytes"),
    ],
)
def test_parts_of_another_type_are_refused(make: Any, line: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(line)}$"):
        make()
