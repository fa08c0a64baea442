"""A record's video is fitted to the row, unless the record has chosen its numbers."""

import io
from dataclasses import dataclass

import PIL.Image
import pytest
import torch
from still_frames import frames, without

from demiglace.conversation import Conversation, Message, Text, Video, VideoSampling
from demiglace.data.mixture import Draw, Mixture
from demiglace.data.sample_builder import SampleBuilder, TooLongRecord, VisualArrays
from demiglace.processing.processor import Processor
from demiglace.processing.processor_config import ProcessorConfig
from demiglace.processing.slicing import SlicingConfig
from demiglace.processing.tokenizer import Tokenizer

PROCESSOR = Processor(Tokenizer.bytes_only(), ProcessorConfig(SlicingConfig(scale_resolution=28)))


@dataclass(frozen=True)
class Filmed:
    """One record: a clip of 4 seconds, 12 frames at the defaults."""

    sampling: VideoSampling | None
    name: str = "filmed"
    blocks: tuple[int, ...] | None = (1,)
    shuffled_blocks: int | None = None

    def read(self, block: int, row: int, seed: tuple[int, ...]) -> Conversation:
        first, *others = (PIL.Image.new("RGB", (30, 20), (12 * i, 0, 90)) for i in range(20))
        file = io.BytesIO()
        first.save(file, "GIF", save_all=True, append_images=others, duration=200)
        asked = Message("user", (Video(file.getvalue(), self.sampling), Text("What happens?")))
        return Conversation((asked, Message("assistant", (Text("It turns red."),))))

    def where(self, block: int, row: int) -> str:
        return "filmed:0"


def prepared(sampling: VideoSampling | None, length: int):
    return SampleBuilder(Mixture((Filmed(sampling),), (1.0,), (1.0,)), PROCESSOR, 0, length)(Draw(0, 0))


def test_a_clip_too_long_for_a_row_is_fitted_as_a_question_would_be() -> None:
    whole = prepared(None, 2000)
    assert whole.pictures.package_sizes.tolist() == [1] * 12
    fitted, again = prepared(None, len(whole.tokens) - 1), prepared(None, len(whole.tokens) - 1)
    assert fitted.pictures.package_sizes.tolist() == [2] * 6
    assert fitted.pictures.levels.tobytes() == whole.pictures.levels.tobytes()
    assert fitted.tokens.tolist() == again.tokens.tolist()


def test_a_row_is_filled_to_its_last_token_before_frames_are_left_out() -> None:
    two = prepared(VideoSampling(package_frames=6, force_package_frames=True), 2000)
    assert prepared(None, len(two.tokens)).pictures.package_sizes.tolist() == [6, 6]
    assert prepared(None, len(two.tokens) - 1).pictures.package_sizes.tolist() == [6]


def test_numbers_that_a_record_chose_are_kept() -> None:
    with pytest.raises(TooLongRecord, match="room for 500"):
        prepared(VideoSampling(), 500)


def test_static_patches_stay_left_out_in_transit() -> None:
    visual = without(frames([(2, 3)] * 4))
    back = VisualArrays.of(visual).visual()
    for name in ("patches", "grids", "package_sizes", "ticks", "run_lengths"):
        assert torch.equal(getattr(back, name), getattr(visual, name))
