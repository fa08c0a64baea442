"""`demiglace ask`: one question about files."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

from demiglace.cli import inference_options
from demiglace.cli.inference_options import Loading, Reading, Sampling, Slicing, with_options
from demiglace.cli.question import check_question
from demiglace.cli.terminal import check_open, show, show_stream


@with_options
def ask(
    words: Annotated[list[str], typer.Argument(metavar='[FILE]... "QUESTION"', help="Files, then the question.")],
    loading: Loading,
    sampling: Sampling,
    reading: Reading,
    slicing: Slicing,
    think: inference_options.Think = False,
    stream: Annotated[bool, typer.Option("--stream", help="Print the answer as it is written.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the answer and what it took as JSON.")] = False,
    system: inference_options.System = None,
) -> None:
    """Ask one question about images, PDFs and videos.

    demiglace ask page.png "What does it say?"
    """
    *files, question = words
    check_question(question)
    check_open("stdout")
    if stream and as_json:
        raise ValueError("--stream and --json exclude each other")
    parts = reading.parts(files)
    assistant = loading.load().sliced(**slicing.changes())
    drawn = sampling.of(assistant.sampling)
    answer = assistant.stream(question, *parts, thinking=think, sampling=drawn, system=system)
    if stream:
        show_stream(answer, think)
        return
    for _ in answer:
        pass
    if as_json:
        told = {name: value for name, value in asdict(answer.answer).items() if name != "notes" or value}
        typer.echo(json.dumps(told, ensure_ascii=False, indent=2))
    else:
        show(answer.answer)
