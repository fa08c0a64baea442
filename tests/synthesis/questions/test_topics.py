"""Questions of every topic: an answer that can be checked, right steps, and held-out ones by their numbers."""

from itertools import pairwise

import numpy as np
import pytest

from demiglace.scoring.answer_filter import fault
from demiglace.scoring.answer_match import is_right
from demiglace.scoring.question import reply
from demiglace.synthesis.questions.text_only import random_text_question
from demiglace.synthesis.questions.topics import SIMPLE_TOPICS, TEXT, TOPICS, held_out_question

rendered = pytest.mark.usefixtures("training_faces", "installed_prose")


BETWEEN_CHOICES = {
    *("scene_compare", "scene_locate", "scene_colour", "scene_size"),
    *("chart_compare", "chart_largest", "table_compare", "table_largest"),
    *("text_order", "text_place"),
    *("shapes_form", "shapes_colour", "shapes_direction", "places"),
}


KINDS = {
    "scenes": "scene_count scene_compare scene_locate scene_colour scene_size scene_list",
    "colours": "scene_colour scene_list",
    "charts": "chart_read chart_add chart_compare chart_largest table_read table_add table_compare table_largest",
    "receipts": "receipt_total receipt_date receipt_shop receipt_price receipt_count receipt_change receipt_text",
    "short_receipts": "receipt_total receipt_date receipt_shop receipt_price receipt_count receipt_text",
    "forms": "form_field form_label",
    "documents": "page_heading page_number page_answer page_quote page_line page_word",
    "shapes": "shapes_presence shapes_form shapes_colour shapes_relation shapes_direction shapes_any_relation "
    "shapes_number shapes_how_many shapes_same shapes_list",
    "cells": "cells_next cells_two_steps cells_both cells_presence cells_number",
    "boxes": "boxes_items boxes_towers boxes_number boxes_how_many",
    "figures": "figures_number figures_number_claim figures_nested figures_nested_claim figures_overlap figures_inside "
    "figures_crossings figures_cross figures_table figures_rows figures_columns",
    "presence": "presence",
    "presence_claims": "shapes_presence",
    "relations": "relations",
    "counts": "counts",
    "places": "places",
    TEXT: "text_sum text_difference text_product text_spell text_order text_place text_letters",
}


def ask(topic, seed):
    rng = np.random.default_rng(seed)
    return [random_text_question(rng)] if topic == TEXT else (TOPICS | SIMPLE_TOPICS)[topic](rng, 140)[1]


@rendered
@pytest.mark.parametrize("topic", [*TOPICS, TEXT, *SIMPLE_TOPICS])
def test_every_question_has_a_checkable_answer_and_right_steps(topic):
    draws = 80 if topic in ("scenes", TEXT, *SIMPLE_TOPICS) else 20
    questions = [question for seed in range(draws) for question in ask(topic, seed)]
    assert {question.kind for question in questions} == set(KINDS[topic].split())
    for question in questions:
        for said in (question.answer, question.spoken, f"Answer: {question.answer}", f"**{question.answer}**"):
            assert is_right(said, question.answer, question.choices)
        assert bool(question.choices) == (question.kind in BETWEEN_CHOICES)
        for spoken in (False, True) if question.steps else ():
            assert fault(reply(question, long=True, spoken=spoken), question) is None


@rendered
@pytest.mark.parametrize("topic", [*TOPICS, TEXT, *SIMPLE_TOPICS])
def test_the_answer_to_another_question_of_the_kind_is_wrong(topic):
    questions = [question for seed in range(20) for question in ask(topic, seed)]
    for kind in KINDS[topic].split():
        own = [question for question in questions if question.kind == kind]
        for question, other in pairwise(own):
            if question.answer.casefold() != other.answer.casefold():
                assert not question.is_answered_by(other.answer)
                assert not question.is_answered_by(f"{question.answer} or {other.answer}")


@rendered
def test_one_choice_and_no_other_is_right_in_a_sentence():
    for topic in ("scenes", "charts", TEXT):
        for question in (question for seed in range(30) for question in ask(topic, seed)):
            for wrong in set(question.choices) - {question.answer}:
                assert not is_right(question.spoken, wrong, question.choices)
                assert not is_right(f"It is {question.answer} or {wrong}.", question.answer, question.choices)


@rendered
def test_held_out_questions_are_repeated_by_their_numbers():
    for topic in (*TOPICS, TEXT, *SIMPLE_TOPICS):
        parts, question = held_out_question(topic, number=2, seed=1)
        again, same = held_out_question(topic, number=2, seed=1)
        assert question == same
        assert [part.source.tobytes() for part in parts] == [part.source.tobytes() for part in again]
        assert len(parts) == (topic != TEXT)
        assert question.kind in KINDS[topic].split()
    assert held_out_question("scenes", 2)[1] != held_out_question("scenes", 3)[1]


def test_an_unknown_topic_is_refused():
    with pytest.raises(ValueError, match=r"topic must be one of scenes, .*, text, .*places, got 'poems'"):
        held_out_question("poems", 0)
