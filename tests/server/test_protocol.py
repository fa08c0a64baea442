"""The table of fields in docs/serving.md has every field that is taken, ignored or refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from demiglace.server import protocol

PAGE = (Path(__file__).parents[2] / "docs" / "serving.md").read_text()
REQUESTS = (
    protocol.ChatRequest,
    protocol.CompletionRequest,
    protocol.ResponsesRequest,
    protocol.TokenizeRequest,
)


@pytest.mark.parametrize(
    "name",
    sorted({*protocol.IGNORED, *protocol.REFUSED, *(name for one in REQUESTS for name in one.model_fields)}),
)
def test_the_page_has_every_field(name: str) -> None:
    table = PAGE.partition("## Fields")[2].partition("## Files")[0]
    assert re.search(rf"`{name}\b", table)


def test_no_field_is_taken_and_refused() -> None:
    declared = {name for one in (protocol.ChatRequest,) for name in one.model_fields}
    assert not protocol.IGNORED & protocol.REFUSED.keys()
    assert not declared & {*protocol.IGNORED, *protocol.REFUSED}
