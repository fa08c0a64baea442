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
    """length: tokens of a row. batch_rows: of a step; pairs in DPO, prompts in RL. num_steps: None goes by epochs."""

    length: int
    batch_rows: int
    micro_batch_rows: int
    num_steps: int | None = None
    activation_checkpointing: bool = False


def job_numbers(job: str, config: MiniCPMVConfig) -> JobNumbers:
    """Of the job's recipe for a preset of this size; of fine-tuning where there is none, and of other jobs.

    job: one of `JOBS`. Rows of answers have no length in their recipes, and get that of fine-tuning.
    """
    from demiglace.model.presets import preset
    from demiglace.recipes import hybrid_rl, preference, pretraining, sft
    from demiglace.recipes.finetuning import FinetuningRecipe

    length = FinetuningRecipe.length
    size = next((name for name in pretraining.NUMBERS if preset(name) == config), None)
    if size is None or job in (FINETUNE, SERVE):
        return JobNumbers(length, FinetuningRecipe.batch_rows, FinetuningRecipe.micro_batch_rows)
    if job == RL:
        rl = hybrid_rl.numbers_of(size)
        return JobNumbers(
            length, rl.policy.batch_prompts, rl.micro_batch_prompts, rl.num_steps, rl.activation_checkpointing
        )
    if job == DPO:
        dpo = preference.numbers_of(size)
        return JobNumbers(length, dpo.batch_pairs, dpo.micro_batch_pairs, dpo.num_steps, dpo.activation_checkpointing)
    is_sft = job in (sft.GENERAL, sft.LONG_COT_3D)
    stages = (sft.GENERAL, sft.LONG_COT_3D) if is_sft else tuple(pretraining.TRAINABLE)
    staged = sft.numbers_of(size) if is_sft else pretraining.numbers_of(size)
    return JobNumbers(
        staged.length, staged.batch_rows, staged.micro_batch_rows,
        staged.num_steps[stages.index(job)], staged.activation_checkpointing,
    )  # fmt: skip
