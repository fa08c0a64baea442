"""A model with random weights that answers, tokens put into its mouth, and clips to be shown."""

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
import torch
from checkpoints import make_outspoken
from patterns import pattern

from demiglace import Demiglace

Script = Callable[[Iterable[int]], None]


@pytest.fixture(scope="module")
def assistant(tiny_checkpoint: Path) -> Demiglace:
    """Random weights, made so large that answers differ with what was asked and seen."""
    loaded = Demiglace.load(tiny_checkpoint, "cpu", "float32")
    make_outspoken(loaded.model)
    return loaded


@pytest.fixture
def script(assistant: Demiglace, monkeypatch: pytest.MonkeyPatch) -> Script:
    """Makes the model say given tokens, one a step."""

    def play(tokens: Iterable[int]) -> None:
        left = iter(tokens)
        monkeypatch.setattr(
            assistant.model,
            "logits",
            lambda hidden: torch.nn.functional.one_hot(torch.tensor([next(left)] * len(hidden)), 151748).float(),
        )

    return play


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two animations, of different sizes and lengths."""
    paths = []
    for name, size, length in (("short", (60, 40), 4), ("long", (48, 64), 11)):
        frames = [pattern(*size, seed) for seed in range(length)]
        paths.append(tmp_path_factory.mktemp("clips") / f"{name}.gif")
        frames[0].save(paths[-1], save_all=True, append_images=frames[1:], duration=200)
    return paths
