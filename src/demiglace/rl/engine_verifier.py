"""A verifier in this process: the policy itself or another model, run by the engine.

The engine encodes equal pictures once and computes equal prefixes once, so the questions about a picture share its
encoding and its keys and values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from demiglace.conversation import Conversation
from demiglace.engine.sampling import SamplingParams
from demiglace.inference.demiglace import Demiglace
from demiglace.rl.claim_verdict import LIKELIEST, MOST_TOKENS, ClaimVerdict, claim_verdict

ROWS = 64  # questions in progress at a time; ours


@dataclass(frozen=True)
class EngineVerifier:
    """An `answer_judge.Verifier`; with `write` it can split answers too."""

    assistant: Demiglace

    def verdicts(self, asked: Sequence[Conversation]) -> list[ClaimVerdict]:
        first = replace(SamplingParams.greedy(1), logprobs=LIKELIEST)
        answers = self.assistant.batch(asked, first, ROWS)
        choices = [answer.log_probabilities[0].alternatives for answer in answers]
        return [
            claim_verdict((token.content.decode(errors="replace"), token.log_probability) for token in likeliest)
            for likeliest in choices
        ]

    def write(self, texts: Sequence[str]) -> list[str | None]:
        """Greedy answers to prompts without pictures; None for one that was cut."""
        asked = [Conversation.ask(text) for text in texts]
        answers = self.assistant.batch(asked, SamplingParams.greedy(MOST_TOKENS), ROWS)
        return [answer.text if answer.stopped_by == "end" else None for answer in answers]
