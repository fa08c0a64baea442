"""A model that is small and says something else about every picture, and prompts with and without pictures."""

import PIL.Image
import pytest
import torch
from checkpoints import make_outspoken
from mixtures import small_model, small_processor

from demiglace.conversation import Conversation, Image


@pytest.fixture(scope="session")
def processor():
    return small_processor()


@pytest.fixture
def model():
    made = small_model()
    make_outspoken(made)
    return made.requires_grad_(True)


@pytest.fixture(scope="session")
def prompts(processor):
    """Of three lengths; two show pictures, one of them two."""

    def picture(colour):
        return Image(PIL.Image.new("RGB", (60, 40), colour))

    asked = [
        Conversation.ask("Which colour?", picture("red")),
        Conversation.ask("Say a word."),
        Conversation.ask("Which is larger, the first or the second?", picture("blue"), picture("green"), thinking=True),
    ]
    return [processor.prepare(one) for one in asked]


@pytest.fixture(scope="session")
def answers():
    """Four tokens or fewer to each of the prompts; different numbers of answers."""
    generator = torch.Generator().manual_seed(1)
    lengths = [[4, 1, 3], [2], [1, 4]]
    return [[torch.randint(0, 256, (length,), generator=generator).tolist() for length in some] for some in lengths]
