"""Rows as collators ask for them: padded on a side, to a length or a multiple, cut off at the end."""

from typing import Any

import pytest
import torch

pytest.importorskip("transformers", reason="the transformers extra is not installed")

from demiglace.integrations.transformers.rows import RowOptions, rows_of
from demiglace.processing.sample import Sample


def sample(length: int, *places: int) -> Sample:
    return Sample(torch.arange(1, length + 1), torch.tensor(places, dtype=torch.int64))


def rows(*samples: Sample, **options: Any) -> Any:
    return rows_of(samples, RowOptions.read(options), 0)


def test_padding_stands_on_the_side_asked_for() -> None:
    left, right = (rows(sample(3, 1), sample(5), padding_side=side) for side in ("left", "right"))
    assert left["input_ids"].tolist() == [[0, 0, 1, 2, 3], [1, 2, 3, 4, 5]]
    assert right["input_ids"].tolist() == [[1, 2, 3, 0, 0], [1, 2, 3, 4, 5]]
    assert right["attention_mask"].tolist() == [[1, 1, 1, 0, 0], [1] * 5]
    assert left["mm_token_type_ids"].tolist()[0] == [0, 0, 0, 1, 0]
    assert right["mm_token_type_ids"].tolist()[0] == [0, 1, 0, 0, 0]


@pytest.mark.parametrize(
    ("options", "length"),
    [
        ({"pad_to_multiple_of": None}, 5),
        ({"pad_to_multiple_of": 4}, 8),
        ({"padding": "max_length", "max_length": 7}, 7),
        ({"padding": "max_length", "max_length": 3}, 5),
        ({"truncation": True, "max_length": 4}, 4),
        ({"truncation": True, "max_length": 9}, 5),
        ({"truncation": True, "padding": "max_length", "max_length": 9}, 9),
        ({"truncation": False, "max_length": None}, 5),
    ],
    ids=str,
)
def test_rows_are_as_long_as_asked_for(options: dict[str, Any], length: int) -> None:
    made = rows(sample(3), sample(5), **options)
    assert made["input_ids"].shape == made["attention_mask"].shape == (2, length)
    assert made["input_ids"][1, -length:].tolist()[-1] == min(length, 5)


def test_what_is_cut_off_is_the_end_and_never_a_picture() -> None:
    assert rows(sample(5, 1, 2), truncation=True, max_length=3)["input_ids"].tolist() == [[1, 2, 3]]
    with pytest.raises(ValueError, match="reach to token 3 of a row that is to be cut off at max_length 2"):
        rows(sample(5, 1, 2), truncation=True, max_length=2)


@pytest.mark.parametrize("options", [{"truncation": True}, {"padding": "max_length"}, {"max_length": 9}], ids=str)
def test_a_length_that_nothing_goes_with_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="max_length goes with truncation=True or padding='max_length'"):
        RowOptions.read(options)
