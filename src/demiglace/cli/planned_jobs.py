"""The jobs that `demiglace plan` knows: what they train, and the default rows and steps of their commands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from demiglace.model.minicpmv import MiniCPMVConfig
    from demiglace.recipes.pretraining import PretrainingNumbers
    from demiglace.recipes.sft import SftNumbers

FINETUNE, DPO, RL, SERVE = "finetune", "dpo", "hybrid_rl", "serve"
JOBS = (FINETUNE, "resampler", "vision", "full", "general", "long_cot_3d", DPO, RL, SERVE)


@dataclass(frozen=True)
class JobNumbers:
    """length: tokens of a row. batch_rows: per step; pairs in DPO, prompts in RL. num_steps: None is by epochs.

    trainable: prefixes of the names of trainable parameters, as in the recipes. muon: whether matrices learn by Muon.
    """

    length: int
    batch_rows: int
    micro_batch_rows: int
    trainable: tuple[str, ...]
    num_steps: int | None = None
    activation_checkpointing: bool = False
    muon: bool = False


def finetuned() -> tuple[str, ...]:
    """Prefixes of the parameters that `finetune` trains by default."""
    from demiglace.recipes.finetuning import PARTS, FinetuningRecipe

    return tuple(PARTS[part] for part in FinetuningRecipe.parts)


def job_numbers(job: str, config: MiniCPMVConfig) -> JobNumbers:
    """Numbers of the job's recipe for a preset of this size; those of fine-tuning if there is none, or for other jobs.

    job: one of `JOBS`. Recipes of jobs with generated answers have no row length; fine-tuning's is used, or the number
    of the model's positions if that is smaller.
    """
    from demiglace.model.presets import preset
    from demiglace.recipes import hybrid_rl, preference, pretraining, sft
    from demiglace.recipes.finetuning import FinetuningRecipe, usual_length

    length = usual_length(config)
    size = next((name for name in pretraining.NUMBERS if preset(name) == config), None)
    if size is None or job in (FINETUNE, SERVE):
        known = {FINETUNE: finetuned(), DPO: hybrid_rl.ALL_BUT_ENCODER, RL: hybrid_rl.ALL_BUT_ENCODER}
        trainable = (known | pretraining.TRAINABLE).get(job, ("model",))
        return JobNumbers(
            length, FinetuningRecipe.batch_rows, FinetuningRecipe.micro_batch_rows, trainable,
            muon=job in pretraining.TRAINABLE,
        )  # fmt: skip
    if job == RL:
        rl = hybrid_rl.numbers_of(size)
        return JobNumbers(
            length, rl.policy.batch_prompts, rl.micro_batch_prompts, rl.trainable, rl.num_steps,
            rl.activation_checkpointing,
        )  # fmt: skip
    if job == DPO:
        dpo = preference.numbers_of(size)
        return JobNumbers(
            length, dpo.batch_pairs, dpo.micro_batch_pairs, dpo.trainable, dpo.num_steps, dpo.activation_checkpointing
        )
    if job in (sft.GENERAL, sft.LONG_COT_3D):
        tuned, is_long = sft.numbers_of(size), job == sft.LONG_COT_3D
        trainable, num_steps = tuned.long_trainable if is_long else ("model",), tuned.num_steps[is_long]
        return _staged(tuned, trainable, num_steps, tuned.muon)
    learned, stage = pretraining.numbers_of(size), list(pretraining.TRAINABLE).index(job)
    return _staged(learned, pretraining.TRAINABLE[job], learned.num_steps[stage], muon=True)


def _staged(
    numbers: PretrainingNumbers | SftNumbers, trainable: tuple[str, ...], num_steps: int, muon: bool
) -> JobNumbers:
    return JobNumbers(
        numbers.length, numbers.batch_rows, numbers.micro_batch_rows, trainable, num_steps,
        numbers.activation_checkpointing, muon,
    )  # fmt: skip
