"""Questions are asked once, failures are never scored, and a folder keeps to its settings."""

from __future__ import annotations

import errno
import json
import resource
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image as Pillow

from demiglace.conversation import Image, Text
from demiglace.data.object_cache import ObjectCache
from demiglace.engine.sampling import SamplingParams
from demiglace.evaluation.backends.backend import Asked
from demiglace.evaluation.benchmark import Benchmark, Example, Figure, plain_prompt
from demiglace.evaluation.evaluate import Evaluation, group_sizes
from demiglace.evaluation.inference_settings import InferenceSettings
from demiglace.evaluation.prediction import PREDICTIONS, Prediction, Reply, read_predictions
from demiglace.evaluation.prompt_record import prompt_text, sent_parts
from demiglace.evaluation.scores import benchmark_score, score_predictions
from demiglace.scoring.verdict import Expected

GREEDY = InferenceSettings(SamplingParams.greedy(8))


def examples(broken: bool = False) -> Iterator[Example]:
    for number in range(5):
        if broken and number == 2:
            yield Example("2", "What?", Expected(("yes",)), "yes or no", _missing)
            continue
        yield Example(str(number), f"Is it {number}?", Expected(("yes",)), "yes or no", tuple, f"kind {number % 2}")


def _missing() -> tuple[Image, ...]:
    raise ValueError("row 2 names a picture that is not there")


def benchmark(broken: bool = False) -> Benchmark:
    return Benchmark("small", "five questions", lambda place: examples(broken), plain_prompt)


class Parrot:
    """Says `answer`, and fails on questions in `failing`; after `dies` answers it is killed."""

    def __init__(self, answer: str = "yes", failing: Iterable[str] = (), dies: int = 99, weights: str = "w") -> None:
        self.name, self.weights = "parrot", weights
        self.answer, self.failing, self.dies = answer, set(failing), dies
        self.heard: list[str] = []

    def answers(self, asked: Iterable[Asked]) -> Iterator[tuple[int, Reply]]:
        for one in asked:
            question = one.conversation.messages[0].content[-1]
            assert isinstance(question, Text)
            if len(self.heard) == self.dies:
                raise KeyboardInterrupt
            self.heard.append(question.text)
            error = "the server said 500" if question.text in self.failing else ""
            sent = sent_parts(one.conversation)
            yield (
                one.place,
                Reply(prompt_text(one.conversation), sent, answer="" if error else self.answer, error=error),
            )


def ask(
    folder: Path, backend: Parrot, broken: bool = False, settings: InferenceSettings = GREEDY
) -> dict[str, Prediction]:
    Evaluation(benchmark(broken), settings, folder).ask(backend, lambda prediction: None)
    return read_predictions(folder / PREDICTIONS)


def test_what_was_answered_is_not_asked_again(tmp_path: Path) -> None:
    first = Parrot(dies=3)
    with pytest.raises(KeyboardInterrupt):
        ask(tmp_path, first)
    second = Parrot()
    found = ask(tmp_path, second)
    assert first.heard + second.heard == [f"Is it {number}?" for number in range(5)]
    assert [one.reply.answer for one in found.values()] == ["yes"] * 5


def test_a_line_that_a_kill_cut_off_is_asked_again(tmp_path: Path) -> None:
    ask(tmp_path, Parrot())
    path = tmp_path / PREDICTIONS
    path.write_bytes(path.read_bytes()[:-20])
    again = Parrot()
    assert len(ask(tmp_path, again)) == 5
    assert again.heard == ["Is it 4?"]


