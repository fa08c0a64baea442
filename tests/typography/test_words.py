"""Words by chance."""

import re

import numpy as np
import pytest

from demiglace.typography.words import plain_words

pytestmark = pytest.mark.usefixtures("installed_words")


def test_plain_words_are_different_and_short():
    found = plain_words(np.random.default_rng(0), 30, longest=5)
    assert len(set(found)) == 30
    assert all(re.fullmatch("[a-z]{3,5}", word) for word in found)
