"""Answers of a small model, judged by a made-up verifier and by the model itself."""

from dataclasses import replace
from types import SimpleNamespace

import PIL.Image
import pytest
from checkpoints import make_outspoken
from clips import make_clip
from mixtures import small_model, small_processor
from preferences import LikeColour, judged, judged_answer

import demiglace.inference.demiglace
from demiglace.conversation import Conversation, Image, Message, Text, Video, VideoSampling
from demiglace.engine.sampling import SamplingParams
from demiglace.inference.demiglace import Demiglace
from demiglace.media import video
from demiglace.rl import engine_verifier
from demiglace.rl.answer_judge import AnswerJudge, AnswerSettings, check_verifier
from demiglace.rl.claims import AtomicClaim, SplitAnswer
from demiglace.rl.engine_verifier import EngineVerifier
from demiglace.rl.prompts import Prompt
from demiglace.scoring.question import Question

SETTINGS = AnswerSettings(answers=3, short_limit=60, long_limit=60)


@pytest.fixture(scope="module")
def policy():
    model = small_model()
    make_outspoken(model)
    return Demiglace(model.requires_grad_(False), small_processor(), SamplingParams())


def prompt(number, colour="red"):
    shown = (Image(PIL.Image.new("RGB", (60, 40), colour)), Text("Which colour?"))
    return Prompt(
        number, "pictures", "short", Question("c", "Which colour?", colour, colour), (Message("user", shown),)
    )


def two_claims(asked):
    """One that depends on the answer, and one that does not."""
    red = AtomicClaim("It is red.", "Is it red?")
    return [SplitAnswer((AtomicClaim(answer, f"{answer}?"), red)) for _, answer in asked]


def test_answers_are_scored_claim_by_claim_and_the_same_question_is_asked_once(policy):
    verifier = LikeColour("red")
    found = AnswerJudge(policy, two_claims, verifier, SETTINGS, seed=1).judge([prompt(0), prompt(1, "blue")])
    assert [one.prompt_id for one in found] == [0, 1]
    scored = [answer for one in found for answer in one.answers if not answer.problem]
    assert scored
    assert all(answer.score == -1 and len(answer.claims) == 2 for answer in scored)
    assert verifier.num_asked == sum(len({c.claim.question for a in one.answers for c in a.claims}) for one in found)
    assert len({answer.text for one in found for answer in one.answers}) > 2


def test_the_same_seed_draws_the_same_answers_whatever_else_is_asked(policy):
    judge = AnswerJudge(policy, two_claims, LikeColour("red"), SETTINGS, seed=1)
    assert judge.judge([prompt(1, "blue")])[0] == judge.judge([prompt(0), prompt(1, "blue")])[1]
    assert replace(judge, seed=2).judge([prompt(0)]) != judge.judge([prompt(0)])


def test_a_clip_is_decoded_once_for_all_answers_and_they_are_the_same(policy, tmp_path, monkeypatch):
    clip = make_clip(tmp_path / "clip.mp4", range(0, 50, 5))
    shown = (Video(clip, VideoSampling(fps=3)), Text("Which colour?"))
    asked = replace(prompt(0), messages=(Message("user", shown),))
    judge, opened, open_video = AnswerJudge(policy, two_claims, LikeColour("red"), SETTINGS, seed=1), [], video._open
    monkeypatch.setattr(video, "_open", lambda *given: opened.append(given) or open_video(*given))
    found = judge.judge([asked])
    assert len(opened) == 1
    monkeypatch.setattr(demiglace.inference.demiglace, "CLIP_BYTES", 0)
    assert judge.judge([asked]) == found
    assert len(opened) == 1 + SETTINGS.answers


def test_answers_that_cannot_be_scored_say_why(policy):
    def silent(asked):
        return [SplitAnswer(problem="a list of questions was wanted")] * len(asked)

    def problems(split, verifier, limit=60):
        settings = replace(SETTINGS, short_limit=limit)
        found = AnswerJudge(policy, split, verifier, settings, seed=1).judge([prompt(0), prompt(1, "blue")])
        assert all((answer.score is None) == bool(answer.problem) for one in found for answer in one.answers)
        return {answer.problem for one in found for answer in one.answers}

    assert problems(two_claims, LikeColour("red"), limit=2) == {"cut after 2 tokens", "says nothing"}
    assert "a list of questions was wanted" in problems(silent, LikeColour("red"))
    assert any("2 claims without a verdict: " in problem for problem in problems(two_claims, EngineVerifier(policy)))


@pytest.mark.parametrize(("mode", "problem"), [("short", "reasons in a short answer"), ("long", "")])
def test_a_short_answer_that_reasons_has_no_score(policy, monkeypatch, mode, problem):
    """The prompt of a short answer has empty reasoning already: a pair with such an answer could not be learned."""
    drawn = Demiglace.batch

    def reasoning(self, *given):
        return [replace(one, thinking="So.", text="red", stopped_by="end") for one in drawn(self, *given)]

    monkeypatch.setattr(Demiglace, "batch", reasoning)
    (found,) = AnswerJudge(policy, two_claims, LikeColour("red"), SETTINGS, seed=1).judge(
        [replace(prompt(0), mode=mode)]
    )
    assert {answer.problem for answer in found.answers} == {problem}


def test_the_model_itself_gives_the_probabilities_of_its_first_token(policy):
    verdicts = EngineVerifier(policy).verdicts([Conversation.ask("Is it red?"), Conversation.ask("Is it blue?")])
    sampling = replace(SamplingParams.greedy(1), logprobs=20)
    likeliest = policy.ask("Is it red?", sampling=sampling).log_probabilities[0].alternatives
    yes = sum(2.718281828459045**one.log_probability for one in likeliest if one.content.lower() == b"y")
    assert verdicts[0].yes == pytest.approx(yes, abs=1e-5)
    assert all(0 <= one.mass <= 1 for one in verdicts)


def test_a_list_of_claims_that_is_cut_is_told(policy, monkeypatch):
    monkeypatch.setattr(engine_verifier, "MOST_TOKENS", 5)
    assert EngineVerifier(policy).write(["What is there?"]) == [None]
    whole = SimpleNamespace(batch=lambda *_: [SimpleNamespace(text="Is there a dog?", stopped_by="end")])
    assert EngineVerifier(whole).write(["What is there?"]) == ["Is there a dog?"]


def test_a_verifier_that_says_neither_yes_nor_no_is_told():
    claims = [(0.01, 0.02)] * 20
    with pytest.raises(ValueError, match=r"neither yes nor no to 40 of 40 claims: .* probability of 0\.03 \(median\)"):
        check_verifier([judged(judged_answer("a", *claims), judged_answer("b", *claims))], 0.5)
    check_verifier([judged(judged_answer("a", *claims))], 0.5)  # too few to tell
    check_verifier([judged(judged_answer("a", *claims, *[(0.9, 0.1)] * 20))], 0.5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"answers": 1}, "at least 2 answers to a prompt, got 1"),
        ({"short_limit": 0}, "limits must be at least 1, got 0 and 8192"),
        ({"temperature": 0.0}, r"the temperature lies in \(0, 100\], got 0.0"),
        ({"least_mass": 1.5}, r"least_mass lies in \[0, 1\], got 1.5"),
    ],
)
def test_settings_that_cannot_be_are_errors(changes, message):
    with pytest.raises(ValueError, match=message):
        AnswerSettings(**changes)
