"""RLAIF-V on pictures and clips of known contents: inventions before and after.

    python experiments/rlaif_v/run.py FOLDER --start src/demiglace/checkpoints/nano

The nano model answers; what it says is split into claims by rule, and the known contents judge them: the best verifier
there can be. The nano model's own verdicts are measured beside them. From the pairs the model learns by DPO. A run that
is stopped goes on; `figures.py` reads what it leaves: result.json and the held-out answers.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from world import FILE_FPS, Contents, contents

from demiglace.conversation import Conversation, Video, VideoSampling
from demiglace.engine.sampling import SamplingParams
from demiglace.evaluation.question_accuracy import answer_questions, score
from demiglace.inference.demiglace import Demiglace
from demiglace.model import weights
from demiglace.model.minicpmv import MiniCPMV
from demiglace.processing.processor import Processor
from demiglace.recipes.preference import PreferenceRecipe, numbers_of
from demiglace.records.preferences import Preference
from demiglace.rl.answer_judge import AnswerJudge
from demiglace.rl.claim_verdict import ClaimVerdict
from demiglace.rl.claims import claims_by_rule, split_by_rule
from demiglace.rl.engine_verifier import EngineVerifier
from demiglace.rl.judged_answers import AnswerLog, JudgedAnswers
from demiglace.rl.pair_batches import PairBatches
from demiglace.rl.preference_pairs import PreferencePair, choose_pairs, mean_longer, write_pairs
from demiglace.rl.rollout_batch import PolicyLearner
from demiglace.synthesis.clips import kinds
from demiglace.synthesis.clips.clip import encode
from demiglace.synthesis.clips.clip_question import ClipQuestion
from demiglace.synthesis.questions import topics
from demiglace.training.distributed import ALONE
from demiglace.training.preference import PreferenceObjective
from demiglace.training.reference_log_probs import ReferenceLog, ReferencePass
from demiglace.training.trainer import Trainer

LEARN_SEED, TEST_SEED = 11, 12
OBJECT = re.compile(r"\b(?:red|green|blue|yellow|orange|purple|pink|cyan|black|white|grey|brown|magenta) [a-z]+")
ELSEWHERE = {"topics": ("colours", "charts", "short_receipts"), "clips": ("flash_text", "direction")}


@dataclass(frozen=True)
class KnownContents:
    """A verifier that looks at what was drawn. known: by id of what is shown."""

    known: dict[int, Contents]

    def verdicts(self, asked: Sequence[Conversation]) -> list[ClaimVerdict]:
        return [self._verdict(*conversation.messages[-1].content) for conversation in asked]

    def _verdict(self, part: Any, text: Any) -> ClaimVerdict:
        holds = text.text in self.known[id(part)].true_claims
        return ClaimVerdict(float(holds), float(not holds))


def inventions(shown: Sequence[Contents], said: Sequence[str]) -> list[dict[str, Any]]:
    """What is false in each answer: claims, and objects named that are not there (CHAIR, arXiv 1809.02156)."""
    found = []
    for own, answer in zip(shown, said, strict=True):
        claims = [claim.question in own.true_claims for claim in claims_by_rule(own.question, answer)]
        named = OBJECT.findall(answer) if own.shapes else []
        counts = {"claims": len(claims), "false": claims.count(False), "right": answer == own.answer}
        counts |= {"objects": len(named), "invented": sum(name not in own.shapes for name in named)}
        counts |= {"there": len(own.shapes), "found": len(own.shapes & set(named))}
        found.append({"domain": own.domain, "truth": own.answer, "said": answer, **counts})
    return found


def summary(lines: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Of answers of one domain."""
    total = {name: sum(line[name] for line in lines) for name in lines[0] if isinstance(lines[0][name], int)}
    count = len(lines)
    found = {
        "answers": count,
        "false_claims_per_answer": total["false"] / count,
        "false_claims": total["false"] / max(1, total["claims"]),
        "claims_per_answer": total["claims"] / count,
        "right": total["right"] / count,
    }
    if not total["there"]:
        return found
    return found | {
        "inventions_per_answer": total["invented"] / count,
        "chair_objects": total["invented"] / max(1, total["objects"]),
        "chair_answers": sum(line["invented"] > 0 for line in lines) / count,
        "objects_per_answer": total["objects"] / count,
        "named_of_there": total["found"] / total["there"],
    }


def elsewhere(assistant: Demiglace, number: int) -> dict[str, float]:
    found = {}
    for topic in ELSEWHERE["topics"]:
        asked = [topics.held_out_question(topic, index) for index in range(number)]
        found[topic] = score([q for _, q in asked], answer_questions(assistant, asked)).right / number
    for kind in ELSEWHERE["clips"]:
        clips = [kinds.held_out_question(kind, index) for index in range(number)]
        asked = [((_film(one),), one.question) for one in clips]
        found[kind] = score([q for _, q in asked], answer_questions(assistant, asked)).right / number
    return found


def _film(asked: ClipQuestion) -> Video:
    return Video(encode(asked.clip, FILE_FPS, "mp4"), VideoSampling(fps=10, package_frames=6))


