import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from demiglace.cli.plan import _rate
from demiglace.cli.plan_options import LearningOptions
from demiglace.cli.planned_jobs import JobNumbers, finetuned, job_numbers
from demiglace.data.dataset_statistics import DatasetStatistics
from demiglace.data.measured_lengths import MeasuredLengths
from demiglace.model.presets import preset
from demiglace.recipes import hybrid_rl, preference, pretraining, sft
from demiglace.recipes.finetuning import FinetuningRecipe

Run = Callable[..., Result]


def test_records_are_planned_on_a_gpu(run: Run, start: Path, data: Path) -> None:
    asked = ("plan", start, data, "--gpu", "h100-80gb", "--lora", "--length", 256, "--price", 2, "--json")
    told = json.loads(run(*asked).stdout)
    assert told["fits"]
    assert told["memory_bytes"]["total"] == sum(size for name, size in told["memory_bytes"].items() if name != "total")
    assert told["money"] == 2 * told["seconds"] / 3600
    assert (told["kwh"] > 0, told["device"]["watts"]) == (True, 700)
    assert told["steps"] == json.loads(run(*asked, "--gpus", 2).stdout)["steps"]


def test_each_job_has_a_plan(run: Run, start: Path, data: Path) -> None:
    for job in ("finetune", "dpo", "hybrid_rl", "serve"):
        told = run("plan", start, data, "--job", job, "--gpu", "h200", "--length", 256)
        assert told.exit_code == 0, told.stderr
        assert "it fits\n" in told.stdout
        assert "tokens a second" in told.stdout


def test_a_rate_below_one_token_a_second_is_no_zero() -> None:
    assert [_rate(number) for number in (0.056, 0.5, 3.14, 12345.6)] == ["0.056", "0.5", "3.1", "12,346"]


@pytest.mark.parametrize("job", ["serve", "hybrid_rl"])
def test_references_do_not_count_where_answers_are_generated(run: Run, start: Path, tmp_path: Path, job: str) -> None:
    told = []
    for answer in ("yes", "yes, " * 80):
        turns = [{"role": "user", "content": "Is it so?"}, {"role": "assistant", "content": answer}]
        (tmp_path / "data.jsonl").write_text((json.dumps({"messages": turns}) + "\n") * 4)
        words = ("plan", start, tmp_path / "data.jsonl", "--job", job, "--gpu", "h200", "--length", 512, "--json")
        told.append(json.loads(run(*words).stdout))
    assert told[0] == told[1]


def test_pairs_are_planned_by_their_own_length(run: Run, start: Path, tmp_path: Path) -> None:
    def told(chosen: str, rejected: str, length: int) -> dict:
        pairs = tmp_path / "pairs.jsonl"
        pairs.write_text((json.dumps({"question": "Is it?", "chosen": chosen, "rejected": rejected}) + "\n") * 4)
        words = ("plan", start, pairs, "--job", "dpo", "--gpu", "h200", "--length", length, "--steps", 3, "--json")
        return json.loads(run(*words).stdout)

    short = told("yes", "no!", 64)
    assert short == told("yes", "no!", 512)  # pairs are not packed: rows are as long as they are
    one, other = told("yes, " * 80, "no!", 512), told("yes", "no!, " * 80, 512)
    assert one["seconds"] == pytest.approx(other["seconds"])
    assert short["seconds"] < one["seconds"] < told("yes, " * 80, "no!, " * 80, 512)["seconds"]
    assert short["memory_bytes"]["logits"] < one["memory_bytes"]["logits"]


def test_a_mixture_is_planned_by_its_stage(run: Run, start: Path, data: Path) -> None:
    mixture = data.with_name("mixture.toml")
    asked = ("plan", start, mixture, "--job", "full", "--gpu", "a100-80gb", "--length", 256)
    told = json.loads(run(*asked, "--steps", 5, "--json").stdout)
    assert told["steps"] == 5
    refused = run("plan", start, mixture, "--length", 256)
    assert refused.exit_code == 2
    assert "is a mixture: choose its stage with --job" in refused.stderr


