"""Videos whose numbers nobody chose: what fits is left alone, fuller packages come first, then fewer frames."""

import io
from pathlib import Path

import PIL.Image
import pytest

from demiglace.conversation import Conversation, Image, Message, Part, Text, Video, VideoSampling
from demiglace.media.video import read_packages
from demiglace.processing.fitting import Fitted, fit_for_answer, fit_videos
from demiglace.processing.processor import Processor
from demiglace.processing.processor_config import ProcessorConfig
from demiglace.processing.prompt_layout import TooLong
from demiglace.processing.slicing import SlicingConfig
from demiglace.processing.tokenizer import Tokenizer

PACKAGE = 64 + 3  # placeholders, two marks and a line break


@pytest.fixture(scope="module")
def processor() -> Processor:
    return Processor(Tokenizer.bytes_only(), ProcessorConfig(SlicingConfig(scale_resolution=28)))


def frames(number: int) -> list[PIL.Image.Image]:
    return [PIL.Image.new("RGB", (30, 20), (i % 256, 0, 90)) for i in range(number)]


def clip(seconds: int) -> Video:
    """Five frames a second: the defaults take three of them, one to a package."""
    first, *others = frames(5 * seconds)
    file = io.BytesIO()
    first.save(file, "GIF", save_all=True, append_images=others, duration=200)
    return Video(file.getvalue())


def asked(*parts: Part) -> Conversation:
    return Conversation.ask("What happens?", *parts)


def sizes(fitted: Fitted) -> list[list[int]]:
    """Package sizes of each video."""
    parts = [part for message in fitted.conversation.messages for part in message.content]
    videos = [part for part in parts if isinstance(part, Video)]
    return [[len(package.frames) for package in read_packages(one.source, one.sampling)] for one in videos]


def fitted_packages(processor: Processor, conversation: Conversation, num_packages: int) -> Fitted:
    """In a room of exactly so many packages."""
    least = processor.count(conversation).tokens
    num_videos = sum(isinstance(part, Video) for message in conversation.messages for part in message.content)
    return fit_videos(processor, conversation, least + (num_packages - num_videos) * PACKAGE)


def test_what_fits_is_left_as_it_is_and_says_nothing(processor: Processor) -> None:
    conversation = asked(clip(4))
    fitted = fitted_packages(processor, conversation, 12)
    assert (sizes(fitted), fitted.notes) == ([[1] * 12], ())
    plain, room = processor.prepare(conversation), len(processor.prepare(conversation).tokens)
    assert processor.prepare(fitted.conversation, max_tokens=room).tokens.tolist() == plain.tokens.tolist()


@pytest.mark.parametrize(
    ("num_packages", "expected"),
    [
        (11, [2] * 6),
        (6, [2] * 6),
        (5, [3] * 4),
        (3, [4] * 3),
        (2, [6, 6]),
        (1, [6]),
    ],
)
def test_packages_are_filled_before_frames_are_left_out(
    processor: Processor, num_packages: int, expected: list[int]
) -> None:
    fitted = fitted_packages(processor, asked(clip(4)), num_packages)
    assert sizes(fitted) == [expected]
    (note,) = fitted.notes
    taken = "all 12 frames" if num_packages > 1 else "6 of 12 frames"
    packages = "packages" if len(expected) > 1 else "package"
    assert f"{taken} in {len(expected)} {packages} of {expected[0]} instead of 12 packages of 1" in note


@pytest.mark.parametrize("room", range(260, 960, 37))
def test_a_prompt_is_never_longer_than_its_room(processor: Processor, room: int) -> None:
    conversation = Conversation.ask("What?\n", Image(frames(1)[0]), clip(9), Text("\n\nand"), clip(6), system="Brief.")
    fitted = fit_videos(processor, conversation, room)
    assert len(processor.prepare(fitted.conversation, max_tokens=room).tokens) <= room
    assert len(fitted.notes) == 2


def test_counted_tokens_are_those_prepared_with_any_tokenizer(tiny_checkpoint: Path) -> None:
    released = Processor.load(tiny_checkpoint)
    still = Video(clip(2).source, VideoSampling(fps=2, package_frames=3, force_package_frames=True))
    conversation = Conversation.ask("What?\n", Image(frames(1)[0]), still, Text("\n\n"), still)
    sample = released.prepare(conversation)
    assert released.count(conversation) == (len(sample.tokens), len(sample.visual_places))
    answered = Conversation((*conversation.messages, Message("assistant", (Text("\nThis."),))))
    assert released.count(answered).tokens == len(released.training_sample(answered).tokens)


def test_several_videos_share_the_room(processor: Processor) -> None:
    """12, 12 and 60 frames: full packages would be 2, 2 and 10."""
    conversation = asked(clip(4), clip(4), clip(20))
    assert [len(one) for one in sizes(fitted_packages(processor, conversation, 3))] == [1, 1, 1]
    assert [len(one) for one in sizes(fitted_packages(processor, conversation, 9))] == [2, 2, 5]
    assert [sum(one) for one in sizes(fitted_packages(processor, conversation, 14))] == [12, 12, 60]
    twins = fitted_packages(processor, asked(clip(4), clip(4)), 12)
    assert sizes(twins) == [[2] * 6, [2] * 6]


def test_a_short_video_beside_a_long_one_may_keep_the_defaults(processor: Processor) -> None:
    fitted = fitted_packages(processor, asked(clip(1), clip(20)), 40)
    short, long = sizes(fitted)
    assert (short, sum(long)) == ([1, 1, 1], 60)
    assert fitted.by_video[0] == ""
    assert len(fitted.notes) == 1


def test_numbers_that_were_chosen_stand(processor: Processor) -> None:
    chosen = Video(clip(4).source, VideoSampling())
    room = len(processor.prepare(asked(chosen)).tokens)
    assert fit_videos(processor, asked(chosen), room - 1) == Fitted(asked(chosen))
    with pytest.raises(TooLong, match=f"room for {room - 1}"):
        processor.prepare(asked(chosen), max_tokens=room - 1)
    fitted = fit_videos(processor, asked(chosen, clip(4)), room + 3 * PACKAGE)
    assert sizes(fitted) == [[1] * 12, [4, 4, 4]]


def test_a_room_without_a_package_for_each_is_refused_with_both_numbers(processor: Processor) -> None:
    least = processor.count(asked(clip(4), clip(4))).tokens
    assert sizes(fit_videos(processor, asked(clip(4), clip(4)), least)) == [[6], [6]]
    with pytest.raises(TooLong, match=rf"{least} tokens, 128 of them visual, but there is room for {least - 1}"):
        fit_videos(processor, asked(clip(4), clip(4)), least - 1)


def test_a_list_of_frames_is_fitted_too(processor: Processor) -> None:
    conversation = asked(Video(frames(20)))
    assert sizes(fitted_packages(processor, conversation, 7)) == [[3] * 6 + [2]]
    thinned = fitted_packages(processor, conversation, 2)
    assert sizes(thinned) == [[6, 6]]
    assert "the given frames: 12 of 20" in thinned.notes[0]


def test_the_plan_is_the_same_for_every_question_of_usual_length(processor: Processor) -> None:
    plans = {
        tuple(sizes(fit_for_answer(processor, Conversation.ask("w" * length, clip(40)), 1000))[0])
        for length in (0, 1, 20, 60)
    }
    assert plans == {(6,) * 11}
    long = fit_for_answer(processor, Conversation.ask("w" * 400, clip(40)), 1000)
    prompt = len(processor.prepare(long.conversation, max_tokens=1000).tokens)
    assert 1000 - 125 - PACKAGE < prompt <= 1000 - 125
