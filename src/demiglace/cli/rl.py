"""`demiglace rl MIXTURE.toml`: hybrid reinforcement learning; resumes where it stopped."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from demiglace.cli import training_options as training
from demiglace.cli.inference_options import with_options
from demiglace.cli.training_command import MemoryAdvice, memory_saving_options, run_together

if TYPE_CHECKING:
    from demiglace.rl.policy_settings import PolicySettings
    from demiglace.rl.remote_server import RemoteServer
    from demiglace.rl.rewards import RewardSettings

LongShare = Annotated[float | None, typer.Option(help="Share of the prompts that ask for long answers. [default: 0.5]")]
RewardModelFolder = Annotated[
    Path | None, typer.Option(help="Folder of a transformers sequence classifier that scores final answers.")
]
Workers = Annotated[int, typer.Option(help="Processes that prepare the next batch's prompts; 0 is none.", min=0)]
MicroBatchPrompts = Annotated[int | None, typer.Option(help="Prompts per forward pass. [default: the preset's]")]


@dataclass(frozen=True)
class Policy:
    """How answers are sampled, rewarded and trained on; None keeps the preset's value."""

    prompts: Annotated[int | None, typer.Option(help="Prompts per batch. [default: the preset's]")] = None
    answers: Annotated[int | None, typer.Option(help="Answers per prompt. [default: 8]")] = None
    short_limit: Annotated[int | None, typer.Option(help="Maximum tokens of a short answer.")] = None
    long_limit: Annotated[int | None, typer.Option(help="Maximum tokens of a long answer with its reasoning.")] = None
    loss: Annotated[str | None, typer.Option(help="grpo, dr_grpo, dapo, gspo or cispo. [default: dapo]")] = None
    clip: Annotated[
        str | None, typer.Option(help="Clip range below and above 1. [default: 0.2,0.28; gspo: 0.0003,0.0004]")
    ] = None
    updates: Annotated[int | None, typer.Option(help="Updates per batch. [default: 1]")] = None
    by_std: Annotated[bool, typer.Option("--by-std", help="Divide advantages by their standard deviation.")] = False
    keep_flat: Annotated[
        bool, typer.Option("--keep-flat", help="Keep groups whose rewards are all equal in the update.")
    ] = False
    leave_out_cut: Annotated[
        bool, typer.Option("--leave-out-cut", help="Do not score truncated answers, which otherwise count as wrong.")
    ] = False
    without: Annotated[
        list[str] | None, typer.Option(help="A reward to leave out: accuracy, format, repetition or preference.")
    ] = None

    def of(self, preset: PolicySettings) -> PolicySettings:
        """A preset's settings overridden by the options."""
        from demiglace.training.losses import ClipBounds

        names = ("answers", "short_limit", "long_limit", "loss", "updates")
        changes: dict[str, Any] = {"batch_prompts": self.prompts} | {name: getattr(self, name) for name in names}
        changes |= {"by_std": self.by_std or None, "drops_flat": False if self.keep_flat else None}
        wanted = {name: value for name, value in changes.items() if value is not None}
        if self.clip is not None:
            wanted["clip"] = ClipBounds(*_two_numbers(self.clip))
        return replace(preset, rewards=self._rewards(preset.rewards), **wanted)

    def _rewards(self, preset: RewardSettings) -> RewardSettings:
        from demiglace.rl.rewards import TERMS

        without = self.without or []
        if strange := [term for term in without if term not in TERMS]:
            raise ValueError(f"--without must be one of {', '.join(TERMS)}, got {strange[0]!r:.50}")
        rewards = replace(preset, terms=tuple(term for term in preset.terms if term not in without))
        return replace(rewards, cut="left out") if self.leave_out_cut else rewards


@dataclass(frozen=True)
class Server:
    """The server that generates answers, if not the engine."""

    generator: Annotated[str | None, typer.Option(help="OpenAI-compatible server for the answers, such as .../v1.")] = (
        None
    )
    generator_update: Annotated[
        str | None,
        typer.Option(
            help="Command that makes it load new weights; the folder is appended. [default: vLLM's own calls]"
        ),
    ] = None

    def of(self, folder: Path) -> RemoteServer | None:
        """The server; weights for it are saved to `generator` in the run's folder."""
        from demiglace.rl.remote_server import RemoteServer

        if self.generator is not None:
            return RemoteServer(self.generator, self.generator_update, folder / "generator")
        if self.generator_update is not None:
            raise ValueError("--generator-update requires --generator: without a server there is nothing to update")
        return None


@with_options
def rl(
    policy: Policy,
    server: Server,
    mixture: training.MixturePath,
    preset: Annotated[str, typer.Option(help="nano, small or 8b: rates, prompts and limits.")],
    start: training.Start,
    folder: training.Folder,
    seed: training.Seed = 0,
    steps: Annotated[int | None, typer.Option(help="Updates. [default: the preset's]")] = None,
    lr: Annotated[float | None, typer.Option(help="Constant learning rate. [default: the preset's]")] = None,
    long_share: LongShare = None,
    reward_model: RewardModelFolder = None,
    micro_batch_prompts: MicroBatchPrompts = None,
    activation_checkpointing: training.PresetActivationCheckpointing = False,
    workers: Workers = 1,
    save_every: training.SaveEvery = 20,
    keep: training.Keep = 2,
    skip_bad: training.SkipBad = False,
    *,
    computing: training.Computing,
) -> None:
    """Train a model on its own answers, short and long ones. Stop it with Ctrl-C; the same command resumes.

    Sources of the mixture need a weight for hybrid_rl. torchrun --nproc-per-node 8 -m -- demiglace rl MIXTURE.toml ...
    runs it in 8 processes.
    """
    from demiglace.data.mixture_file import read_mixture
    from demiglace.jobs.rl import run
    from demiglace.model.hub import folder_of
    from demiglace.recipes.hybrid_rl import HybridRlRecipe, numbers_of

    numbers = numbers_of(
        preset,
        learning_rate=lr,
        num_steps=steps,
        long_share=long_share,
        micro_batch_prompts=micro_batch_prompts,
        activation_checkpointing=activation_checkpointing or None,
    )
    numbers, remote = replace(numbers, policy=policy.of(numbers.policy)), server.of(folder)
    recipe = HybridRlRecipe(read_mixture(mixture), numbers, folder_of(start), reward_model, seed, save_every, keep)
    machine = computing.machine(num_workers=workers, skip_bad=skip_bad)
    same = memory_saving_options("--micro-batch-prompts", numbers.micro_batch_prompts, numbers.activation_checkpointing)
    advice = MemoryAdvice(same, ("a lower --long-limit or --answers",), folder)
    run_together(lambda own: run(recipe, folder, own, remote), machine, "model", advice)


def _two_numbers(text: str) -> tuple[float, float]:
    """ "0.2,0.28" -> both numbers; ValueError for anything else."""
    try:
        low, high = map(float, text.split(","))
    except ValueError as error:
        raise ValueError(f"--clip must be two numbers such as 0.2,0.28, got {text!r:.50}") from error
    return low, high
