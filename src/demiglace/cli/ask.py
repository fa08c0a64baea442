"""`demiglace ask`: one question about files."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from demiglace.cli import inference_options
from demiglace.cli.inference_options import Form, Loading, Reading, Sampling, Slicing, with_options
from demiglace.cli.question import check_question
from demiglace.cli.terminal import check_open, print_answer, print_stream

if TYPE_CHECKING:
    from demiglace.inference.answer import Answer
    from demiglace.inference.token_choice import TokenProbability


@with_options
def ask(
    words: Annotated[list[str], typer.Argument(metavar='[FILE]... "QUESTION"', help="Files, then the question.")],
    loading: Loading,
    sampling: Sampling,
    reading: Reading,
    slicing: Slicing,
    form: Form,
    think: inference_options.Think = False,
    stream: Annotated[bool, typer.Option("--stream", help="Print the answer as it is generated.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the answer, token counts and times as JSON.")] = False,
    logprobs: Annotated[
        int | None, typer.Option(help="With --json: log-probabilities of tokens and of 0 to 20 alternatives to each.")
    ] = None,
    system: inference_options.System = None,
) -> None:
    """Ask one question about images, PDFs and videos.

    demiglace ask page.png "What does it say?"
    """
    *files, question = words
    check_question(question)
    check_open("stdout")
    if stream and as_json:
        raise ValueError("--stream and --json cannot be combined")
    if logprobs is not None and not as_json:
        raise ValueError("--logprobs requires --json")
    if sampling.thinking_budget is not None and not think:
        raise ValueError("--thinking-budget requires --think")
    parts, guide = reading.parts(files), form.guide()
    slicing.check(parts)
    assistant = loading.load_to_answer().sliced(**slicing.changes()).with_static_patches(reading.static_patches)
    params = replace(sampling.of(assistant.sampling), logprobs=logprobs, guide=guide)
    answer = assistant.stream(question, *parts, thinking=think, sampling=params, system=system)
    if stream:
        print_stream(answer, think, guide is not None)
        return
    for _ in answer:
        pass
    if as_json:
        typer.echo(json.dumps(_json_fields(answer.answer), ensure_ascii=False, indent=2))
    else:
        print_answer(answer.answer)


def _json_fields(answer: Answer) -> dict[str, Any]:
    """The answer as JSON fields, without those that were not requested."""
    fields = {name: value for name, value in asdict(answer).items() if value not in ((), None)}
    if answer.log_probabilities:
        fields["log_probabilities"] = [
            {**_token(choice.taken), "alternatives": list(map(_token, choice.alternatives))}
            for choice in answer.log_probabilities
        ]
    return fields


def _token(token: TokenProbability) -> dict[str, Any]:
    return {
        "token": token.token,
        "text": token.content.decode(errors="replace"),
        "bytes": list(token.content),
        "log_probability": token.log_probability,
    }
