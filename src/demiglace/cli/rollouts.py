"""`demiglace rollouts RUN`: the best, worst and most changed answers of a run, with their pictures."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from demiglace.cli.terminal import note, printable

if TYPE_CHECKING:
    import PIL.Image

    from demiglace.rl.prompts import Prompts
    from demiglace.rl.rollout import Rollout
    from demiglace.rl.rollout_review import ReviewedGroup

COLUMNS = 48  # of a picture in the terminal; a character is two pixels high
MOST_CHARACTERS = 100  # of an answer there


def rollouts(
    run: Annotated[Path, typer.Argument(help="Folder of a run of reinforcement learning.", exists=True)],
    count: Annotated[int, typer.Option(help="Number of groups with the best and with the worst answers.", min=1)] = 3,
    html: Annotated[Path | None, typer.Option(help="Write an HTML page to this file instead.")] = None,
) -> None:
    """Show the best, the worst and the most changed answers of a run with their pictures."""
    from demiglace.data.mixture_file import RL
    from demiglace.jobs.rl import prompts_of
    from demiglace.rl.rollout_log import read_rollouts
    from demiglace.rl.rollout_review import review
    from demiglace.rl.rollout_sheet import rollout_sheet
    from demiglace.safe_files import write_whole

    prompts = prompts_of(run)
    shown = [(one, _picture(prompts, one)) for one in review(read_rollouts(run / RL), count)]
    if html is None:
        for reviewed, picture in shown:
            _print(reviewed, picture)
        return
    write_whole(html, rollout_sheet(f"Rollouts of {run.resolve().name}", shown))
    typer.echo(f"the rollouts are in {html}")


def _picture(prompts: Prompts, reviewed: ReviewedGroup) -> PIL.Image.Image | None:
    """The prompt's picture, made again, because the log only has the prompt's number; None if it has none, or if the
    data has changed so that the number is another question's now, or nobody's."""
    from demiglace.media.part_pictures import picture_of_parts

    question = reviewed.scored.group.question
    number = reviewed.scored.group.prompt_id
    try:
        prompt = prompts.read(number, prompts.draws(number, 1)[0])
        if (prompt.question.text, prompt.question.answer) != (question.text, question.answer):
            raise ValueError("the data has changed since the run, and it is another question now")
        return picture_of_parts(part for message in prompt.messages for part in message.content)
    except (ValueError, OSError) as error:
        note(f"prompt {number} is shown without its picture: {error}")
        return None


def _print(reviewed: ReviewedGroup, picture: PIL.Image.Image | None) -> None:
    """Print a group; equal answers with equal rewards are on one line."""
    from demiglace.rl.rollout_sheet import heading, terms_in_words

    question = reviewed.scored.group.question
    typer.secho(printable(heading(reviewed)), bold=True)
    if picture is not None and sys.stdout.isatty():
        _print_picture(picture)
    typer.echo(printable(f"{question.text}\nreference: {question.wanted}"))
    lines = Counter(
        f"{_shortened(rollout)}  [{terms_in_words(reward)}{', cut' if rollout.is_cut else ''}]"
        for rollout, reward in reviewed.answers
    )
    for line, count in lines.items():
        typer.echo(printable(f"  {count} x {line}"))
    typer.echo()


def _shortened(rollout: Rollout) -> str:
    answer = " ".join(rollout.answer.split()) or "(no answer)"
    return answer if len(answer) <= MOST_CHARACTERS else f"{answer[:MOST_CHARACTERS]} ..."


def _print_picture(picture: PIL.Image.Image) -> None:
    """Print a picture, two pixels per character: an upper half block in the colours of both."""
    from rich.console import Console
    from rich.text import Text

    width = min(COLUMNS, picture.width)
    height = max(2, 2 * round(picture.height * width / picture.width / 2))
    small = picture.resize((width, height))
    for row in range(0, height, 2):
        line = Text()
        for column in range(width):
            upper, lower = (_colour(small, column, row + half) for half in (0, 1))
            line.append("▀", style=f"{upper} on {lower}")
        Console().print(line)


def _colour(picture: PIL.Image.Image, column: int, row: int) -> str:
    pixel = picture.getpixel((column, row))
    assert isinstance(pixel, tuple)
    return "#{:02x}{:02x}{:02x}".format(*pixel)
