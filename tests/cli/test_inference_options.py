"""Options that several commands have."""

from pathlib import Path
from typing import Annotated

import typer
from typer.testing import CliRunner

from demiglace.cli.inference_options import Sampling, Slicing, with_options


def test_a_group_of_options_is_taken_one_by_one_and_given_as_one():
    seen = []

    @with_options
    def command(
        word: Annotated[str, typer.Argument()], sampling: Sampling, slicing: Slicing, is_loud: bool = False
    ) -> None:
        """What it does."""
        seen.append((word, sampling, slicing, is_loud))

    app = typer.Typer()
    app.command()(command)
    assert CliRunner().invoke(app, ["here", "--top-p", "0.5", "--seed", "3", "--no-upscale"]).exit_code == 0
    assert CliRunner().invoke(app, ["there", "--is-loud"]).exit_code == 0
    assert seen == [
        ("here", Sampling(top_p=0.5, seed=3), Slicing(no_upscale=True), False),
        ("there", Sampling(), Slicing(), True),
    ]
    assert "What it does." in CliRunner().invoke(app, ["--help"]).output


def test_a_quantised_model_reads_the_same(run):
    heading = Path(__file__).parents[2] / "samples" / "heading.png"
    plain = run("read", heading)
    assert plain.exit_code == 0
    for kind in ("int8", "int4"):
        assert run("read", heading, "--quantize", kind).stdout == plain.stdout == "Region-based segmentation\n"


def test_bits_that_weights_cannot_have(run, model, page):
    refused = run("ask", page, "What?", "--model", model, "--quantize", "int3")
    assert refused.exit_code == 2
    assert refused.stderr == "demiglace: quantize must be one of int8, int4, got 'int3'\n"
    refused = run("ask", page, "What?", "--model", model, "--quantize", "int4")
    assert refused.exit_code == 2
    assert "four bits need a multiple of 16 rows of a multiple of 64, but llm.model.layers.0." in refused.stderr
