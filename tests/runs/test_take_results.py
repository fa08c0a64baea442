"""Results of jobs are taken in, with the README's lines; those of trials are not."""

import json

import pytest
from take_results import MARKS, take

DECODING = {
    "machine": {"gpu": "NVIDIA H100", "processor": "a processor"},
    "size": {"name": "full"},
    "rows": [
        {"way": "engine", "batch": 1, "tokens_per_second": 60.0, "share_of_bandwidth": 0.4},
        {"way": "graph", "batch": 1, "tokens_per_second": 140.4, "share_of_bandwidth": 0.81},
    ],
}
CHECK = {"machine": {"gpu": "NVIDIA H100"}, "tests": {"one": "passed", "two": "passed", "three": "skipped"}}


@pytest.fixture
def place(tmp_path):
    """A folder of a job, one of results, and a README."""
    for name in ("out", "results"):
        (tmp_path / name).mkdir()
    (tmp_path / "README.md").write_text(f"before\n{MARKS[0]}\nold\n{MARKS[1]}\nafter\n")
    return tmp_path


def taken(place):
    return take(place / "out", place / "results", place / "README.md")


def test_results_are_copied_and_the_table_is_of_all_that_are_there(place):
    (place / "out" / "decoding.json").write_text(json.dumps(DECODING))
    assert [path.name for path in taken(place)] == ["decoding_gpu.json"]
    (place / "out" / "decoding.json").unlink()
    (place / "out" / "check.json").write_text(json.dumps(CHECK))
    taken(place)
    page = (place / "README.md").read_text()
    assert page.startswith("before\n")
    assert page.endswith("after\n")
    assert "old" not in page
    assert "| 140 tokens/s at 1 (81% of the memory's rate) | NVIDIA H100 |" in page
    assert "| 2 of 3 tests pass, 1 skip | NVIDIA H100 |" in page


def test_what_reinforcement_learning_left_is_taken_too(place):
    figures = {"machine": {"gpu": "NVIDIA H100"}, "tiny": False}
    figures |= {when: {"accuracy/short": share} for when, share in (("first", 0.25), ("last", 0.5))}
    (place / "out" / "rl.json").write_text(json.dumps(figures))
    assert [path.name for path in taken(place)] == ["rl_gpu.json"]
    assert "temperature 1: 25%, then 50% | NVIDIA H100 |" in (place / "README.md").read_text()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"machine": {"gpu": None, "processor": "a processor"}}, "was not made on a GPU, but on a processor"),
        ({"size": {"name": "reduced"}}, "is of a tiny run"),
        ({"tiny": True}, "is of a tiny run"),
    ],
)
def test_trials_are_refused_and_nothing_is_copied(place, changes, told):
    (place / "out" / "check.json").write_text(json.dumps(CHECK))
    (place / "out" / "decoding.json").write_text(json.dumps(DECODING | changes))
    with pytest.raises(ValueError, match=told):
        taken(place)
    assert list((place / "results").iterdir()) == []


def test_an_empty_folder_and_a_page_without_marks_are_named(place):
    with pytest.raises(ValueError, match=r"no result of a job in .*out; there may be check.json"):
        taken(place)
    (place / "README.md").write_text("no marks")
    (place / "out" / "check.json").write_text(json.dumps(CHECK))
    with pytest.raises(ValueError, match="the page needs"):
        taken(place)
