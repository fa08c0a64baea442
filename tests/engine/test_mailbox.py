"""Callers that share an engine get their own tokens, whoever takes the steps."""

import pytest
import torch
from engine_requests import GREEDY, answer, assert_same
from prompts import PROMPTS, outspoken, prompt

from demiglace.engine.engine import Engine
from demiglace.engine.mailbox import Mailbox
from demiglace.engine.token_sampler import TokenSampler
from demiglace.model.minicpmv import MiniCPMV


@pytest.fixture(scope="module")
def model() -> MiniCPMV:
    return outspoken()


def test_readers_take_turns(model: MiniCPMV) -> None:
    mailbox = Mailbox(Engine(model))
    readers = [mailbox.tokens(one, TokenSampler(GREEDY)) for one in PROMPTS.values()]
    first = [next(reader) for reader in readers]
    for begun, reader, one in reversed(list(zip(first, readers, PROMPTS.values(), strict=True))):
        assert_same([begun, *reader], answer(model, one, GREEDY))
    assert mailbox.engine.is_idle


def test_an_answer_stopped_by_its_reader_ends_there(model: MiniCPMV) -> None:
    """Another reader has moved it further than it was read."""
    mailbox, sampler = Mailbox(Engine(model)), TokenSampler(GREEDY)
    reader = mailbox.tokens(PROMPTS["text"], sampler)
    next(reader)
    assert len(list(mailbox.tokens(PROMPTS["image"], TokenSampler(GREEDY)))) == 12
    next(reader)
    sampler.stop()
    assert list(reader) == []
    assert mailbox.engine.is_idle


def test_a_failure_comes_after_what_was_said(model: MiniCPMV, monkeypatch: pytest.MonkeyPatch) -> None:
    mailbox = Mailbox(Engine(model))
    number = mailbox.add(PROMPTS["text"], TokenSampler(GREEDY))
    mailbox.advance()
    logits = model.logits
    monkeypatch.setattr(model, "logits", lambda hidden: torch.full_like(logits(hidden), torch.nan))
    mailbox.advance()
    assert len(mailbox.take(number)) == 1
    with pytest.raises(ValueError, match="the model's logits for the next token are nan"):
        mailbox.take(number)


def test_a_cancelled_request_is_forgotten(model: MiniCPMV) -> None:
    mailbox = Mailbox(Engine(model))
    number = mailbox.add(prompt([3, 4]), TokenSampler(GREEDY))
    mailbox.advance()
    mailbox.cancel(number)
    mailbox.advance()
    assert mailbox.engine.is_idle
    with pytest.raises(KeyError):
        mailbox.take(number)
