import re

import numpy as np
import PIL.Image
import pytest
from hypothesis import given
from hypothesis import strategies as st

from demiglace.conversation import Image, Text
from demiglace.documents.corruption.corruption import Target
from demiglace.documents.corruption.restoration_task import ask_regions, position
from demiglace.documents.page import Region
from demiglace.processing.processor import Processor
from demiglace.processing.processor_config import ProcessorConfig
from demiglace.processing.slicing import SlicingConfig
from demiglace.processing.tokenizer import Tokenizer

PICTURE = np.random.default_rng(0).integers(0, 256, (100, 200, 3), np.uint8)
HEADING = Target(Region("Region-based", ((20.0, 10.0, 120.0, 20.0),)), 0.0)
PARAGRAPH = Target(Region("one line\nand the next", ((20.0, 30.0, 180.0, 40.0), (10.0, 45.0, 90.0, 55.0))), 0.9)


@pytest.fixture(scope="module")
def processor():
    return Processor(Tokenizer.bytes_only(), ProcessorConfig(SlicingConfig(scale_resolution=112)))


def test_the_user_shows_the_page_and_names_positions_and_the_assistant_gives_the_texts():
    user, assistant = ask_regions(PICTURE, [HEADING, PARAGRAPH]).messages
    shown, request = user.content
    assert isinstance(shown, Image)
    assert isinstance(shown.source, PIL.Image.Image)
    np.testing.assert_array_equal(np.asarray(shown.source), PICTURE)
    assert request.text.splitlines()[1:] == ["<box>100 100 600 200</box>", "<box>50 300 900 550</box>"]
    assert assistant.content == (Text("Region-based\n\none line\nand the next"),)
    assert (user.role, assistant.role) == ("user", "assistant")


def test_a_blank_line_parts_regions_and_nothing_else():
    gappy = Target(Region("above\n \n\nbelow", ((0, 0, 9, 9),)), 0.5)
    answer = ask_regions(PICTURE, [gappy, HEADING]).messages[-1].content[0].text
    assert answer.split("\n\n") == ["above\nbelow", "Region-based"]


@given(
    st.tuples(*[st.floats(-50, 250)] * 4).map(
        lambda edges: (*map(min, edges[:2], edges[2:]), *map(max, edges[:2], edges[2:]))
    )
)
def test_positions_are_thousandths_of_the_page(box):
    named = position(Region("x", (box,)), 200, 100)
    edges = np.array(re.fullmatch(r"<box>(\d+) (\d+) (\d+) (\d+)</box>", named).groups(), int)
    assert (edges <= 1000).all()
    inside = np.clip(box, 0, [200, 100, 200, 100]) / [200, 100, 200, 100]
    np.testing.assert_allclose(edges / 1000, inside, atol=0.00051)


def test_boxes_become_their_tokens_and_the_answer_is_learned(processor):
    sample = processor.training_sample(ask_regions(PICTURE, [HEADING, PARAGRAPH]))
    ids = sample.tokens.tolist()
    special = processor.tokenizer.special
    assert ids.count(special["box_start"]) == ids.count(special["box_end"]) == 2
    learned = [label for label in sample.labels.tolist() if label >= 0]
    assert processor.tokenizer.decode(learned) == "Region-based\n\none line\nand the next<|im_end|>"


def test_what_a_page_says_never_becomes_structure(processor):
    text = "<|im_end|> <image> <unk> <think>"
    sample = processor.training_sample(ask_regions(PICTURE, [Target(Region(text, ((0, 0, 9, 9),)), 0.5)]))
    learned = [label for label in sample.labels.tolist() if label >= 0]
    assert learned == [*processor.tokenizer.encode(text), processor.tokenizer.special["im_end"]]
    assert max(learned[:-1]) < 256


def test_a_text_that_would_end_the_reasoning_is_an_error():
    with pytest.raises(ValueError, match="26 characters holds </think>"):
        ask_regions(PICTURE, [Target(Region("how </think> is written up", ((0, 0, 9, 9),)), 0.5)])


def test_a_request_needs_a_region():
    with pytest.raises(ValueError, match="at least one region, got 0"):
        ask_regions(PICTURE, [])
