"""From files to answers: alone and in batches, whole and in pieces, in one turn and in many."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from checkpoints import tiny_config
from patterns import pattern

from demiglace import Answer, Conversation, Demiglace, Image, Message, SamplingParams, Text, Video, VideoSampling
from demiglace.model import weights
from demiglace.model.folded_resampler import FoldedResampler
from demiglace.model.minicpmv import MiniCPMV
from demiglace.processing.processor import Processor
from demiglace.processing.processor_config import ProcessorConfig
from demiglace.processing.tokenizer import Tokenizer

GREEDY = SamplingParams.greedy(10)
TRIPLES = VideoSampling(fps=5, package_frames=3, force_package_frames=True)
Script = Callable[[Iterable[int]], None]


@pytest.fixture(scope="module")
def conversations(clips: list[Path]) -> list[Conversation]:
    """Text, an image, images that are sliced, clips in packages, and several turns."""
    short, long = (Video(clip, TRIPLES) for clip in clips)
    turns = (
        Message("user", (Image(pattern(90, 60, 3)), Text("One?"))),
        Message("assistant", (Text("Yes!"),)),
        Message("user", (Text("And two?"), Image(pattern(40, 80, 4)))),
    )
    return [
        Conversation.ask("What is it?"),
        Conversation.ask("What is it?", Image(pattern(100, 80, 0))),
        Conversation.ask("Which?", Image(pattern(700, 500, 1)), Image(pattern(500, 900, 2)), system="Be brief."),
        Conversation.ask("When?", long),
        Conversation.ask("What changed between them?", short, long, thinking=True),
        Conversation(turns),
    ]


def test_a_batch_answers_as_one_by_one(assistant: Demiglace, conversations: list[Conversation]) -> None:
    alone = [assistant.answer(conversation, GREEDY) for conversation in conversations]
    assert [answer.visual_tokens // 64 for answer in alone] == [0, 1, 3 + 3, 4, 2 + 4, 2]
    assert len({answer.text + answer.thinking for answer in alone}) == len(alone)
    together = assistant.batch(conversations, GREEDY, rows=4)
    assert [untimed(answer) for answer in together] == [untimed(answer) for answer in alone]


def untimed(answer: Answer) -> Answer:
    return replace(answer, seconds_to_first_token=0, seconds=0)


def test_a_batch_takes_questions_and_files_and_a_sampling_each(assistant: Demiglace, clips: list[Path]) -> None:
    requests = [("What?", [pattern(50, 50, 0), clips[0]]), ("Where?", [])]
    sampling = [SamplingParams.greedy(3), SamplingParams(5, temperature=2.0, seed=4)]
    answers = assistant.batch(requests, sampling)
    alone = [
        assistant.ask(question, *files, sampling=s) for (question, files), s in zip(requests, sampling, strict=True)
    ]
    assert [answer.text for answer in answers] == [answer.text for answer in alone]
    assert [answer.new_tokens for answer in answers] == [3, 5]
    with pytest.raises(ValueError, match="2 requests, but 1 sampling"):
        assistant.batch(requests, sampling[:1])
    with pytest.raises(ValueError, match="rows must be at least 1, got 0"):
        assistant.batch(requests, rows=0)
    assert assistant.batch([]) == []


@pytest.mark.parametrize(
    "request_", [("What?", "page.png"), ("What?", Path("page.png")), ("What?", b"PNG"), ("What?",)]
)
def test_a_batch_takes_no_file_in_the_place_of_a_list(assistant: Demiglace, request_: tuple[object, ...]) -> None:
    with pytest.raises(ValueError, match=r"a request is a question and a list of files, such as .*, got \('What\?',"):
        assistant.batch([request_])  # type: ignore[list-item]


def test_a_stream_is_the_answer_in_pieces(assistant: Demiglace, conversations: list[Conversation]) -> None:
    whole, stream = assistant.answer(conversations[1], GREEDY), assistant.stream_answer(conversations[1], GREEDY)
    pieces = list(stream)
    assert len(pieces) > 3
    assert "".join(pieces).strip() == whole.text == stream.answer.text
    assert stream.answer.stopped_by == whole.stopped_by == "length"
    assert 0 < stream.answer.seconds_to_first_token < stream.answer.seconds


def test_a_stream_left_early_keeps_what_was_said(assistant: Demiglace) -> None:
    stream = assistant.stream("What?", sampling=GREEDY)
    started = next(stream) + next(stream)
    assert stream.answer.stopped_by == "interrupted"
    assert stream.answer.text == started.strip()


def test_streams_of_one_thread_are_read_in_any_order(assistant: Demiglace, conversations: list[Conversation]) -> None:
    whole = [assistant.answer(conversation, GREEDY).text for conversation in conversations[:3]]
    streams = [assistant.stream_answer(conversation, GREEDY) for conversation in conversations[:3]]
    for stream in streams:
        next(stream)
    for stream in (streams[2], streams[0], streams[1]):
        list(stream)
    assert [stream.answer.text for stream in streams] == whole


def test_a_stream_that_nobody_reads_on_ends(assistant: Demiglace) -> None:
    stream = assistant.stream("What?", sampling=GREEDY)
    next(stream)
    engine = assistant._mailbox.engine
    assert not engine.is_idle
    stream.close()
    assert engine.is_idle
    assert engine.blocks.num_free == engine.blocks.num_blocks


def test_threads_answer_at_a_time(assistant: Demiglace, conversations: list[Conversation]) -> None:
    alone = [assistant.answer(conversation, GREEDY).text for conversation in conversations]
    with ThreadPoolExecutor(3) as threads:
        answers = threads.map(lambda one: assistant.batch([one, one], GREEDY), conversations)
    assert [[answer.text for answer in pair] for pair in answers] == [[text, text] for text in alone]


def test_a_seed_repeats_the_answer(assistant: Demiglace) -> None:
    drawn = SamplingParams(20, temperature=2.0, seed=1)
    first = assistant.ask("What?", sampling=drawn).text
    assert first == assistant.ask("What?", sampling=drawn).text
    assert first != assistant.ask("What?", sampling=replace(drawn, seed=2)).text


def test_a_checkpoint_that_does_not_sample_is_greedy(assistant: Demiglace) -> None:
    assert assistant.sampling == SamplingParams.greedy()


def test_exclamation_marks_are_said(assistant: Demiglace, script: Script) -> None:
    """Token 0: the released code drops it from answers."""
    tokenizer = assistant.processor.tokenizer
    assert tokenizer.encode("!") == [0]
    script([*tokenizer.encode("Hello! World!!"), tokenizer.special["im_end"]])
    answer = assistant.ask("Say it!")
    assert (answer.text, answer.stopped_by, answer.new_tokens) == ("Hello! World!!", "end", 14)


def test_exclamation_marks_are_read(assistant: Demiglace) -> None:
    """The released code masks them in prompts: what the token means would then not matter."""
    before = assistant.ask("A! B!", sampling=GREEDY).text
    with torch.no_grad():
        assistant.model.llm.model.embed_tokens.weight[0] *= -1
        assistant.weights_changed()
        after = assistant.ask("A! B!", sampling=GREEDY).text
        assistant.model.llm.model.embed_tokens.weight[0] *= -1
        assistant.weights_changed()
    assert before != after


def test_a_lone_quote_does_not_stop(assistant: Demiglace, script: Script) -> None:
    """Token 1: a stop token in widely copied examples."""
    tokenizer = assistant.processor.tokenizer
    assert tokenizer.encode('"') == [1]
    script([*tokenizer.encode('{"a": "b"}'), tokenizer.special["end_of_text"]])
    assert assistant.ask("JSON?").text == '{"a": "b"}'


def test_an_empty_answer_is_an_answer(assistant: Demiglace, script: Script) -> None:
    script([assistant.processor.tokenizer.special["im_end"]])
    answer = assistant.ask("What?")
    assert (answer.text, answer.new_tokens, answer.stopped_by) == ("", 0, "end")
    assert answer.seconds > 0


def test_thoughts_and_answer_come_apart(assistant: Demiglace, script: Script) -> None:
    tokenizer = assistant.processor.tokenizer
    thought = [*tokenizer.encode("Hm.\n"), tokenizer.special["think_end"], *tokenizer.encode("\n\nSo: é.")]
    script([*thought, tokenizer.special["im_end"]])
    answer = assistant.ask("Why?", thinking=True)
    assert (answer.thinking, answer.text) == ("Hm.", "So: é.")


def test_pieces_hold_whole_characters(assistant: Demiglace, script: Script) -> None:
    tokenizer = assistant.processor.tokenizer
    tokens = [*tokenizer.encode("é語"), *tokenizer.encode("語")[:1]]
    script(tokens)
    stream = assistant.stream("What?", sampling=SamplingParams.greedy(len(tokens)))
    assert list(stream) == ["é", "語", "\N{REPLACEMENT CHARACTER}"]


def test_too_much_is_refused_and_never_cut(assistant: Demiglace, monkeypatch: pytest.MonkeyPatch) -> None:
    """The released code cuts prompts, and may cut through an image."""
    config = assistant.model.config
    picture = pattern(700, 500, 1)
    needed = assistant.ask("What?", picture, sampling=GREEDY).prompt_tokens

    def with_positions(count: int) -> MiniCPMV:
        return replace(config, llm=replace(config.llm, max_position_embeddings=count))

    monkeypatch.setattr(assistant.model, "config", with_positions(needed))
    with pytest.raises(ValueError, match=rf"{needed} tokens, 192 of them visual, .* {needed - 1}: lower max_slices"):
        assistant.stream("What?", picture)
    with pytest.raises(ValueError, match=rf"tokens, 0 of them visual, but there is room for {needed - 1}: shorten its"):
        assistant.stream("What? " * needed)
    monkeypatch.setattr(assistant.model, "config", with_positions(needed + 2))
    answer = assistant.ask("What?", picture, sampling=GREEDY)
    assert (answer.new_tokens, answer.stopped_by) == (2, "length")


def test_slicing_can_be_changed(assistant: Demiglace) -> None:
    picture = pattern(700, 500, 1)
    assert assistant.ask("What?", picture, sampling=GREEDY).visual_tokens == 3 * 64
    assert assistant.sliced(max_slices=1).ask("What?", picture, sampling=GREEDY).visual_tokens == 64
    with pytest.raises(ValueError, match="max_slices must be a whole number from 1 to 256, got 0"):
        assistant.sliced(max_slices=0)


def test_videos_lose_their_static_patches_where_told(assistant: Demiglace) -> None:
    moving = [pattern(60, 40, seed) for seed in (1, 2)]
    frames = [moving[0]] * 3 + [moving[1]] * 3
    sampling = VideoSampling(fps=2, package_frames=6, force_package_frames=True)
    asked = [Conversation.ask("What?", *parts) for parts in ([Video(frames, sampling)], [Image(moving[0])])]
    told = assistant.with_static_patches(0)
    seen = told.processor.prepare(asked[0]).visual
    assert seen is not None
    assert len(seen.patches) == seen.grids[:2].prod(dim=1).sum()
    assert list(map(untimed, told.batch(asked, GREEDY))) == [untimed(told.answer(one, GREEDY)) for one in asked]
    plain = [untimed(assistant.answer(one, GREEDY)) for one in asked]
    assert [untimed(told.with_static_patches(-1).answer(one, GREEDY)) for one in asked] == plain
    assert untimed(told.answer(asked[1], GREEDY)) == plain[1]


def test_a_folded_resampler_answers_where_it_is_cheaper(tmp_path: Path) -> None:
    config = tiny_config(384)
    config = replace(
        config, resampler=replace(config.resampler, hidden_size=64), llm=replace(config.llm, hidden_size=64)
    )
    config = replace(config, resampler=replace(config.resampler, num_queries=4))
    torch.manual_seed(0)
    model = MiniCPMV(config)
    weights.save(model, tmp_path)
    Processor(Tokenizer.bytes_only(), ProcessorConfig(num_queries=4)).save(tmp_path)
    loaded = Demiglace.load(tmp_path, "cpu", "float32")
    assert isinstance(loaded.model.resampler, FoldedResampler)
    plain = Demiglace(model.eval(), loaded.processor, GREEDY)
    question = ("What?", pattern(90, 60, 0))
    assert loaded.ask(*question, sampling=GREEDY).text == plain.ask(*question).text