def test_a_disk_that_takes_no_more_is_told_by_the_file_and_what_fitted_stays(tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ask(tmp_path / "size", Parrot())
    size = (tmp_path / "size" / PREDICTIONS).stat().st_size
    resource.setrlimit(resource.RLIMIT_FSIZE, (size // 2, before[1]))
    try:
        with pytest.raises(OSError, match=r"predictions\.jsonl") as error:
            ask(tmp_path / "full", Parrot())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert error.value.errno == errno.EFBIG
    again = Parrot()
    assert len(ask(tmp_path / "full", again)) == 5
    assert again.heard == ["Is it 2?", "Is it 3?", "Is it 4?"]


def test_a_failure_is_told_never_scored_and_asked_again(tmp_path: Path) -> None:
    found = ask(tmp_path, Parrot(failing=["Is it 1?"]), broken=True)
    score = benchmark_score(benchmark(), score_predictions(found.values()))
    assert (score.asked, score.failed, score.figures[0].share.value) == (5, 2, 100.0)
    assert score.errors == {"the server said 500": 1, "row 2 names a picture that is not there": 1}
    again = Parrot()
    ask(tmp_path, again, broken=True)
    assert again.heard == ["Is it 1?"]


def test_what_cannot_be_read_is_counted_apart(tmp_path: Path) -> None:
    found = ask(tmp_path, Parrot(answer="It is hard to say"))
    score = benchmark_score(benchmark(), score_predictions(found.values()))
    assert (score.unreadable, score.figures[0].share.value, score.commonest, score.chance) == (5, 0.0, 100.0, 50.0)


def test_other_weights_and_other_settings_are_refused_with_both(tmp_path: Path) -> None:
    ask(tmp_path, Parrot())
    with pytest.raises(ValueError, match=r'weights "w", but now it is "v"'):
        ask(tmp_path, Parrot(weights="v"))
    with pytest.raises(ValueError, match=r'"max_new_tokens": 8.*"max_new_tokens": 9'):
        ask(tmp_path, Parrot(), settings=InferenceSettings(SamplingParams.greedy(9)))


def test_a_folder_in_which_nothing_was_answered_takes_other_settings(tmp_path: Path) -> None:
    ask(tmp_path, Parrot(weights="w", failing=[f"Is it {number}?" for number in range(5)]))
    again = Parrot(weights="v", failing=["Is it 4?"])
    found = ask(tmp_path, again)
    assert (len(again.heard), {one.weights for one in found.values()}) == (5, {"v"})
    with pytest.raises(ValueError, match=r'weights "v", but now it is "w"'):
        ask(tmp_path, Parrot(weights="w"))


def test_a_set_without_examples_and_an_id_twice_are_refused(tmp_path: Path) -> None:
    nothing = Benchmark("empty", "", lambda place: iter(()), plain_prompt)
    with pytest.raises(ValueError, match="empty has 0 examples"):
        Evaluation(nothing, GREEDY, tmp_path / "empty").ask(Parrot(), lambda prediction: None)
    twice = Benchmark("twice", "", lambda place: iter([*examples(), *examples()]), plain_prompt)
    with pytest.raises(ValueError, match="two examples of twice have the id 0"):
        Evaluation(twice, GREEDY, tmp_path / "twice").ask(Parrot(), lambda prediction: None)


def picture(colour: str) -> Callable[[], tuple[Image, ...]]:
    return lambda: (Image(Pillow.new("RGB", (30, 20), colour)),)


ASKED = Example("0", "Is it 0?", Expected(("yes",)), "yes or no", picture("red"), "old", {"pair": "a"}, "Look.")


def hinted(example: Example, long: bool) -> str:
    return f"{example.hint} {example.question}"


def one_of(example: Example) -> Benchmark:
    return Benchmark("small", "", lambda place: iter([example]), hinted)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"question": "Else?"}, r'question "Is it 0\?" but now it has "Else\?"'),
        ({"expected": Expected(("no",))}, r'answers \["yes"\] but now it has \["no"\]'),
        ({"expected": Expected(("yes",), {"yes": "y"})}, r'choices {} but now it has {"yes": "y"}'),
        ({"category": "new"}, 'category "old" but now it has "new"'),
        ({"groups": {"pair": "b"}}, r'groups {"pair": "a"} but now it has {"pair": "b"}'),
        ({"hint": "See."}, r'prompt "<image>\\nLook\. Is it 0\?" but now it has "<image>\\nSee\. Is it 0\?"'),
        ({"show": picture("blue")}, r'pictures \["[0-9a-f]{64}"\] but now it has \["[0-9a-f]{64}"\]'),
    ],
)
def test_a_folder_with_an_answer_to_what_has_changed_is_refused_with_both(
    tmp_path: Path, changes: dict[str, Any], told: str
) -> None:
    Evaluation(one_of(ASKED), GREEDY, tmp_path).ask(Parrot(), lambda prediction: None)
    other = one_of(replace(ASKED, **changes))
    with pytest.raises(ValueError, match=f"holds an answer to example 0 with the {told}: choose another folder$"):
        Evaluation(other, GREEDY, tmp_path).ask(Parrot(), lambda prediction: None)


def test_of_long_values_that_changed_the_difference_is_shown(tmp_path: Path) -> None:
    asked, changed = (replace(ASKED, expected=Expected((f"{'ab ' * 200}{end}",))) for end in ("1 more", "2 more"))
    Evaluation(one_of(asked), GREEDY, tmp_path).ask(Parrot(), lambda prediction: None)
    with pytest.raises(
        ValueError, match=r'the answers …[ab ]{20}1 more"\]… but now it has …[ab ]{20}2 more"\]…: choose'
    ):
        Evaluation(one_of(changed), GREEDY, tmp_path).ask(Parrot(), lambda prediction: None)


def test_an_example_that_failed_may_change(tmp_path: Path) -> None:
    ask(tmp_path, Parrot(failing=["Is it 0?"]))
    other = replace(benchmark(), examples=lambda place: iter([Example("0", "Else?", Expected(("no",)), "text", tuple)]))
    again = Parrot()
    Evaluation(other, GREEDY, tmp_path).ask(again, lambda prediction: None)
    assert again.heard == ["Else?"]


