"""Rows of prompt and answer, and what each label is a byte of."""

import numpy as np
import torch

from demiglace.batch import IGNORE
from demiglace.bootstrap import collate
from demiglace.bootstrap.collate import Prompt


def test_each_byte_of_a_letter_has_its_place_and_newlines_and_ends_have_none():
    prompt = Prompt(torch.tensor([1, 2, 3]), torch.tensor([1]), end=300)
    texts, of_letters = ["a\né", "bcdef"], [np.array([7, 40]), np.arange(5)]
    batch = collate.rows([prompt] * 2, [list(text.encode()) for text in texts], None)
    places = collate.letter_places(texts, of_letters, batch.labels)
    assert places[0].tolist() == [IGNORE] * 3 + [7, IGNORE, 40, 40] + [IGNORE] * 2
    assert places[1].tolist() == [IGNORE] * 3 + [0, 1, 2, 3, 4, IGNORE]
