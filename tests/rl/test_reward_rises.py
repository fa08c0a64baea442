"""A few dozen steps on one kind of question lift its reward: which colours are lucky, as no weights can know before."""

import json
from pathlib import Path

import numpy as np
import PIL.Image
import PIL.ImageDraw
import pytest
import torch

from demiglace.data.mixture_file import read_mixture
from demiglace.jobs.machine import Machine
from demiglace.jobs.rl import run
from demiglace.model.hub import folder_of
from demiglace.recipes.hybrid_rl import HybridRlRecipe, numbers_of
from demiglace.rl.policy_settings import PolicySettings
from demiglace.synthesis.palette import CLIP_COLOURS

COLOURS = ("red", "green", "blue", "yellow", "purple")
LUCKY = ("red", "green", "purple")
PICTURES = 15
STEPS = 30
LIFT = 0.25  # of the accuracy at temperature 1, from the first three steps to the last ten


def write_squares(folder: Path) -> Path:
    rng = np.random.default_rng(0)
    records = []
    for number in range(PICTURES):
        colour = COLOURS[number % len(COLOURS)]
        picture = PIL.Image.new("RGB", (112, 112), "white")
        left, top, side = (int(rng.integers(least, most)) for least, most in ((6, 40), (6, 40), (30, 60)))
        PIL.ImageDraw.Draw(picture).rectangle((left, top, left + side, top + side), fill=CLIP_COLOURS[colour])
        picture.save(folder / f"{number}.png")
        asked = {"role": "user", "content": "<image>Is the square lucky?"}
        turns = [asked, {"role": "assistant", "content": "yes" if colour in LUCKY else "no"}]
        records.append(json.dumps({"messages": turns, "images": [f"{number}.png"]}) + "\n")
    (folder / "squares.jsonl").write_text("".join(records))
    path = folder / "rl.toml"
    path.write_text(
        '[[source]]\nname = "squares"\nkind = "jsonl"\npath = "squares.jsonl"\nweights = { hybrid_rl = 1.0 }\n'
    )
    return path


@pytest.mark.slow
def test_a_few_dozen_steps_teach_which_colours_are_lucky(tmp_path):
    numbers = numbers_of(
        "nano",
        num_steps=STEPS,
        long_share=0.0,
        policy=PolicySettings(batch_prompts=5, short_limit=10),
    )
    recipe = HybridRlRecipe(read_mixture(write_squares(tmp_path)), numbers, folder_of(None), save_every=STEPS)
    assert run(recipe, tmp_path / "run", Machine(torch.device("cpu"), torch.float32)) is not None
    lines = (tmp_path / "run" / "hybrid_rl" / "metrics.jsonl").read_text().splitlines()
    accuracy = [json.loads(line)["accuracy"] for line in lines]
    assert np.mean(accuracy[-10:]) - np.mean(accuracy[:3]) > LIFT
