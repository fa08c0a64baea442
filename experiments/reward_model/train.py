"""A small reward model: a sequence classifier of transformers, trained on pairs of which a rule knows the better one.

    python experiments/reward_model/train.py --folder runs/reward_model [--steps 200]

`demiglace rl ... --reward-model runs/reward_model` takes the folder. It has two layers of Qwen3 on the tokenizer of the
nano model, random weights to begin with, and learns by the loss of Bradley and Terry: - log sigmoid(better - worse).
What it gets right on held-out pairs, by kind, goes to result.json.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pairs import FAULTS, Pair, draw_pairs
from torch.nn.functional import logsigmoid
from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForSequenceClassification

from demiglace.model.hub import folder_of

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from results_file import machine_here, versions_here, weights_of, write_result

HERE = Path(__file__).parent
SIZES = {"hidden_size": 128, "intermediate_size": 384, "num_hidden_layers": 2, "head_dim": 32}
HEADS = {"num_attention_heads": 4, "num_key_value_heads": 2}
POSITIONS = 1024
STEPS, BATCH_PAIRS, PAIRS = 200, 24, 4000
LEARNING_RATE, WARMUP = 1e-3, 20
TRAINING_SEED, HELD_OUT_SEED = 1, 2
HELD_OUT_PAIRS = 960


def nano_tokenizer() -> Any:
    return PreTrainedTokenizerFast.from_pretrained(folder_of(None), local_files_only=True)


def new_model(tokenizer: Any, seed: int) -> Qwen3ForSequenceClassification:
    torch.manual_seed(seed)
    config = Qwen3Config(
        vocab_size=len(tokenizer),
        max_position_embeddings=POSITIONS,
        pad_token_id=tokenizer.pad_token_id,
        num_labels=1,
        **SIZES,
        **HEADS,
    )
    return Qwen3ForSequenceClassification(config)


def encoded(tokenizer: Any, pairs: list[Pair]) -> Any:
    """All better answers, then all worse ones, each behind its question, as `rl.reward_model` puts them."""
    said = [(pair.question, pair.better) for pair in pairs] + [(pair.question, pair.worse) for pair in pairs]
    turns = [
        [{"role": "user", "content": question}, {"role": "assistant", "content": answer}] for question, answer in said
    ]
    texts = tokenizer.apply_chat_template(turns, tokenize=False)
    return tokenizer(texts, padding=True, return_tensors="pt", add_special_tokens=False)


def margins(model: Any, tokenizer: Any, pairs: list[Pair]) -> torch.Tensor:
    """float32 (pairs,): score of the better less that of the worse."""
    scores = model(**encoded(tokenizer, pairs)).logits.squeeze(1)
    better, worse = scores.split(len(pairs))
    return better - worse


def train(model: Any, tokenizer: Any, pairs: list[Pair], steps: int) -> list[float]:
    """The loss of each step. Batches are drawn from pairs of like length, so that little is padding."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, weight_decay=0.01)
    rates = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: min((step + 1) / WARMUP, 1 - step / steps))
    rng, in_order, losses = np.random.default_rng(0), sorted(pairs, key=lambda pair: len(pair.question)), []
    for _ in range(steps):
        start = int(rng.integers(len(pairs) - BATCH_PAIRS + 1))
        loss = -logsigmoid(margins(model, tokenizer, in_order[start : start + BATCH_PAIRS])).mean()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        rates.step()
        losses.append(loss.item())
    return losses


@torch.inference_mode()
def judged_right(model: Any, tokenizer: Any, pairs: list[Pair]) -> dict[str, dict[str, int]]:
    """Of the pairs of each kind: how many were asked, and how many the better answer won."""
    model.eval()
    batches = [pairs[at : at + BATCH_PAIRS] for at in range(0, len(pairs), BATCH_PAIRS)]
    won = torch.cat([margins(model, tokenizer, batch) > 0 for batch in batches]).tolist()
    found = {}
    for kind in FAULTS:
        own = [is_right for pair, is_right in zip(pairs, won, strict=True) if pair.kind == kind]
        found[kind] = {"pairs": len(own), "right": sum(own)}
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True, help="one that holds a model is measured, not trained")
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--pairs", type=int, default=PAIRS, help="to learn from")
    parser.add_argument("--out", type=Path, default=HERE / "result.json")
    options = parser.parse_args()
    tokenizer = nano_tokenizer()
    if not (options.folder / "config.json").exists():
        model = new_model(tokenizer, seed=0)
        losses = train(model, tokenizer, draw_pairs(TRAINING_SEED, options.pairs), options.steps)
        print("losses of every tenth step:", [round(loss, 3) for loss in losses[::10]])
        model.save_pretrained(options.folder)
        tokenizer.save_pretrained(options.folder)
    model = Qwen3ForSequenceClassification.from_pretrained(options.folder)
    found = judged_right(model, tokenizer, draw_pairs(HELD_OUT_SEED, HELD_OUT_PAIRS))
    made = asdict(weights_of(options.folder))
    figures = {"reward_model": made, "steps": options.steps, "batch_pairs": BATCH_PAIRS, "held_out": found}
    why = "none of ours take part: the reward model begins from random weights, and is made anew by the command"
    write_result(options.out, figures, why, machine_here(), versions_here("transformers"))
    print(found)


if __name__ == "__main__":
    main()