def test_answers_are_kept_where_pictures_are_gone(tmp_path: Path) -> None:
    Evaluation(one_of(ASKED), GREEDY, tmp_path).ask(Parrot(), lambda prediction: None)
    again = Parrot()
    Evaluation(one_of(replace(ASKED, show=_missing)), GREEDY, tmp_path).ask(again, lambda prediction: None)
    assert again.heard == []


def test_all_given_rows_are_checked_and_of_drawn_questions_the_first(tmp_path: Path) -> None:
    def bad(place: Path | None) -> Iterator[Example]:
        yield from examples()
        raise ValueError("row 6 has the answer 'E'")

    evaluation = Evaluation(Benchmark("bad", "", bad, plain_prompt), GREEDY, tmp_path)
    cache = ObjectCache(tmp_path / "cache", 2**20)
    with pytest.raises(ValueError, match="row 6 has the answer 'E'"):
        evaluation.check("demiglace", cache)
    replace(evaluation, limit=5).check("demiglace", cache)
    replace(evaluation, benchmark=replace(evaluation.benchmark, needs_data=False)).check("demiglace", cache)


@pytest.mark.parametrize("address", [False, True])
def test_rules_that_do_not_score_an_example_are_refused(tmp_path: Path, memory: str, address: bool) -> None:
    """The last of them, wherever the data lie; what a judge compares takes no rule."""

    def mixed(place: Path | None) -> Iterator[Example]:
        assert (place is not None and place.read_text() == "Some text to learn from.\n") is address
        yield from examples()
        yield Example("5", "What does it say?", Expected(("yes",)), "text", tuple)

    mixture = Benchmark("mixed", "", mixed, plain_prompt)
    evaluation = Evaluation(
        mixture, GREEDY, tmp_path / "out", address=f"{memory}/shards/notes.txt" if address else None
    )
    cache = ObjectCache(tmp_path / "cache", 2**20)
    evaluation.check("demiglace", cache)
    replace(evaluation, limit=5).check("lmms-eval-0.7.3", cache)
    replace(evaluation, benchmark=replace(mixture, judge=lambda *asked: "")).check("lmms-eval-0.7.3", cache)
    with pytest.raises(
        ValueError, match=r"^mixed: the rules 'lmms-eval-0\.7\.3' do not score 'text'; they score choice, "
    ):
        evaluation.check("lmms-eval-0.7.3", cache)


def test_sizes_of_groups_are_those_of_the_data_whatever_the_limit(tmp_path: Path) -> None:
    """All originals come first, then their rotations."""
    rows = [replace(one, groups={"pair": str(number % 3)}) for number, one in enumerate(examples())]
    figures = (Figure("mean", mean_of=(Figure("together", together="pair"),)),)
    pairs = Benchmark("pairs", "", lambda place: iter(rows), plain_prompt, figures)
    assert group_sizes(tmp_path) == {}
    Evaluation(pairs, GREEDY, tmp_path, limit=4).ask(Parrot(), lambda prediction: None)
    assert group_sizes(tmp_path) == {"pair": {"0": 2, "1": 2, "2": 1}}
    scored = score_predictions(read_predictions(tmp_path / PREDICTIONS).values())
    score = benchmark_score(pairs, scored, group_sizes(tmp_path))
    assert [(one.share.value, one.share.count) for one in score.figures] == [(100.0, 2)]
    Evaluation(replace(pairs, figures=(Figure("each"),)), GREEDY, tmp_path / "other").ask(Parrot(), lambda one: None)
    assert group_sizes(tmp_path / "other") == {}


def test_lines_tell_all_that_was_sent(tmp_path: Path) -> None:
    ask(tmp_path, Parrot())
    line = json.loads((tmp_path / PREDICTIONS).read_text().splitlines()[0])
    assert line["reply"]["prompt"] == "Is it 0?"
    assert line["options"]["sampling"]["max_new_tokens"] == 8
    assert (line["weights"], line["answers"], line["family"]) == ("w", ["yes"], "yes or no")


def test_a_damaged_line_is_told_by_its_number(tmp_path: Path) -> None:
    ask(tmp_path, Parrot())
    path = tmp_path / PREDICTIONS
    path.write_text("{}\n" + path.read_text())
    with pytest.raises(ValueError, match=r"line 1 of .* is not a prediction"):
        read_predictions(path)


def test_pictures_are_told_by_size_and_content() -> None:
    from demiglace.conversation import Conversation

    asked = Conversation.ask("What?", Image(Pillow.new("RGB", (30, 20))), Image(Pillow.new("RGB", (30, 20))))
    one, other = sent_parts(asked)
    assert (one["width"], one["height"], one["sha256"]) == (30, 20, other["sha256"])
    assert prompt_text(asked) == "<image>\n<image>\nWhat?"
