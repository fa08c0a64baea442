import errno
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from demiglace import Conversation, Demiglace, Message, SamplingParams, Text
from demiglace.cli import chat as chat_module
from demiglace.cli.chat import Terminal
from demiglace.cli.inference_options import ABOUT_NANO, Reading
from demiglace.cli.terminal import printable
from demiglace.inference.file_parts import part_of

Run = Callable[..., Result]


@pytest.fixture(scope="module")
def assistant(model: Path) -> Demiglace:
    return Demiglace.load(model, dtype="float32")


@pytest.fixture
def terminal(assistant: Demiglace) -> Terminal:
    return Terminal(assistant, Reading(), SamplingParams.greedy(4), None, False, [])


def typed(monkeypatch: pytest.MonkeyPatch, *lines: str | type[BaseException]) -> None:
    left = iter(lines)

    def type_next(_: str) -> str:
        line = next(left, EOFError)
        if isinstance(line, str):
            return line
        raise line

    monkeypatch.setattr("builtins.input", type_next)


def test_turns_are_remembered(run: Run, model: Path, page: Path) -> None:
    result = run(
        "chat", page, "--model", model, "--max-new-tokens", 4, "--dtype", "float32", typed="One?\nTwo?\n/exit\n"
    )
    assistant, greedy = Demiglace.load(model, dtype="float32"), SamplingParams.greedy(4)
    question = Message("user", (part_of(str(page)), Text("One?")))
    first = assistant.answer(Conversation((question,)), greedy).text
    turns = (question, Message("assistant", (Text(first),)), Message("user", (Text("Two?"),)))
    second = assistant.answer(Conversation(turns), greedy).text
    assert result.exit_code == 0
    assert [line.removeprefix("> ").strip() for line in result.stdout.splitlines()][:2] == [
        *map(printable, (first, second))
    ]


def test_how_to_begin_is_told_first(run: Run, model: Path) -> None:
    assert run("chat", "--model", model, typed="/exit\n").stderr == "[/help lists the commands; /exit leaves]\n"
    assert run("chat", typed="/exit\n").stderr.splitlines()[0] == ABOUT_NANO


def test_files_are_shown_with_the_next_question(
    terminal: Terminal, page: Path, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed(monkeypatch, f"/file {page}", f"/file {clip}", "What?", "And?")
    terminal.run()
    contents = [message.content for message in terminal.chat.messages if message.role == "user"]
    assert contents == [(part_of(str(page)), part_of(str(clip)), Text("What?")), (Text("And?"),)]


def test_files_of_a_turn_whose_answer_was_only_thoughts_are_not_shown_again(
    terminal: Terminal, page: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed(monkeypatch, f"/file {page}", "/think on", "What?", "And?")
    terminal.run()
    (_, first, _, _) = terminal.chat.messages
    assert first.content == (Text(""),)
    contents = [message.content for message in terminal.chat.messages if message.role == "user"]
    assert contents == [(part_of(str(page)), Text("What?")), (Text("And?"),)]


def test_thinking_is_switched(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool | None] = []
    answer = terminal.assistant.stream_answer
    monkeypatch.setattr(
        terminal.assistant,
        "stream_answer",
        lambda conversation, *rest: asked.append(conversation.thinking) or answer(conversation, *rest),
    )
    typed(monkeypatch, "One?", "/think on", "Two?", "/think off", "Three?")
    terminal.run()
    assert asked == [False, True, False]


def test_reset_forgets(terminal: Terminal, page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    typed(monkeypatch, "One?", f"/file {page}", "/reset")
    terminal.run()
    assert terminal.chat.messages == ()
    assert terminal.attached == []


def test_a_mistake_does_not_end_the_chat(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    typed(monkeypatch, "/file none.png", "/think maybe", "/fly", "/help", "What?")
    terminal.run()
    assert len(terminal.chat.messages) == 2
    told = capsys.readouterr()
    assert told.err.splitlines()[:3] == [
        "demiglace: none.png does not exist",
        "demiglace: /think maybe is not a command; /help lists all of them",
        "demiglace: /fly is not a command; /help lists all of them",
    ]
    assert "/file PATH" in told.out


def test_a_full_disk_under_the_prompt_ends_the_chat(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: str) -> str:
        if refused:
            raise EOFError
        refused.append("asked")
        raise OSError(errno.ENOSPC, "No space left on device")

    refused: list[str] = []
    monkeypatch.setattr("builtins.input", refuse)
    with pytest.raises(OSError, match="No space left"):
        terminal.run()


def test_a_line_that_is_a_file_is_not_asked_and_one_with_a_stroke_is_no_command(
    terminal: Terminal, page: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    typed(monkeypatch, str(page), "none.png", "/2 of what?", "What is it? " * 100)
    terminal.run()
    assert capsys.readouterr().err.splitlines()[:2] == [
        f"demiglace: {page} is a file: show it with /file before the question",
        "demiglace: none.png names a file that is not there: show it with /file before the question",
    ]
    questions = [message.content[-1].text for message in terminal.chat.messages if message.role == "user"]
    assert questions == ["/2 of what?", ("What is it? " * 100).strip()]


def test_ctrl_c_stops_an_answer_and_keeps_what_was_said(
    terminal: Terminal, page: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def cut(stream, thinking: bool, pieces: int = 1) -> None:
        for _ in range(pieces):
            next(stream)
        raise KeyboardInterrupt

    show = chat_module.print_stream
    monkeypatch.setattr(chat_module, "print_stream", cut)
    typed(monkeypatch, f"/file {page}", "What?", KeyboardInterrupt)
    terminal.run()
    said = terminal.chat.messages[-1].content
    monkeypatch.setattr(chat_module, "print_stream", lambda stream, thinking: cut(stream, thinking, pieces=0))
    typed(monkeypatch, f"/file {page}", "Why?")
    terminal.run()
    assert len(terminal.chat.messages) == 2, "an answer that did not begin is no turn"
    assert len(terminal.attached) == 1, "and its file is still to be shown"
    monkeypatch.setattr(chat_module, "print_stream", show)
    typed(monkeypatch, "Why?")
    terminal.run()
    assert [message.role for message in terminal.chat.messages] == ["user", "assistant"] * 2
    assert terminal.chat.messages[1].content == said
    assert capsys.readouterr().err.count("[stopped; /exit leaves]") == 3
