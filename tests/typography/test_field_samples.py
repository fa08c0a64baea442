"""What is printed in fields: one line of the alphabet, another each time, and the same from the same seed."""

import numpy as np
import pytest

from demiglace.typography import field_samples
from demiglace.typography.corpus import ALPHABET

pytestmark = pytest.mark.usefixtures("installed_prose")

FIELDS = ("amount", "date", "time", "moment", "phone", "number", "item", "address", "total", "phrase")


def samples(field: str, count: int) -> list[str]:
    return [getattr(field_samples, field)(np.random.default_rng(seed)) for seed in range(count)]


@pytest.mark.parametrize("field", FIELDS)
def test_a_field_is_a_line_of_the_alphabet(field):
    drawn = samples(field, 300)
    assert all(drawn)
    assert set("".join(drawn)) <= set(ALPHABET)
    assert len(set(drawn)) > 20
    assert samples(field, 20) == drawn[:20]


def test_an_amount_has_cents():
    assert all(text[-3] == "." and text[-2:].isdigit() for text in samples("amount", 300))


@pytest.mark.parametrize("num_characters", [1, 20, 200])
def test_a_heading_fills_what_is_asked_for(num_characters):
    for seed in range(50):
        heading = field_samples.heading(np.random.default_rng(seed), num_characters)
        assert len(heading) + 1 >= num_characters  # a space behind the last word counts too
        assert set(heading) <= set(ALPHABET)
