"""Output to the terminal: answers on stdout, reasoning and notes on stderr, an error as one line."""

from __future__ import annotations

import shlex
import sys
import unicodedata
from itertools import chain
from typing import TYPE_CHECKING, Literal

import typer

if TYPE_CHECKING:
    from demiglace.inference.answer import Answer, AnswerStream


def check_open(name: Literal["stdin", "stdout"]) -> None:
    """ValueError if that stream was closed before the start: its output would be lost."""
    if getattr(sys, name) is None:
        raise ValueError(f"{name} is closed, and what goes through it would be lost")


def print_answer(answer: Answer) -> None:
    """Print a finished answer."""
    if answer.thinking:
        note(answer.thinking)
    typer.echo(printable(answer.text))
    note_if_truncated(answer)


def print_stream(stream: AnswerStream, thinking: bool, is_guided: bool = False) -> None:
    """Print an answer as it is generated; it ends with a line break even if interrupted."""
    from demiglace.inference.thought_splitter import ThoughtSplitter

    splitter, is_thought = ThoughtSplitter(thinking, is_guided), thinking
    try:
        for piece in chain(stream, [None]):
            thought, text = splitter.push(piece or "", is_last=piece is None)
            typer.secho(printable(thought), err=True, nl=False, dim=True)
            if is_thought and text:
                is_thought = False
                typer.echo("\n", err=True)
            typer.echo(printable(text), nl=False)
            sys.stdout.flush()
    finally:
        typer.echo(err=is_thought)
    note_if_truncated(stream.answer)


def note_if_truncated(answer: Answer) -> None:
    if answer.stopped_by == "length":
        note(f"[cut after {answer.new_tokens} tokens; --max-new-tokens sets where]")


def this_command() -> str:
    """The command as typed, without options that would start a new run."""
    return shlex.join(["demiglace", *(word for word in sys.argv[1:] if word != "--restart")])


def note(text: str) -> None:
    typer.secho(printable(text), err=True, dim=True)


def print_error(error: Exception) -> None:
    """Print a user error on one line."""
    if isinstance(error, typer.TyperException):
        text = error.format_message()
    elif isinstance(error, OSError) and error.filename is not None:
        text = f"{error.filename}: {error.strerror}"
    else:
        text = str(error) or type(error).__name__
    typer.echo(f"demiglace: {printable(' '.join(text.split()))}", err=True)


def printable(text: str) -> str:
    """`text` without control characters, so that a model's answer or a file name cannot control the terminal.

    Bytes of a file name that are not UTF-8 become question marks.
    """
    encodable = text.encode(errors="replace").decode()
    return "".join(char for char in encodable if char in "\n\t" or unicodedata.category(char) != "Cc")
