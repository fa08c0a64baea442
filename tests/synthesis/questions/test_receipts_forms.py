"""Receipts and forms: the answers of known ones, and that what is asked for is printed."""

from decimal import Decimal

import numpy as np
import pytest

from demiglace.synthesis.pages.sheet import Sheet
from demiglace.synthesis.questions import receipts_forms
from demiglace.synthesis.questions.receipts_forms import (
    Form,
    Receipt,
    ask_form,
    ask_receipt,
    random_form,
    random_receipt,
)

RECEIPT = Receipt("Plum Shop", "12/08/2005", (("TEA", Decimal("3.50")), ("RICE", Decimal("4.75"))), Decimal("10"))


def asked(ask, draws=40):
    found = {}
    for seed in range(draws):
        for question in ask(np.random.default_rng(seed)):
            assert found.setdefault(question.text, question.answer) == question.answer
    return found


def test_answers_of_a_known_receipt():
    found = asked(lambda rng: ask_receipt(rng, RECEIPT))
    known = {
        "What is the total? Answer with a number.": "8.25",
        "What is the date on this receipt?": "12/08/2005",
        "Which shop is this receipt from?": "Plum Shop",
        "What is the price of RICE? Answer with a number.": "4.75",
        "How many goods are on this receipt? Answer with a number.": "2",
        "How much change was given back? Answer with a number.": "1.75",
        "What is written on this receipt?": (
            "Plum Shop\n12/08/2005\nTEA 3.50\nRICE 4.75\nTOTAL 8.25\nCASH 10.00\nCHANGE 1.75"
        ),
    }
    assert {text: found.get(text) for text in known} == known
    total = next(question for question in ask_receipt(np.random.default_rng(0), RECEIPT))
    assert "3.50 + 4.75 = 8.25" in total.steps


def test_no_change_is_asked_for_where_none_was_given():
    receipt = Receipt(RECEIPT.shop, RECEIPT.date, RECEIPT.goods, cash=None)
    assert "receipt_change" not in {question.kind for question in ask_receipt(np.random.default_rng(0), receipt)}


def test_answers_of_a_known_form():
    form = Form("Plums", (("Name", "Ann Berg"), ("Age", "34")))
    found = asked(lambda rng: ask_form(rng, form))
    assert found['What is filled in at "Age"?'] == "34"
    assert found['What does the form say at "Name"?'] == "Ann Berg"
    assert found['At which label of the form does "34" stand? Answer with the label.'] == "Age"


@pytest.fixture
def pages(monkeypatch):
    """The pages that were printed, as they come."""
    kept = []

    class Kept(Sheet):
        def page(self, name, rng):
            kept.append(super().page(name, rng))
            return kept[-1]

    monkeypatch.setattr(receipts_forms, "Sheet", Kept)
    return kept


@pytest.mark.usefixtures("training_faces", "installed_prose")
@pytest.mark.parametrize("draw", [random_receipt, random_form])
def test_every_answer_is_printed(draw, pages):
    for seed in range(6):
        picture, questions = draw(np.random.default_rng(seed), 140)
        printed = {line.text.rstrip(":") for line in pages[-1].lines}
        once = [question for question in questions if question.kind not in ("receipt_count", "receipt_text")]
        assert {question.answer for question in once} <= printed
        for read in (question.answer for question in questions if question.kind == "receipt_text"):
            assert sorted(read.split()) == sorted(word for line in pages[-1].lines for word in line.text.split())
        assert 80 < (picture.width * picture.height) ** 0.5 < 200
        again, same = draw(np.random.default_rng(seed), 140)
        assert (again.tobytes(), same) == (picture.tobytes(), questions)


@pytest.mark.usefixtures("training_faces", "installed_prose")
def test_a_short_receipt_is_five_lines():
    for seed in range(20):
        _, questions = random_receipt(np.random.default_rng(seed), 140, short=True)
        (read,) = (question.answer for question in questions if question.kind == "receipt_text")
        assert read.count("\n") == 4
        assert len(read) < 90
        assert "receipt_change" not in {question.kind for question in questions}
