"""`demiglace prefer SOURCE`: fewer hallucinations by preference learning; resumes where it stopped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from demiglace.cli import training_options as training
from demiglace.cli.inference_options import with_options
from demiglace.cli.training_command import MemoryAdvice, memory_saving_options, run_together

if TYPE_CHECKING:
    from demiglace.data.mixture_file import MixtureFile
    from demiglace.data.sources.jsonl import JsonFile
    from demiglace.data.sources.object_store import StoredRecords
    from demiglace.recipes.preference import VerifierChoice

SourcePath = Annotated[
    str,
    typer.Argument(
        metavar="SOURCE", help="TOML file of a mixture whose prompts are answered, or a JSON file or address of pairs."
    ),
]
Verifier = Annotated[
    str | None,
    typer.Option(
        help="Model that judges claims: folder, hub id, nano or http://HOST/v1. [default: the model to start from]"
    ),
]
VerifierModel = Annotated[
    str | None, typer.Option(help="The verifier's model name on its server. [default: the first one there]")
]
Claims = Annotated[str, typer.Option(help="How answers are split into claims: by rule, or by model (the verifier).")]
LeastMass = Annotated[float | None, typer.Option(help="Least probability of yes or no for a verdict. [default: 0.5]")]
NllWeight = Annotated[float | None, typer.Option(help="Weight of the NLL loss on the chosen answer. [default: 0]")]
Patience = Annotated[float, typer.Option(help="Seconds to wait for a server that does not answer.", min=0)]
MicroBatchPairs = Annotated[int | None, typer.Option(help="Pairs per forward pass. [default: the preset's]")]
MediaFolder = Annotated[str | None, typer.Option(help="For pairs: folder that paths in records are relative to.")]
MediaRoot = Annotated[Path | None, typer.Option(help="For pairs: folder in which files may be anywhere.")]


@with_options
def prefer(
    source: SourcePath,
    preset: Annotated[str, typer.Option(help="nano, small or 8b: rates, prompts and limits.")],
    start: training.Start,
    folder: training.Folder,
    stores: training.Stores,
    seed: training.Seed = 0,
    steps: Annotated[int | None, typer.Option(help="Updates. [default: the preset's]")] = None,
    lr: Annotated[float | None, typer.Option(help="Peak learning rate. [default: the preset's]")] = None,
    beta: Annotated[float | None, typer.Option(help="DPO's beta. [default: 0.1]")] = None,
    nll_weight: NllWeight = None,
    batch_pairs: Annotated[int | None, typer.Option(help="Pairs per step. [default: the preset's]")] = None,
    micro_batch_pairs: MicroBatchPairs = None,
    activation_checkpointing: training.PresetActivationCheckpointing = False,
    prompts: Annotated[int | None, typer.Option(help="Number of prompts to answer. [default: the preset's]")] = None,
    answers: Annotated[int | None, typer.Option(help="Answers per prompt. [default: 10]")] = None,
    pairs: Annotated[int | None, typer.Option(help="Maximum pairs per prompt. [default: 2]")] = None,
    long_share: Annotated[float | None, typer.Option(help="Share of prompts that ask for long answers.")] = None,
    short_limit: Annotated[int | None, typer.Option(help="Maximum tokens of a short answer.")] = None,
    long_limit: Annotated[int | None, typer.Option(help="Maximum tokens of a long answer with its reasoning.")] = None,
    verifier: Verifier = None,
    verifier_model: VerifierModel = None,
    claims: Claims = "rule",
    least_mass: LeastMass = None,
    patience: Patience = 600.0,
    media: MediaFolder = None,
    media_root: MediaRoot = None,
    save_every: training.SaveEvery = 20,
    keep: training.Keep = 2,
    skip_bad: training.SkipBad = False,
    *,
    computing: training.Computing,
) -> None:
    """Train a model to prefer its answers with fewer false claims (RLAIF-V), or on your own preference pairs (DPO).

    Sources of a mixture need a weight for preference. Stop it with Ctrl-C; the same command resumes. torchrun
    --nproc-per-node 8 -m -- demiglace prefer SOURCE ... runs it in 8 processes.
    """
    from demiglace.jobs.preference import run
    from demiglace.model.hub import folder_of
    from demiglace.recipes.preference import PreferenceRecipe, numbers_of

    changes: dict[str, Any] = {"learning_rate": lr, "num_steps": steps, "beta": beta, "batch_pairs": batch_pairs}
    changes |= {"micro_batch_pairs": micro_batch_pairs, "prompts": prompts, "long_share": long_share}
    changes |= {"nll_weight": nll_weight, "activation_checkpointing": activation_checkpointing or None}
    numbers = numbers_of(preset, pairs_of_a_prompt=pairs, **changes)
    limits = {"answers": answers, "short_limit": short_limit, "long_limit": long_limit, "least_mass": least_mass}
    wanted: dict[str, Any] = {name: value for name, value in limits.items() if value is not None}
    numbers = replace(numbers, answers=replace(numbers.answers, **wanted))
    asking = {"prompts": prompts, "pairs": pairs, "long_share": long_share, "verifier": verifier}
    asking |= {**limits, "verifier_model": verifier_model, "claims": None if claims == "rule" else claims}
    _refuse_of_pairs(source, [name for name, value in asking.items() if value is not None])
    choice = replace(_choice(verifier, verifier_model, claims), patience=patience)
    recipe = PreferenceRecipe(
        _source(source, media, media_root, stores), numbers, folder_of(start), choice, seed, save_every, keep
    )
    machine = computing.machine(skip_bad=skip_bad)
    same = memory_saving_options("--micro-batch-pairs", numbers.micro_batch_pairs, numbers.activation_checkpointing)
    advice = MemoryAdvice(same, ("a lower --long-limit or --answers",), folder)
    run_together(lambda own: run(recipe, folder, own), machine, "model", advice)


def _source(
    named: str, media: str | None, media_root: Path | None, stores: training.Stores
) -> MixtureFile | JsonFile | StoredRecords:
    """A mixture, by its file name's ending, else records of pairs."""
    from demiglace.data.mixture_file import read_mixture
    from demiglace.data.object_cache import path_or_address
    from demiglace.data.sources.record_files import open_pairs

    if _is_mixture(named):
        if media or media_root:
            raise ValueError("--media and --media-root are for pairs; a mixture names the folders of its sources")
        stores.refuse(named)
        return read_mixture(Path(named))
    pairs = open_pairs(named, path_or_address(media) if media else None, media_root, stores.objects())
    _ = pairs.blocks
    return pairs


def _is_mixture(named: str) -> bool:
    return named.endswith(".toml")


def _refuse_of_pairs(source: str, given: Sequence[str]) -> None:
    """ValueError if pairs are given together with options for answering a mixture's prompts."""
    if given and not _is_mixture(source):
        options = ", ".join(f"--{name.replace('_', '-')}" for name in given)
        raise ValueError(f"{options}: for the prompts of a mixture (.toml); pairs, as in {source}, have their answers")


def _choice(verifier: str | None, model: str | None, claims: str) -> VerifierChoice:
    from demiglace.model.hub import folder_of
    from demiglace.recipes.preference import VerifierChoice

    is_address = verifier is not None and verifier.startswith(("http://", "https://"))
    folder = None if verifier is None or is_address else folder_of(verifier)
    return VerifierChoice(folder, verifier if is_address else None, model, claims)  # type: ignore[arg-type]
