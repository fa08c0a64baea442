"""Clips that do not fit at the defaults are answered all the same: alone, streamed, in batches and in chats."""

from pathlib import Path

import PIL.Image
import pytest
from checkpoints import make_outspoken, tiny_checkpoint

from demiglace import Demiglace, SamplingParams, Video, VideoSampling
from demiglace.inference.chat import Chat

CONTEXT = 1000
GREEDY = SamplingParams.greedy(6)


@pytest.fixture(scope="module")
def assistant(tmp_path_factory: pytest.TempPathFactory) -> Demiglace:
    """A model with a short context, and weights so large that its answers tell what it saw."""
    folder = tiny_checkpoint(tmp_path_factory.mktemp("model"), released_ids=False)
    config = folder / "config.json"
    config.write_text(
        config.read_text().replace('"max_position_embeddings": 40960', f'"max_position_embeddings": {CONTEXT}')
    )
    loaded = Demiglace.load(folder, "cpu", "float32").sliced(scale_resolution=28)
    make_outspoken(loaded.model)
    assert loaded.room == CONTEXT - 1
    return loaded


def gif(path: Path, seconds: int, red: int) -> Path:
    """Five frames a second, of which the defaults take three."""
    first, *others = (PIL.Image.new("RGB", (30, 20), (red, 8 * i % 256, 90)) for i in range(5 * seconds))
    first.save(path, save_all=True, append_images=others, duration=200)
    return path


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """18, 36 and 6 packages at the defaults; 14 fill the context."""
    folder = tmp_path_factory.mktemp("clips")
    return [gif(folder / f"{seconds}.gif", seconds, 60 * seconds % 256) for seconds in (6, 12, 2)]


def test_a_clip_that_does_not_fit_is_answered_and_it_is_said(assistant: Demiglace, clips: list[Path]) -> None:
    with pytest.warns(UserWarning, match="6.gif: all 18 frames in 9 packages of 2 instead of 18 packages of 1"):
        answer = assistant.ask("What?", Video(clips[0]), sampling=GREEDY)
    assert answer.visual_tokens == 9 * 64
    assert len(answer.notes) == 1


@pytest.mark.filterwarnings("error")
def test_a_clip_that_fits_is_left_alone(assistant: Demiglace, clips: list[Path]) -> None:
    answer = assistant.ask("What?", Video(clips[2]), sampling=GREEDY)
    assert (answer.visual_tokens, answer.notes) == (6 * 64, ())


def test_chosen_numbers_that_do_not_fit_are_refused(assistant: Demiglace, clips: list[Path]) -> None:
    with pytest.raises(ValueError, match=r"at least 1\d\d\d tokens.* room for 999"):
        assistant.ask("What?", Video(clips[0], VideoSampling(fps=3)))


@pytest.mark.filterwarnings("ignore:.*frames in")
def test_batches_and_streams_fit_as_single_questions_do(assistant: Demiglace, clips: list[Path]) -> None:
    alone = [assistant.ask("What?", Video(clip), sampling=GREEDY) for clip in clips]
    together = assistant.batch([("What?", [Video(clip)]) for clip in clips], GREEDY)
    assert [answer.visual_tokens for answer in together] == [9 * 64, 9 * 64, 6 * 64]
    assert [(answer.text, answer.notes) for answer in together] == [(answer.text, answer.notes) for answer in alone]
    stream = assistant.stream("What?", Video(clips[1]), sampling=GREEDY)
    assert "".join(stream).strip() == alone[1].text
    assert stream.answer.notes == alone[1].notes


@pytest.mark.filterwarnings("ignore:.*frames in")
def test_later_turns_fit_what_earlier_ones_leave(assistant: Demiglace, clips: list[Path]) -> None:
    """And see earlier clips as they were shown: what is remembered of them must not be cut another way."""
    chat, said = Chat(assistant, sampling=GREEDY), []
    for question, shown in (("One?", clips[2]), ("Two?", clips[1]), ("Three?", None)):
        stream = chat.say(question, *([Video(shown)] if shown else []))
        list(stream)
        said.append(stream)
    first, second, third = (stream.answer for stream in said)
    assert first.visual_tokens == 6 * 64
    assert first.visual_tokens < second.visual_tokens == third.visual_tokens
    assert [len(answer.notes) for answer in (first, second, third)] == [0, 1, 0]
    anew = assistant.answer(said[2].conversation, GREEDY)
    assert (anew.text, anew.prompt_tokens) == (third.text, third.prompt_tokens)
