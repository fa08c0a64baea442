"""An answer ends at its stop strings, tells what the model gave its tokens, and thinks within its budget."""

from collections.abc import Callable, Iterable
from dataclasses import replace

import pytest

from demiglace import Demiglace, SamplingParams

GREEDY = SamplingParams.greedy(40)
Script = Callable[[Iterable[int]], None]


def scripted(assistant: Demiglace, text: str) -> list[int]:
    tokenizer = assistant.processor.tokenizer
    return [*tokenizer.encode(text), tokenizer.special["im_end"]]


@pytest.mark.parametrize(
    ("stop", "text", "stopped_by"),
    [
        (["."], "Crème", "stop"),
        (["è"], "Cr", "stop"),
        (["e. B", "ûl"], "Crèm", "stop"),
        (["?"], "Crème. Brûlée!", "end"),
        (["!?"], "Crème. Brûlée!", "end"),
        (["!"], "Crème. Brûlée", "stop"),
    ],
)
def test_an_answer_ends_before_a_stop_string(
    assistant: Demiglace, script: Script, stop: list[str], text: str, stopped_by: str
) -> None:
    params = replace(GREEDY, stop=stop)
    script(scripted(assistant, "Crème. Brûlée!"))
    whole = assistant.ask("What?", sampling=params)
    assert (whole.text, whole.stopped_by) == (text, stopped_by)
    script(scripted(assistant, "Crème. Brûlée!"))
    stream = assistant.stream("What?", sampling=params)
    assert "".join(stream) == text
    assert (stream.answer.text, stream.answer.stopped_by) == (text, stopped_by)


def test_nothing_is_computed_behind_a_stop_string(assistant: Demiglace, script: Script) -> None:
    script(assistant.processor.tokenizer.encode("Yes. "))  # has no further token
    answer = assistant.ask("What?", sampling=replace(GREEDY, stop=[" "]))
    assert (answer.text, answer.new_tokens) == ("Yes.", 5)


def test_a_stop_string_is_found_in_the_last_token_too(assistant: Demiglace, script: Script) -> None:
    script(scripted(assistant, "Yes."))
    answer = assistant.ask("What?", sampling=replace(GREEDY, max_new_tokens=4, stop=["."]))
    assert (answer.text, answer.stopped_by) == ("Yes", "stop")


def test_one_row_stops_and_the_others_go_on(assistant: Demiglace) -> None:
    questions = [("What?", []), ("Where?", []), ("Who?", [])]
    free = assistant.batch(questions, replace(GREEDY, max_new_tokens=12))
    stop = free[1].text[4]
    sampling = [replace(GREEDY, max_new_tokens=12, stop=[stop] if row == 1 else []) for row in range(3)]
    answers = assistant.batch(questions, sampling)
    assert [one.text for one in answers[::2]] == [one.text for one in free[::2]]
    assert (answers[1].text, answers[1].stopped_by) == (free[1].text.partition(stop)[0].strip(), "stop")
    assert answers[1].new_tokens < 12


def test_beams_are_cut_at_a_stop_string(assistant: Demiglace) -> None:
    params = replace(GREEDY, num_beams=3, max_new_tokens=12)
    free = assistant.ask("What?", sampling=params).text
    cut = assistant.ask("What?", sampling=replace(params, stop=[free[3]]))
    assert (cut.text, cut.stopped_by) == (free.partition(free[3])[0].strip(), "stop")
    whole, same = assistant.batch([("What?", [])] * 2, [params, replace(params, stop=[free[3]])])
    assert (whole.text, same.text, same.stopped_by, same.new_tokens) == (free, cut.text, "stop", cut.new_tokens)


def test_log_probabilities_are_told_where_they_are_asked_for(assistant: Demiglace) -> None:
    plain = assistant.ask("What?", sampling=replace(GREEDY, max_new_tokens=9))
    told = assistant.ask("What?", sampling=replace(GREEDY, max_new_tokens=9, logprobs=3))
    assert plain.log_probabilities == ()
    assert replace(told, seconds=0, seconds_to_first_token=0) == replace(plain, seconds=0, seconds_to_first_token=0)
    assert len(told.log_probabilities) == 9
    for choice in told.log_probabilities:
        assert choice.taken == choice.alternatives[0]  # greedy
        assert len(choice.alternatives) == 3
        assert choice.taken.content == assistant.processor.tokenizer.bytes_of(choice.taken.token)
    taken = b"".join(choice.taken.content for choice in told.log_probabilities)
    assert taken.decode(errors="replace").strip() == told.text
    only = assistant.ask("What?", sampling=replace(GREEDY, max_new_tokens=9, logprobs=0))
    assert [choice.alternatives for choice in only.log_probabilities] == [()] * 9


def test_thoughts_end_at_their_budget_and_the_answer_follows(assistant: Demiglace) -> None:
    params = replace(GREEDY, thinking_budget=6, ignore_eos=True, max_new_tokens=20)
    stream = assistant.stream("What?", thinking=True, sampling=replace(params, logprobs=0))
    text = "".join(stream)
    thought = assistant.processor.tokenizer.decode([one.taken.token for one in stream.answer.log_probabilities[:6]])
    assert text.startswith(thought + "\n</think>\n\n")
    assert stream.answer.thinking == thought.strip()
    assert stream.answer.text == text.partition("</think>")[2].strip() != ""


def test_answers_to_one_prompt(assistant: Demiglace) -> None:
    params = SamplingParams(8, temperature=2.0, seed=3)
    answers = assistant.batch([("What?", [])] * 3, params.repeated(3))
    assert len({one.text for one in answers}) == 3
    assert answers[2].text == assistant.ask("What?", sampling=replace(params, seed=5)).text


def test_a_bias_on_a_token_that_is_none_is_refused(assistant: Demiglace) -> None:
    with pytest.raises(ValueError, match="logit_bias names token 151748, but the model knows 151748"):
        assistant.ask("What?", sampling=replace(GREEDY, logit_bias={151748: 1}))


def test_no_answer_has_a_mark_of_pictures_or_turns(assistant: Demiglace) -> None:
    hot = replace(GREEDY, temperature=5.0, logprobs=0, ignore_eos=True, max_new_tokens=200, seed=0)
    answer = assistant.ask("What?", sampling=hot)
    drawn = {choice.taken.token for choice in answer.log_probabilities}
    assert len(drawn) > 100
    assert drawn.isdisjoint(assistant.roles.forbidden)
