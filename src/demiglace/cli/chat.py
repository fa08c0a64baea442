"""`demiglace chat`: a conversation in the terminal."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

import typer

from demiglace.cli import inference_options
from demiglace.cli.inference_options import Loading, Reading, Sampling, Slicing, with_options
from demiglace.cli.question import file_meant
from demiglace.cli.terminal import check_open, note, print_error, print_stream
from demiglace.conversation import Part

if TYPE_CHECKING:
    from demiglace.engine.sampling import SamplingParams
    from demiglace.inference.chat import Chat
    from demiglace.inference.demiglace import Demiglace

HELP = """\
/file PATH      show a file with the next question
/think on|off   long answers, or short ones
/reset          forget everything
/exit           leave, as Ctrl-D does; Ctrl-C stops an answer"""
STOPPED = "[stopped; /exit leaves]"
COMMAND = re.compile(r"/[a-z]+( |$)")  # a path, a fraction or a comment may also begin with a slash


@with_options
def chat(
    loading: Loading,
    sampling: Sampling,
    reading: Reading,
    slicing: Slicing,
    files: Annotated[list[str] | None, typer.Argument(help="Files to show with the first question.")] = None,
    think: inference_options.Think = False,
    system: inference_options.System = None,
) -> None:
    """Ask about images, PDFs and videos, turn by turn. /help lists the commands."""
    check_open("stdin")
    check_open("stdout")
    attached = [reading.part(file) for file in files or []]  # --pages may be for a file that is attached later
    assistant = loading.load_to_answer().sliced(**slicing.changes()).with_static_patches(reading.static_patches)
    note("[/help lists the commands; /exit leaves]")
    Terminal(assistant, reading, sampling.of(assistant.sampling), system, think, attached).run()


class Terminal:
    """A chat and the user's settings for its next turn: the files to attach, and whether to think."""

    def __init__(
        self,
        assistant: Demiglace,
        reading: Reading,
        sampling: SamplingParams,
        system: str | None,
        thinking: bool,
        attached: list[Part],
    ) -> None:
        self.assistant, self.reading, self.sampling, self.system = assistant, reading, sampling, system
        self.thinking, self.attached = thinking, attached
        self.chat = self.new_chat()

    def new_chat(self) -> Chat:
        from demiglace.inference.chat import Chat

        return Chat(self.assistant, self.system, self.sampling)

    def run(self) -> None:
        """Run until /exit or the end of input. A user's error is printed and the conversation continues.

        Raises OSError if no further question is possible, such as on a full disk.
        """
        while (line := self.read_line()) is not None:
            try:
                self.handle(line)
            except KeyboardInterrupt:
                note(STOPPED)
            except (ValueError, OSError) as error:
                print_error(error)

    def read_line(self) -> str | None:
        """The next non-empty line; None at the end of input."""
        line = ""
        while not line:
            try:
                line = input("> ").strip()
            except EOFError:
                return None
            except KeyboardInterrupt:
                note(STOPPED)
        return None if line == "/exit" else line

    def handle(self, line: str) -> None:
        """Handle one line of input."""
        if COMMAND.match(line):
            self.run_command(*line.partition(" ")[::2])
        elif why := file_meant(line):
            raise ValueError(f"{line:.200} {why}: show it with /file before the question")
        else:
            self.answer(line)

    def run_command(self, command: str, argument: str) -> None:
        argument = argument.strip()
        if command == "/file" and argument:
            self.attached.append(self.reading.part(argument))
        elif command == "/think" and argument in ("on", "off"):
            self.thinking = argument == "on"
        elif command == "/reset":
            self.chat, self.attached = self.new_chat(), []
        elif command == "/help":
            typer.echo(HELP)
        else:
            raise ValueError(f"{command} {argument} is not a command; /help lists all of them")

    def answer(self, question: str) -> None:
        """Answer a question about the attached files, which stay attached if it is stopped before any text.

        An answer that ended by itself may be thoughts alone; its files are then part of the chat.
        """
        stream = self.chat.say(question, *self.attached, thinking=self.thinking)
        try:
            print_stream(stream, self.thinking)
        finally:
            if stream.answer.text or stream.answer.stopped_by != "interrupted":
                self.attached = []
