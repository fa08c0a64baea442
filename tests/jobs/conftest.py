"""A run of fine-tuning on a small model; tests of other jobs have a recipe of their own."""

import pytest
import torch
from mixtures import write_mixture, write_start

from demiglace.jobs.machine import Machine
from demiglace.recipes.finetuning import FinetuningRecipe


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    found = tmp_path_factory.mktemp("finetuning")
    write_start(found / "start")
    write_mixture(found)
    return found


@pytest.fixture
def recipe(folder):
    return FinetuningRecipe(
        folder / "start", (folder / "pictures.jsonl",), method="full", epochs=4, length=256, batch_rows=2, held_out=0.25
    )


@pytest.fixture
def machine():
    return Machine(torch.device("cpu"), torch.float32, num_workers=0)
