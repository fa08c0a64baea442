"""Options that several commands have."""

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
