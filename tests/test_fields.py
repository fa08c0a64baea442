"""Values by type and range: every error names the field, what is taken and what was found, on one short line."""

from dataclasses import dataclass
from math import inf, nan
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from demiglace.fields import Either, Field, ListOf, Real, Switch, TableOf, Whole, Words, check_attributes, take

LEVELS = TableOf(Real(0, 1), ("low", "high"))


@pytest.mark.parametrize(
    ("field", "value", "taken"),
    [
        (Whole(1, 64), 64, 64),
        (Whole(1, 64), np.int64(64), 64),
        (Real(0, 1), 1, 1.0),
        (Real(0, 1), np.float32(0.5), 0.5),
        (Real(0, 1, above=True), 5e-324, 5e-324),
        (Words(), "a", "a"),
        (Words(("a", "b")), "b", "b"),
        (Switch(), False, False),
        (ListOf(Whole(0, 9)), (1, 2), [1, 2]),
        (LEVELS, {"low": 1}, {"low": 1.0}),
        (Either((Words(), ListOf(Words()))), ["a"], ["a"]),
    ],
)
def test_what_fits_is_given_back(field: Field, value: object, taken: object) -> None:
    assert field.check("key", value) == taken


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        (Whole(1, 64), 65, "key must be a whole number from 1 to 64, got 65"),
        (Whole(1, 64), 2.0, "key must be a whole number from 1 to 64, got 2.0"),
        (Whole(0, 1), True, "key must be a whole number from 0 to 1, got True"),
        (Whole(1, 64), 10**400, "key must be a whole number from 1 to 64, got a whole number of 1329 bits"),
        (ListOf(Words()), [-(10**400)], "key[0] must be text, got a whole number of 1329 bits"),
        (Real(0, 1), 10**400, "key must be a number in [0, 1], got a whole number of 1329 bits"),
        (Real(0, 1), nan, "key must be a number in [0, 1], got nan"),
        (Real(0, 1e9), inf, "key must be a number in [0, 1e+09], got inf"),
        (Real(0, 1, above=True), 0, "key must be a number in (0, 1], got 0"),
        (Real(0, 1, below=True), 1.0, "key must be a number in [0, 1), got 1.0"),
        (Real(0, 1), "x", "key must be a number in [0, 1], got 'x'"),
        (Words(), "", "key must be text, got ''"),
        (Words(("a", "b")), ["a"], "key must be one of a, b, got ['a']"),
        (Switch(), 1, "key must be true or false, got 1"),
        (ListOf(Whole(0, 9), least=1), [], "key must be a list of at least 1, got []"),
        (ListOf(Whole(0, 9)), [3, "x"], "key[1] must be a whole number from 0 to 9, got 'x'"),
        (LEVELS, [1], "key must be a table, got [1]"),
        (LEVELS, {"low": "x"}, "key.low must be a number in [0, 1], got 'x'"),
        (LEVELS, {"some": 1}, "key: 'some' is unknown; there are low, high"),
        (Either((Words(), ListOf(Words()))), 5, "key must be text or a list, got 5"),
    ],
)
def test_what_does_not_fit_is_told(field: Field, value: object, told: str) -> None:
    with pytest.raises(ValueError, match="key") as raised:
        field.check("key", value)
    assert str(raised.value) == told


def test_fields_of_a_file() -> None:
    fields = {"rows": Whole(1, 64), "share": Real(0, 1)}
    assert take("run.toml", {"share": 1, "other": None}, fields) == {"share": 1.0}
    with pytest.raises(ValueError, match=r"run\.toml: rows is missing"):
        take("run.toml", {}, fields, required=["rows"])
    with pytest.raises(ValueError, match=r"run\.toml must be a table, got \[\]"):
        take("run.toml", [], fields)


def test_attributes_of_an_object() -> None:
    @dataclass
    class Run:
        rows: int

    check_attributes(Run(3), {"rows": Whole(1, 64)})
    with pytest.raises(ValueError, match="rows must be a whole number from 1 to 64, got 0"):
        check_attributes(Run(0), {"rows": Whole(1, 64)})


ANY = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.integers(100, 30_000).map(lambda bits: 1 << bits),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(ANY)
def test_whatever_is_found_is_told_on_one_short_line(value: Any) -> None:
    with pytest.raises(ValueError, match="must be") as raised:
        Words(("a",)).check("key", value if value != "a" else 1)
    assert len(str(raised.value)) < 150
    assert len(str(raised.value).splitlines()) == 1
