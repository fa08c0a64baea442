"""Figures of what learns and answers: tiny runs of every recipe, a stopped one, the shipped model, verdicts."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import torch
from behaviour_figures import Figures, losses, weights_digest
from mixtures import SFT_MIXTURE, write_mixture, write_start
from stopped_runs import STOP_SIGNALS, stops_at
from typer.testing import CliRunner

from demiglace.cli.main import app
from demiglace.data.mixture_file import read_mixture
from demiglace.jobs import nano as nano_job
from demiglace.jobs.finetuning import finetune, survey
from demiglace.jobs.machine import Machine
from demiglace.jobs.staged import run as run_stages
from demiglace.model.adapters import Lora
from demiglace.recipes import nano as nano_recipe
from demiglace.recipes.finetuning import FinetuningRecipe
from demiglace.recipes.pretraining import PretrainingRecipe
from demiglace.recipes.pretraining import numbers_of as pretraining_numbers
from demiglace.recipes.sft import SftRecipe
from demiglace.recipes.sft import numbers_of as sft_numbers
from demiglace.scoring.answer_match import is_right
from demiglace.scoring.arithmetic.claims import wrong_claims
from demiglace.scoring.repetition import repeats
from demiglace.scoring.text_distance import character_error_rate, word_f1

SAMPLES = Path(__file__).parents[2] / "samples"
MACHINE = Machine(torch.device("cpu"), torch.float32, num_workers=0)
HERE = ("--device", "cpu", "--dtype", "float32")
STEPS_OF_NANO = ("encoder_steps", "decoder_steps", "resampler_steps", "vision_steps", "full_steps", "decay_steps")


def nano(folder: Path, count: int) -> Figures:
    """The quick recipe, three steps of each stage: two stages, then the run is gone on with.

    Where the third stage begins, the last bits of what linear algebra gives change from run to run, and grow.
    """
    recipe = nano_recipe.quick(nano_recipe.NanoRecipe())
    few = dict.fromkeys([*STEPS_OF_NANO, "colours_steps"], 3)
    recipe = replace(recipe, batch_size=2, shard_size=4, **few)
    figures = _of_run(lambda: nano_job.train(replace(recipe, only=recipe.only[:2]), folder))
    rest = _of_run(lambda: nano_job.train(recipe, folder))
    return replace(figures, rough=rest.losses)


def pretraining(folder: Path, count: int) -> Figures:
    """The three stages on a small model, 16 steps; then stopped after the sixth step and gone on with."""
    recipe = _pretraining(folder)
    figures = _of_run(lambda: run_stages(recipe, folder / "run", MACHINE))
    with losses() as begun, patch(STOP_SIGNALS, stops_at(6)), quiet():
        assert run_stages(recipe, folder / "parts", MACHINE) is None
    resumed = _of_run(lambda: run_stages(recipe, folder / "parts", MACHINE))
    if (begun + resumed.losses["losses"], resumed.here) != (figures.losses["losses"], figures.here):
        raise ValueError("a run that was stopped and resumed is not the run that was never stopped")
    return figures


def sft(folder: Path, count: int) -> Figures:
    """Both stages on a small model, 10 steps."""
    write_mixture(folder)
    (folder / "sft.toml").write_text(SFT_MIXTURE)
    numbers = sft_numbers("nano", length=512, batch_rows=2, micro_batch_rows=1, num_steps=(5, 5))
    recipe = SftRecipe(read_mixture(folder / "sft.toml"), numbers, write_start(folder / "start"))
    return _of_run(lambda: run_stages(recipe, folder / "run", MACHINE))


def finetuning(folder: Path, count: int) -> Figures:
    """By adapters and whole, on the records of pictures."""
    write_mixture(folder)
    whole = FinetuningRecipe(
        write_start(folder / "start"), (folder / "pictures.jsonl",), method="full", epochs=8, length=256, batch_rows=2,
        held_out=0.25, learning_rate=1e-3,
    )  # fmt: skip
    parts = replace(whole, method="lora", lora=Lora(rank=2, scale=4), parts=("decoder", "resampler"))
    figures = Figures()
    for name, recipe in {"whole": whole, "adapters": parts}.items():
        target = folder / name
        found = _of_run(lambda recipe=recipe, to=target: finetune(recipe, survey(recipe), to, MACHINE))
        figures.exact |= {f"{name}: {key}": value for key, value in found.exact.items()}
        figures.here |= {f"{name}: {key}": value for key, value in found.here.items()}
        figures.losses |= {f"{name}: {key}": value for key, value in found.losses.items()}
    return figures


def answers(folder: Path, count: int) -> Figures:
    """The shipped model, asked greedily about the samples; what they cost in tokens."""
    files = [str(path) for path in sorted(SAMPLES.iterdir()) if path.suffix != ".md"]
    figures = Figures()
    for path in files:
        said = _told("ask", path, "Read the text.", "--temperature", "0", "--max-new-tokens", "48", *HERE)
        figures.here[f"ask {Path(path).name}"] = said
    figures.here["read page.png"] = _told("read", str(SAMPLES / "page.png"), *HERE)
    bills = json.loads(_told("tokens", "--json", *files))
    names = ("name", "pictures", "packages", "tokens")
    figures.exact["tokens"] = [[[cost[name] for name in names] for cost in bill["costs"]] for bill in bills]
    return figures


PAIRS = (  # a response, the reference
    ("12 %", "12%"), ("−3", "-3"), ("1,234.50", "1234.5"), ("The answer is 7.", "7"), ("It is 7, not 8.", "7"),
    ("7 or 8", "7"), ("seven", "7"), ("$5.00", "5 dollars"), ("It is red.", "red"), ("It is not red.", "red"),
    ("Yes, it is.", "yes"), ("No.", "yes"), ("2024-03-05", "5 March 2024"), ("March 5, 2024", "5 March 2024"),
    ("6 March 2024", "5 March 2024"), ("<b>12</b>", "12"), ("**12**", "12"), ("\\boxed{12}", "12"), ("5 - 3 = 2", "2"),
    ("5 - 3 = 4", "4"), ("red, green, blue", "red, green, blue"), ("green, red, blue", "red, green, blue"),
    ("", "7"), ("The larger one is 7.", "7"), ("1/2", "0.5"), ("0.50", "1/2"), ("3 km", "3000 m"), ("3 km", "3 km"),
    ("A-117", "A-117"), ("A-118", "A-117"), ("Answer: B", "B"), ("(B)", "B"), ("B and C", "B"),
    ("New York", "new york"), ("York", "New York"), ("1 000", "1000"), ("1e3", "1000"), ("12:30", "12.30"),
    ("half past 12", "12:30"), ("twenty-one", "21"), ("2 dozen", "24"), ("[1, 2]", "[1, 2]"), ("(1, 2)", "[1, 2]"),
)  # fmt: skip
CHOICES = ("red", "green", "dark green")
CLAIMS = "5 + 3 = 8, so 8 x 2 = 16, less 3 is 13; 16 - 3 = 12. 10 % of 50 = 5. 3 < 2. 1/3 = 0.33. 9 / 2 = 4.5"


def verdicts(folder: Path, count: int) -> Figures:
    right = "".join(str(int(is_right(*pair))) for pair in PAIRS)
    chosen = [is_right(said, "green", CHOICES) for said in ("green", "dark green", "It is green.", "green, not red")]
    texts = ("The quick brown fox", "the quik brown  fox!"), ("“Quoted” – text", '"Quoted" - text'), ("", "x")
    rates = [[round(learning_rate(*pair), 12) for learning_rate in (character_error_rate, word_f1)] for pair in texts]
    again = [repeats("one two three four five six seven eight " * count) for count in (1, 3)]
    return Figures(
        exact={"right": right, "chosen": chosen, "rates": rates, "wrong claims": wrong_claims(CLAIMS), "repeats": again}
    )


def _pretraining(folder: Path) -> PretrainingRecipe:
    mixture = read_mixture(write_mixture(folder))
    numbers = pretraining_numbers("nano", length=256, batch_rows=2, micro_batch_rows=1, num_steps=(4, 4, 8))
    return PretrainingRecipe(mixture, "nano", numbers, start=write_start(folder / "start"))


def _of_run(run: Callable[[], Path | None]) -> Figures:
    """Losses, their number, and the weights that the run leaves in the folder it returns."""
    with losses() as found, quiet():
        result = run()
    assert result is not None
    (left,) = result.glob("*.safetensors")
    return Figures({"steps": len(found)}, {"weights": weights_digest(left)}, {"losses": found})


@contextmanager
def quiet() -> Iterator[None]:
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        yield


def _told(*words: str) -> str:
    """What a command prints."""
    result = CliRunner().invoke(app, words)
    if result.exit_code:
        raise ValueError(f"{' '.join(words)}: {result.output}")
    return result.stdout
