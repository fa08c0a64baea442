"""Rendered text without end, each picture a function of its number and the seed."""

import pickle
import shutil
from pathlib import Path

import matplotlib
import numpy as np
import pytest

from demiglace.data.sources.rendered import QUESTIONS, RenderedPages, RenderedText

pytestmark = pytest.mark.usefixtures("training_faces", "installed_prose")


def content(source, row, seed=(3,)):
    user, assistant = source.read(0, row, seed).messages
    picture, question = user.content
    return np.asarray(picture.source).tobytes(), question.text, assistant.content[0].text


def test_a_picture_is_a_function_of_row_and_seed():
    source = RenderedText("lines", max_lines=2, max_characters=30)
    assert source.blocks is None
    first = content(source, 7)
    assert content(pickle.loads(pickle.dumps(source)), 7) == first
    assert content(source, 8) != first
    assert content(source, 7, seed=(4,)) != first


def test_a_picture_is_asked_for_what_is_written():
    source = RenderedText("lines", max_lines=2, max_characters=30)
    for row in range(4):
        _, question, text = content(source, row)
        assert question in QUESTIONS
        assert 0 < len(text.replace("\n", "")) <= 30
        assert text.count("\n") < 2


def test_a_share_is_read_from_drawn_pages_and_damaged():
    plain, mixed = (RenderedText("lines", 2, 30, layout_share=share, damaged_share=share) for share in (0.0, 1.0))
    assert content(mixed, 5) == content(pickle.loads(pickle.dumps(mixed)), 5)
    assert content(mixed, 5)[2] != content(plain, 5)[2]


def test_lines_may_be_set_in_fonts_of_a_folder_and_stacked(tmp_path):
    shutil.copy(Path(matplotlib.get_data_path(), "fonts/ttf/DejaVuSans-BoldOblique.ttf"), tmp_path)
    plain, stacked = (RenderedText("lines", 4, 60, stack_share=share) for share in (0.0, 1.0))
    assert content(stacked, 1)[2].count("\n") > 0
    assert content(stacked, 1)[2] != content(plain, 1)[2]
    own = RenderedText("lines", 4, 60, fonts=tmp_path)
    assert [file.name for file in own.files] == ["DejaVuSans-BoldOblique.ttf"]
    assert any(content(own, row)[0] != content(plain, row)[0] for row in range(4))
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="none of the 0 font files"):
        RenderedText("lines", fonts=tmp_path / "empty")


def test_documents_must_be_there(tmp_path):
    with pytest.raises(ValueError, match=f"no PDF in {tmp_path}"):
        RenderedText("lines", documents=tmp_path, document_share=0.2)


def test_a_page_is_asked_for_its_damaged_regions():
    source = RenderedPages("pages", levels={"low": 1, "high": 1})
    first = content(source, 3)
    assert content(pickle.loads(pickle.dumps(source)), 3) == first
    assert content(source, 4) != first
    _, question, text = first
    assert question.count("<box>") == len(text.split("\n\n")) > 0


def test_a_level_that_is_none_is_refused():
    with pytest.raises(ValueError, match="levels: 'worse' is unknown"):
        RenderedPages("pages", levels={"worse": 1})
