"""A regression that a stage of training learns in a moment."""

import json

import torch
from torch import nn

from demiglace.training.stage import Stage


class Small(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layers = nn.ModuleList([nn.Linear(4, 4)])
        self.head = nn.Linear(4, 2)


def regression(learner, step):
    x = torch.randn(8, 4, generator=torch.Generator().manual_seed(step))
    loss = (learner.head(learner.layers[0](x).tanh()) - x[:, :2]).square().mean()
    yield loss, {"seen": 8.0}


def stage(num_steps, trainable=("layers", "head"), **changes):
    settings = {
        "learning_rate": 0.05,
        "warmup": 2,
        "decay_share": 0.4,
        "min_lr_ratio": 0.2,
        "weight_decay": 0.0,
        "max_grad_norm": 1.0,
    }
    settings |= {"save_every": 5}
    return Stage(name="small", trainable=trainable, num_steps=num_steps, **{**settings, **changes})


def losses(folder):
    return [json.loads(line)["loss"] for line in (folder / "metrics.jsonl").read_text().splitlines()]