def test_the_released_size_needs_no_weights_and_more_than_a_card(run: Run, data: Path) -> None:
    told = run("plan", "8b", data, "--gpu", "rtx-4090", "--length", 2048, "--full")
    assert "it does not fit; it fits with --activation-checkpointing" in told.stdout
    assert "a byte of text counts as a token" in told.stderr


def test_stages_of_the_released_size_compute_their_layers_again_as_their_recipes_do(run: Run, data: Path) -> None:
    assert all(recipe.numbers_of("8b").activation_checkpointing for recipe in (pretraining, sft, preference, hybrid_rl))
    for job, records in (("full", data.with_name("mixture.toml")), ("dpo", data), ("hybrid_rl", data)):
        asked = ("plan", "8b", records, "--job", job, "--gpu", "h200", "--gpus", 4, "--steps", 5, "--json")
        plain, again = (json.loads(run(*asked, *more).stdout) for more in ((), ("--activation-checkpointing",)))
        assert plain == again
    fine_tuned = ("plan", "8b", data, "--gpu", "h200", "--json")
    plain, again = (json.loads(run(*fine_tuned, *more).stdout) for more in ((), ("--activation-checkpointing",)))
    assert plain["memory_bytes"]["activations"] > 2 * again["memory_bytes"]["activations"]


@pytest.mark.parametrize("size", ["nano", "small", "8b"])
def test_a_stage_is_planned_with_the_rows_and_steps_of_its_recipe(size: str) -> None:
    staged, tuned = pretraining.numbers_of(size), sft.numbers_of(size)
    rl, pairs = hybrid_rl.numbers_of(size), preference.numbers_of(size)
    encoding, frozen = ("model.resampler", "model.vpm"), ("model.resampler", "model.llm")
    later = frozen if size == "nano" else ("model",)
    wanted = {
        "vision": (staged.length, staged.batch_rows, staged.micro_batch_rows, encoding, staged.num_steps[1]),
        "long_cot_3d": (tuned.length, tuned.batch_rows, tuned.micro_batch_rows, later, tuned.num_steps[1]),
        "hybrid_rl": (2048, rl.policy.batch_prompts, rl.micro_batch_prompts, frozen, rl.num_steps),
        "dpo": (2048, pairs.batch_pairs, pairs.micro_batch_pairs, frozen, pairs.num_steps),
    }
    for job, numbers in wanted.items():
        by_muon = job == "vision" or (job == "long_cot_3d" and size != "8b")
        assert job_numbers(job, preset(size)) == JobNumbers(*numbers, size == "8b", by_muon)
    assert job_numbers("finetune", preset(size)) == JobNumbers(2048, 4, 1, ("model.llm",))


@pytest.mark.parametrize(("records", "steps"), [(4, 1), (5, 2), (12, 3)])
def test_a_step_that_is_begun_counts_as_in_the_command(start: Path, data: Path, records: int, steps: int) -> None:
    numbers = JobNumbers(1000, 4, 1, finetuned())
    seen = DatasetStatistics(records, lengths=MeasuredLengths((records,), None, [600] * records, 1000, 0))
    recipe = FinetuningRecipe(start, [data], epochs=1, length=1000, batch_rows=4)
    assert LearningOptions(epochs=1.0).num_steps("finetune", numbers, seen) == recipe.num_steps(seen.lengths) == steps


@pytest.mark.parametrize("options", [(), ("--epochs", 7), ("--batch-rows", 1, "--length", 128)])
def test_steps_are_those_of_the_command(run: Run, start: Path, data: Path, tmp_path: Path, options: tuple) -> None:
    planned = json.loads(run("plan", start, data, "--json", *options).stdout)["steps"]
    told = run("finetune", start, data, "--out", tmp_path / "run", "--full", "--dry-run", *options).stderr
    assert f"steps: {planned};" in told


