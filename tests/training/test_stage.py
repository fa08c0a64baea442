"""How far a stage has come, by step."""

from dataclasses import replace

import pytest

from demiglace.training.stage import Stage

STAGE = Stage(
    "small", ("head",), 10, learning_rate=0.05, warmup=2, decay_share=0.4, min_lr_ratio=0.2, weight_decay=0.0,
    max_grad_norm=1.0, save_every=5,
)  # fmt: skip


def test_the_mixture_follows_the_decay():
    shares = [STAGE.decayed(step) for step in range(10)]
    assert shares == pytest.approx([0, 0, 0, 0, 0, 0, 0, 0.25, 0.5, 0.75])
    assert replace(STAGE, decay_share=0.0).decayed(9) == 0


def test_a_stage_that_would_keep_no_checkpoint_is_refused():
    for changes, numbers in (({"save_every": 0}, "0 and 2"), ({"keep": 0}, "5 and 0")):
        with pytest.raises(ValueError, match=f"save_every and keep must be at least 1, got {numbers}"):
            replace(STAGE, **changes)
