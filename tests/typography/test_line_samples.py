import numpy as np
import pytest

from demiglace.typography import line_samples
from demiglace.typography.corpus import ALPHABET

pytestmark = pytest.mark.usefixtures("installed_prose")


def samples(num_characters: int, count: int) -> list[str]:
    return [line_samples.sample_text(np.random.default_rng((num_characters, i)), num_characters) for i in range(count)]


@pytest.mark.parametrize("num_characters", [1, 2, 7, 40, 200])
def test_a_text_is_a_clean_line_of_at_most_that_length(num_characters):
    for text in samples(num_characters, 200):
        assert 1 <= len(text) <= num_characters
        assert set(text) <= set(ALPHABET)
        assert text == " ".join(text.split())


def test_every_character_of_the_alphabet_is_drawn():
    assert set("".join(samples(40, 3000))) == set(ALPHABET)


def test_capitals_and_digits_are_well_represented():
    drawn = samples(40, 2000)
    capitals = [text for text in drawn if text == text.upper() and text != text.lower()]
    assert 0.15 < len(capitals) / len(drawn) < 0.4
    assert sum(map(str.isdigit, "".join(drawn))) / len("".join(drawn)) > 0.07


def test_long_requests_are_filled_by_prose():
    assert max(map(len, samples(200, 200))) > 180


def test_the_same_seed_gives_the_same_text():
    assert samples(30, 20) == samples(30, 20)
    assert len(set(samples(30, 20))) > 15


def test_no_room_is_an_error():
    with pytest.raises(ValueError, match="at least 1 character, got 0"):
        line_samples.sample_text(np.random.default_rng(0), 0)


def test_quotes_and_dashes_are_set_as_in_print():
    assert line_samples._typeset("\"It's 10-12\" -- he said 'so'") == "“It’s 10–12” — he said ‘so’"
