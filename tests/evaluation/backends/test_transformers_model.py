"""What is asked of a model of transformers, and what it cannot be asked."""

from __future__ import annotations

from typing import Any

import pytest

from demiglace.conversation import Conversation
from demiglace.engine.sampling import SamplingParams
from demiglace.evaluation.backends.backend import Asked

pytest.importorskip("transformers")


@pytest.mark.parametrize("changes", [{"stop": ["x"]}, {"presence_penalty": 1.0}, {"thinking_budget": 5}])
def test_what_generate_has_not_is_refused_before_anything_is_asked(changes: dict[str, Any]) -> None:
    from demiglace.evaluation.backends.transformers_model import TransformersBackend

    asked = [Asked(0, Conversation.ask("Say a word."), SamplingParams(8, 0.5, **changes))]
    with pytest.raises(ValueError, match=rf"{next(iter(changes))} = .* cannot be asked of transformers"):
        list(TransformersBackend("nano", device="cpu", dtype="float32").answers(asked))


def test_a_seed_repeats_and_min_p_counts() -> None:
    from demiglace.evaluation.backends.transformers_model import TransformersBackend

    backend = TransformersBackend("nano", device="cpu", dtype="float32")

    def said(**changes: Any) -> str:
        sampling = SamplingParams(24, 2.0, top_p=1.0, top_k=0, repetition_penalty=1.0, **changes)
        ((_, reply),) = backend.answers([Asked(0, Conversation.ask("Say a word."), sampling)])
        assert not reply.error
        return reply.raw

    assert said(seed=1) == said(seed=1) != said(seed=2)
    likeliest = SamplingParams.greedy(24)
    ((_, greedy),) = backend.answers([Asked(0, Conversation.ask("Say a word."), likeliest)])
    assert said(seed=1, min_p=1.0) == greedy.raw
