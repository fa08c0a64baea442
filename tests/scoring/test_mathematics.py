"""Formulas are compared by math-verify under a limit of ours, and nothing else ever is."""

import multiprocessing
import threading

import pytest

from demiglace.scoring import mathematics
from demiglace.scoring.answer_match import is_right
from demiglace.scoring.answer_type import answer_type

FORMULAS = [
    ("x=2", "2", True),
    ("x = 2", "x=2", True),
    ("x=2", "The answer is $x = 2$.", True),
    ("x=2", r"\boxed{x = 2}", True),
    ("x=2", "x=3", False),
    ("x=2", "y=2", False),
    ("x=2", "x=2 or x=3", False),
    ("x=2", "It is not x=2", False),
    ("x=2", "x=2, x=3", False),
    ("[1,2)", "[1, 2)", True),
    ("[1,2)", "[1,2]", False),
    (r"\frac{\sqrt{3}}{2}", r"\sqrt{3}/2", True),
    (r"\frac{\sqrt{3}}{2}", r"\sqrt{3}/4", False),
    (r"$\frac{\sqrt{3}}{2}$", r"Thus, $\frac{\sqrt{3}}{2}$.", True),
    ("x^2+2x+1", "(x+1)^2", True),
    ("x^2+2x+1", "(x+1)^3", False),
    (r"2\pi", r"2*\pi", True),
    (r"2\pi", "6.28", False),
    ("y=2x+3", "y = 3 + 2x", True),
    ("x>2", "2<x", True),
    ("x>2", "x<2", False),
    ("x^2", "red", False),
    ("x^2", "12:30", False),
]

NO_FORMULAS = ["7", "0.5", "1/2", r"\frac{1}{2}", "$35", "12%", "5 cm", "12:30", "2024-03-01", "2024-10-11", "10-12"]
NO_FORMULAS += ["555-1234", "1e3", "007", "B", "yes", "red", "c-a-t", "red, blue", "(1,2)", "AB-12/3", "a@b.com"]
NO_FORMULAS += ["24/7", "x", "cost = low"]


@pytest.fixture
def math_verify():
    pytest.importorskip("math_verify")


@pytest.mark.parametrize(("reference", "response", "right"), FORMULAS)
def test_formulas_are_compared_as_formulas(math_verify, reference, response, right):
    assert answer_type(reference) == "mathematics"
    assert is_right(response, reference) == right


@pytest.mark.parametrize("reference", NO_FORMULAS)
def test_nothing_else_is_a_formula(reference, monkeypatch):
    monkeypatch.setattr(mathematics, "says_formula", None)
    assert answer_type(reference) != "mathematics"
    assert is_right(reference, reference)
    assert not is_right("2003", reference)


def test_a_formula_without_math_verify_is_an_error_that_names_the_extra(monkeypatch):
    monkeypatch.setattr(mathematics, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"pip install demiglace\[maths\]"):
        is_right("(x+1)^2", "x^2+2x+1")
    assert is_right("x^2 + 2x + 1", "x^2+2x+1")
    assert not is_right("red", "x^2+2x+1")


def test_formulas_are_compared_in_threads(math_verify):
    verdicts = []
    pairs = [("(x+1)^2", True), ("(x+1)^3", False)] * 3
    threads = [
        threading.Thread(target=lambda given=given: verdicts.append((given, is_right(given, "x^2+2x+1"))))
        for given, _ in pairs
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(verdicts) == sorted(pairs)


def _verdicts_of_a_child(connection):
    connection.send([is_right("(x+1)^2", "x^2+2x+1"), is_right("(x+1)^3", "x^2+2x+1")])


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="there is no fork here")
def test_a_forked_process_has_a_worker_of_its_own(math_verify):
    assert is_right("(x+1)^2", "x^2+2x+1")
    fork = multiprocessing.get_context("fork")
    here, there = fork.Pipe()
    child = fork.Process(target=_verdicts_of_a_child, args=(there,))
    child.start()
    assert here.recv() == [True, False]
    child.join()
    assert is_right("(1+x)^2", "x^2+2x+1")


def test_a_comparison_that_takes_too_long_is_wrong_and_the_next_one_is_not(math_verify, monkeypatch):
    assert is_right("(x+1)^2", "x^2+2x+1")
    monkeypatch.setattr(mathematics, "TIME_LIMIT_S", 0.0)
    assert not is_right("(1+x)^2", "x^2+2x+1")
    monkeypatch.undo()
    assert is_right("(1+x)^2", "x^2+2x+1")