def test_muon_is_planned_where_the_stage_takes_it(run: Run, data: Path) -> None:
    """It keeps one number beside a weight of a matrix, AdamW two; the same weights learn in all three."""
    asked = ("plan", "nano", data, "--length", 512, "--steps", 5, "--json", "--learn", "encoder,resampler,decoder")
    told = {
        job: json.loads(run(*asked, *more).stdout)["memory_bytes"]["optimizer"]
        for job, more in {"adamw": ("--full",), "full": ("--job", "full"), "general": ("--job", "general")}.items()
    }
    assert told["full"] == told["general"]
    assert told["full"] < 0.8 * told["adamw"]


def test_what_is_chosen_comes_before_the_recipe(run: Run, data: Path) -> None:
    asked = ("plan", "nano", data, "--job", "dpo", "--gpu", "h200", "--json")
    by_recipe, by_steps, by_epochs = (
        json.loads(run(*asked, *more).stdout)["steps"] for more in ((), ("--steps", 7), ("--epochs", 1))
    )
    assert (by_recipe, by_steps, by_epochs) == (preference.numbers_of("nano").num_steps, 7, 1)


@pytest.mark.parametrize("wrong", [("--job", "evaluation"), ("--lora", "--qlora"), ("--gpu", "tpu")])
def test_what_no_model_could_do_is_refused_before_one_is_looked_for(
    run: Run, data: Path, wrong: tuple[object, ...]
) -> None:
    refused = run("plan", "no/such-model", data, *wrong)
    assert refused.exit_code == 2
    assert "no/such-model" not in refused.stderr
    assert len(refused.stderr.splitlines()) == 1


def test_what_learns_is_that_of_the_command(run: Run, start: Path, data: Path) -> None:
    for options, learns in (
        ((), "adapters of rank 16 in decoder, bfloat16"),
        (("--full", "--learn", "resampler"), "all weights in resampler, bfloat16"),
        (("--job", "dpo"), "all weights in resampler, decoder, bfloat16"),
        (("--job", "general"), "all weights in encoder, resampler, decoder, bfloat16"),
        (("--job", "hybrid_rl"), "all weights in resampler, decoder, bfloat16"),
    ):
        assert f"1 x h200, {learns}" in run("plan", start, data, "--gpu", "h200", "--length", 256, *options).stdout


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (("--job", "evaluation"), "unknown job 'evaluation'; choose from finetune"),
        (("--lora", "--qlora"), "cannot be combined"),
        (("--job", "dpo", "--lora"), "adapters are only for --job finetune, got --job dpo"),
        (("--job", "serve", "--steps", 3), "--steps has no effect for serve"),
        (("--job", "serve", "--full"), "--full has no effect for serve"),
        (("--group", 4), "--group has no effect for finetune"),
        (("--job", "serve", "--group", 4), "--group has no effect for serve"),
        (("--full", "--rank", 3), "--rank has no effect for finetune of all weights"),
        (("--gpu", "tpu"), "unknown device 'tpu'"),
        (("--learn", "mouth"), "got 'mouth'"),
        (("--dtype", "half"), "'half' is not one of"),
        (("--learn", "resampler"), "adapters are for encoder and decoder, but the parts to train are resampler"),
        (("--gpus", 3), "4 rows per step cannot be split evenly among 3 processes"),
        (("--gpus", 2, "--qlora"), "4-bit weights are trained in one process, got --gpus 2"),
        (("--length", 1025), "rows of 1025 tokens, more than 1024 positions of the model"),
        (("--job", "serve", "--length", 1025), "rows of 1025 tokens, more than 1024 positions of the model"),
        (("--epochs", "inf"), "--epochs must be above 0, got inf"),
    ],
)
def test_what_cannot_be_planned_is_refused_in_one_line(
    run: Run, start: Path, data: Path, wrong: tuple[object, ...], message: str
) -> None:
    refused = run("plan", start, data, *wrong)
    assert refused.exit_code == 2
    assert message in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
