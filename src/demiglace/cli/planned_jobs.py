"""The jobs that `demiglace plan` knows: which parts learn, and the rows and steps that their commands take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from demiglace.model.minicpmv import MiniCPMVConfig

FINETUNE, DPO, RL, SERVE = "finetune", "dpo", "hybrid_rl", "serve"
JOBS = (FINETUNE, "resampler", "vision", "full", "general", "long_cot_3d", DPO, RL, SERVE)
JOB_PARTS = {  # what learns where nothing is chosen, as in the recipes; in other stages all parts do
    FINETUNE: "decoder",
    "resampler": "resampler",
    "vision": "encoder,resampler",
    DPO: "resampler,decoder",
    RL: "resampler,decoder",
}


@dataclass(frozen=True)
class JobNumbers:
    """length: tokens of a row. batch_rows: of a step; pairs in DPO, prompts in RL. num_steps: None goes by epochs.

    The defaults are those of `demiglace finetune`.
    """

    length: int = 2048
    batch_rows: int = 4
    micro_batch_rows: int = 1
    num_steps: int | None = None
    activation_checkpointing: bool = False


def job_numbers(job: str, config: MiniCPMVConfig) -> JobNumbers:
    """Of the job's recipe for a preset of this size; the defaults where there is none, and of jobs without a recipe.

    Raises ValueError where there is no such job.
    """
    from demiglace.model.presets import preset
    from demiglace.recipes import hybrid_rl, preference, pretraining, sft

    if job not in JOBS:
        raise ValueError(f"no job {job!r}; there are {', '.join(JOBS)}")
    size = next((name for name in pretraining.NUMBERS if preset(name) == config), None)
    if size is None or job in (FINETUNE, SERVE):
        return JobNumbers()
    if job == RL:
        rl = hybrid_rl.numbers_of(size)
        return JobNumbers(
            batch_rows=rl.policy.batch_prompts, micro_batch_rows=rl.micro_batch_prompts,
            num_steps=rl.num_steps, activation_checkpointing=rl.activation_checkpointing,
        )  # fmt: skip
    if job == DPO:
        dpo = preference.numbers_of(size)
        return JobNumbers(
            batch_rows=dpo.batch_pairs, micro_batch_rows=dpo.micro_batch_pairs,
            num_steps=dpo.num_steps, activation_checkpointing=dpo.activation_checkpointing,
        )  # fmt: skip
    is_sft = job in (sft.GENERAL, sft.LONG_COT_3D)
    stages = (sft.GENERAL, sft.LONG_COT_3D) if is_sft else tuple(pretraining.TRAINABLE)
    staged = sft.numbers_of(size) if is_sft else pretraining.numbers_of(size)
    return JobNumbers(
        staged.length, staged.batch_rows, staged.micro_batch_rows,
        staged.num_steps[stages.index(job)], staged.activation_checkpointing,
    )  # fmt: skip