def measured(model: MiniCPMV, processor: Processor, given: Namespace, name: str) -> dict[str, Any]:
    """Greedy answers to held-out pictures and clips, which are written down too."""
    assistant = Demiglace(model, processor, SamplingParams())
    shown = [contents(given.held_out_seed, number) for number in range(given.held_out)]
    asked = [Conversation.ask(own.question, own.part) for own in shown]
    lines = inventions(shown, [answer.text for answer in assistant.batch(asked, SamplingParams.greedy(96), 32)])
    (given.folder / f"held_out_{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    domains = ("pictures", "clips")
    found: dict[str, Any] = {one: summary([line for line in lines if line["domain"] == one]) for one in domains}
    return found | ({"elsewhere": elsewhere(assistant, given.elsewhere)} if given.elsewhere else {})


def learned(given: Namespace, processor: Processor, pairs: list[PreferencePair], shown: list[Contents]) -> MiniCPMV:
    """The model after DPO on the pairs."""
    numbers = numbers_of("nano", num_steps=given.steps, learning_rate=given.lr, nll_weight=given.nll_weight)
    recipe = PreferenceRecipe(None, numbers, given.start)  # type: ignore[arg-type]
    learner = PolicyLearner(weights.load(given.start, torch.float32))

    def read(number: int) -> Preference:
        pair = pairs[number]
        return Preference(shown[pair.prompt_id].prompt(pair.prompt_id).messages, pair.chosen, pair.rejected, False)

    source = PairBatches(processor, read, learner.model.config.llm.max_position_embeddings)
    folder = given.folder / "learned"
    cpu, dtype = torch.device("cpu"), torch.float32
    log = ReferenceLog(folder, {"pairs": hashlib.sha256(repr(pairs).encode()).hexdigest()})
    reference = ReferencePass(source, len(pairs), 8, log, _refuse, ALONE, cpu, dtype).run(learner, lambda: False)
    assert reference is not None
    objective = PreferenceObjective(
        source, reference.numbers, reference.log_probs, numbers.beta, numbers.batch_pairs, given.seed, ALONE,
        numbers.nll_weight, micro_batch_size=8, device=cpu, dtype=dtype,
    )  # fmt: skip
    Trainer(learner, recipe.stage(), objective, folder).run()
    return learner.model


def _refuse(number: int, error: ValueError) -> None:
    raise error


def verifier_itself(
    model: MiniCPMV, processor: Processor, judged: list[JudgedAnswers], shown: list[Contents]
) -> dict[str, float]:
    """How often the nano model says yes or no to claims, and how often rightly."""
    claims = [
        (shown[one.prompt_id], claim.claim) for one in judged for answer in one.answers for claim in answer.claims
    ]
    chosen = list({(id(own), claim.question): (own, claim) for own, claim in claims}.values())[:240]
    verifier = EngineVerifier(Demiglace(model, processor, SamplingParams()))
    verdicts = verifier.verdicts([Conversation.ask(claim.question, own.part) for own, claim in chosen])
    truth = [claim.question in own.true_claims for own, claim in chosen]
    right = [verdict.is_rejected != true for verdict, true in zip(verdicts, truth, strict=True)]
    masses = sorted(verdict.mass for verdict in verdicts)
    return {
        "claims": len(chosen),
        "true_share": sum(truth) / len(truth),
        "median_mass": masses[len(masses) // 2],
        "clear_share": sum(verdict.is_clear(0.5) for verdict in verdicts) / len(verdicts),
        "accuracy": sum(right) / len(right),
        "kept_share": sum(not verdict.is_rejected for verdict in verdicts) / len(verdicts),
    }


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--start", type=Path, required=True)
    parser.add_argument("--verifier", choices=("contents", "itself"), default="contents", help="what judges the claims")
    parser.add_argument("--seed", type=int, default=0, help="of what is learned from; what is held out stays")
    parser.add_argument("--prompts", type=int, default=150)
    parser.add_argument("--answers", type=int, default=8)
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--lr", type=float, default=5e-5)
    parser.add_argument("--nll-weight", type=float, default=0.0)
    parser.add_argument("--held-out", type=int, default=150)
    parser.add_argument("--held-out-seed", type=int, default=TEST_SEED, help="another one to choose settings by")
    parser.add_argument("--elsewhere", type=int, default=20)
    given = parser.parse_args()
    began = time.process_time()
    processor, model = Processor.load(given.start), weights.load(given.start, torch.float32).requires_grad_(False)
    shown = [contents(LEARN_SEED + 100 * given.seed, number) for number in range(given.prompts)]
    digest = hashlib.sha256((given.start / "model.safetensors").read_bytes()).hexdigest()[:12]
    result: dict[str, Any] = {
        "weights": digest,
        "settings": {k: str(v) for k, v in vars(given).items() if k not in ("folder", "start")},
    }
    log = AnswerLog(given.folder)
    known = log.read()
    settings = replace(numbers_of("nano").answers, answers=given.answers, short_limit=96)
    policy = Demiglace(model, processor, SamplingParams())
    known_contents = KnownContents({id(own.part): own for own in shown})
    verifier = known_contents if given.verifier == "contents" else EngineVerifier(policy)
    judge = AnswerJudge(policy, split_by_rule, verifier, settings, seed=given.seed)
    for start in range(0, given.prompts, 12):
        missing = [n for n in range(start, min(start + 12, given.prompts)) if n not in known]
        if missing:
            log.add(judge.judge([shown[number].prompt(number) for number in missing]))
    judged = list(log.read().values())
    result["seconds_answers"] = time.process_time() - began
    result["nano as verifier"] = verifier_itself(model, processor, judged, shown)
    result["before"] = measured(deepcopy(model), processor, given, "before")
    pairs = choose_pairs(judged)
    write_pairs(given.folder / "pairs.jsonl", pairs)
    result["pairs"], result["chosen_longer_by"] = len(pairs), mean_longer(pairs)
    model_after = learned(given, processor, pairs, shown).requires_grad_(False)
    result["after"] = measured(model_after, processor, given, "after")
    result["cpu_seconds"] = time.process_time() - began
    (given.folder / "result.json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
