"""What a message may hold."""

from typing import Any

import pytest

from demiglace import Message, Text


@pytest.mark.parametrize("content", ["text", b"text", Text("text"), None, ("text",), [Text("text"), "text"]])
def test_a_message_holds_parts_alone(content: Any) -> None:
    with pytest.raises(ValueError, match=r"content must be a tuple of parts, such as \(Text\('Hi'\),\), got "):
        Message("user", content)


def test_a_message_may_be_empty() -> None:
    assert Message("assistant", ()).content == ()
