"""Writing in clips is too wide or too short-lived to be read without looking often enough."""

import numpy as np
import pytest
from sightings import watch

from demiglace.conversation import VideoSampling
from demiglace.synthesis.clips.clip import place
from demiglace.synthesis.clips.texts import flash_text, scroll
from demiglace.typography.fonts import load_font

SIZE = (126, 112)

pytestmark = pytest.mark.usefixtures("training_faces", "installed_prose")


@pytest.mark.parametrize("seed", range(12))
def test_running_text_is_wider_than_the_picture_and_passes_as_a_whole(seed):
    asked = scroll(np.random.default_rng(seed), SIZE)
    (writing,) = asked.clip.writings
    font = load_font(writing.face, writing.size)
    assert writing.text == asked.question.answer
    assert font.getlength(writing.text) > SIZE[0]
    read = set()
    for time, _ in watch(asked.clip):
        x, _ = place(writing.path, time)
        edges = [x + font.getlength(writing.text[:index]) for index in range(len(writing.text) + 1)]
        read |= {i for i in range(len(writing.text)) if edges[i] >= 0 and edges[i + 1] <= SIZE[0]}
        assert (edges[0] < 0) or (edges[-1] > SIZE[0])  # never all of it at once
    assert read == set(range(len(writing.text)))


def ink_in_the_middle(asked, sampling, container):
    """Whether each frame has writing halfway up, where there is nothing else."""
    paper, middle = np.array(asked.clip.paper), slice(SIZE[1] // 2 - 4, SIZE[1] // 2 + 4)
    watched = watch(asked.clip, sampling, container)
    return [bool((abs(frame[middle] - paper).sum(-1) > 200).sum() > 10) for _, frame in watched]


@pytest.mark.parametrize(("seed", "container"), [*((seed, None) for seed in range(8)), (8, "mp4"), (9, "webm")])
def test_a_flash_is_on_one_frame_in_ten_a_second_and_on_none_in_one(seed, container):
    asked = flash_text(np.random.default_rng(seed), SIZE)
    assert asked.clip.writings[0].text == asked.question.answer
    assert ink_in_the_middle(asked, VideoSampling(fps=10), container).count(True) == 1
    assert not any(ink_in_the_middle(asked, VideoSampling(fps=1), container))
