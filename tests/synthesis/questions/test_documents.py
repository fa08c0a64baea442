"""Questions about pages: never one that the page leaves open, and the answers of known documents."""

import numpy as np
import pytest
from PIL import Image

from demiglace.documents.page import Line as PageLine
from demiglace.documents.page import Page, divide
from demiglace.synthesis.questions.documents import (
    Contents,
    Fact,
    ask_document,
    ask_lines,
    document_page,
    random_document,
)

FACTS = (
    Fact("Ann lives in Rome.", "Where does Ann live?", "Rome"),
    Fact("Bob has 12 old boats.", "How many old boats does Bob have?", "12"),
)
CONTENTS = Contents("Old Boats", 17, FACTS)


def page_of(*texts):
    boxes = [(0.0, 10.0 * i, 100.0, 10.0 * i + 8) for i in range(len(texts))]
    lines = tuple(PageLine(text, box, divide(box, text)) for text, box in zip(texts, boxes, strict=True))
    return Page("page", np.zeros((100, 100, 3), np.uint8), lines, (range(len(lines)),), {})


def asked(ask, draws=60):
    found = {}
    for seed in range(draws):
        for question in ask(np.random.default_rng(seed)):
            assert found.setdefault(question.text, question.answer) == question.answer
    return found


def test_lines_are_quoted_and_words_found():
    page = page_of("the cat sat here", "the cat ran, and", 'no "quotes" please now', "then it ran and hid")
    found = asked(lambda rng: ask_lines(rng, page))
    assert found['Quote the line that starts with "then it".'] == "then it ran and hid"
    assert found['Which word follows "cat sat"? Answer with the word.'] == "here"
    texts = " ".join(found)
    assert 'starts with "the cat"' not in texts  # two lines do
    assert 'starts with "no "' not in texts  # it cannot be quoted
    assert 'follows "the cat"' not in texts  # two words do
    assert 'follows "ran and"' not in texts  # a comma makes no difference to who asks


def test_a_page_of_single_words_is_not_asked():
    assert ask_lines(np.random.default_rng(0), page_of("one", "two", "3")) == []


def test_answers_of_a_known_document():
    found = asked(lambda rng: ask_document(rng, CONTENTS))
    assert found == {
        "What is the heading of this page?": "Old Boats",
        "Quote the heading.": "Old Boats",
        "What is the number of this page? Answer with a number.": "17",
        "Which page number does it have? Answer with a number.": "17",
        "Where does Ann live?": "Rome",
        "How many old boats does Bob have?": "12",
        'Quote the sentence after "Ann lives in Rome."': "Bob has 12 old boats.",
    }


@pytest.mark.usefixtures("training_faces")
def test_a_document_shows_its_contents_in_order():
    page = document_page(np.random.default_rng(0), CONTENTS, 8.0)
    lines = [line.text for line in page.lines]
    assert lines[0] == "Old Boats"
    assert " ".join(lines[1:-1]) == "Ann lives in Rome. Bob has 12 old boats."
    assert lines[-1] == "17"


@pytest.mark.usefixtures("training_faces", "installed_prose")
def test_a_document_is_a_function_of_its_numbers_and_about_as_large_as_wanted():
    first, questions = random_document(np.random.default_rng(1), 140)
    again, same = random_document(np.random.default_rng(1), 140)
    assert (first.tobytes(), questions) == (again.tobytes(), same)
    sides = [random_document(np.random.default_rng(seed), 280)[0].size for seed in range(6)]
    assert all(isinstance(picture, Image.Image) for picture in (first, again))
    assert 170 < np.mean([(width * height) ** 0.5 for width, height in sides]) < 330
