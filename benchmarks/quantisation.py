"""Weights of few bits: what they cost in bytes, in what is read, and in time, beside float32 and bfloat16 in one run.

    python benchmarks/quantisation.py [--lines 60] [--rounds 2] [--out FILE]

Losses are those of the texts of drawn lines in unseen fonts, in nats for each token. Times are the shortest of some
rounds, in which all ways take turns. Needs the fonts that `demiglace doctor` speaks of, bitsandbytes and torchao.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from functools import partial
from math import exp
from pathlib import Path
from typing import Any

import torch
from quantised_layers import SHAPES, layer_times, shortest
from reading_sets import ReadingSet, Skipped, rendered_lines
from results_file import machine_here, versions_here, weights_of, write_result
from rich.progress import track
from torch import Tensor, nn

from demiglace import Demiglace, SamplingParams
from demiglace.batch import Batch
from demiglace.conversation import Conversation, Image, Message, Text
from demiglace.inference.page_reading import QUESTION
from demiglace.model import weights
from demiglace.model.hub import NANO_READER, SHIPPED, folder_of
from demiglace.model.kv_cache import KVCache
from demiglace.model.minicpmv import MiniCPMV, MiniCPMVConfig
from demiglace.model.presets import preset
from demiglace.model.quantisation import (
    DECODER_LINEARS,
    ENCODER_LINEARS,
    PackedInt4Linear,
    PackedInt8Linear,
    Quantisation,
    linear_names,
    quantise,
    quantised,
)
from demiglace.scoring.text_distance import count_edits
from demiglace.training.supervised import LanguageLearner

RESULT = Path(__file__).parent / "results" / "quantisation.json"
KINDS: tuple[Quantisation, ...] = ("int8", "int4")
WITH_HEAD = rf"{DECODER_LINEARS}|llm\.lm_head"
CONTEXT, STEPS = 64, 3  # tokens that a row sees before, and steps
CHUNK = 25  # lines whose losses are computed together


class Biased(nn.Module):
    """A quantised layer of the encoder, whose layers have biases."""

    def __init__(self, layer: nn.Module, bias: Tensor) -> None:
        super().__init__()
        self.layer, self.bias = layer, nn.Parameter(bias, requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x) + self.bias


def with_int8_encoder(model: MiniCPMV) -> MiniCPMV:
    for name in list(linear_names(model, ENCODER_LINEARS)):
        linear = model.get_submodule(name)
        model.set_submodule(name, Biased(quantised(name, linear.weight.detach(), "int8"), linear.bias.detach()))
    return model


def variants(make: Callable[[], MiniCPMV]) -> dict[str, Callable[[], MiniCPMV]]:
    """Of a model in float32."""

    def few(kind: Quantisation, pattern: str = DECODER_LINEARS) -> MiniCPMV:
        model = make()
        quantise(model, kind, pattern)
        return model

    return {
        "float32": make,
        "bfloat16": lambda: make().bfloat16(),
        "int8": lambda: few("int8"),
        "int4": lambda: few("int4"),
        "int8, also the last matrix": lambda: few("int8", WITH_HEAD),
        "int4, also the last matrix": lambda: few("int4", WITH_HEAD),
        "int8 in the encoder alone": lambda: with_int8_encoder(make()),
    }


def held_bytes(model: nn.Module) -> int:
    """Of weights, with what it takes to multiply them."""
    tensors = [*model.parameters(), *model.buffers()]
    for module in model.modules():
        if isinstance(module, PackedInt8Linear):
            tensors += [module.packed, module.scale, module.zeros]
        elif isinstance(module, PackedInt4Linear):
            tensors += [module.packed, module.scale_zero]
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def read_lines(name: str, lines: int) -> dict[str, Any]:
    """Losses, character error rates and time of the encoder, by variant."""
    sets = {wear: rendered_lines(lines, wear) for wear in ("clean", "degraded")}
    if any(isinstance(one, Skipped) for one in sets.values()):
        raise ValueError("fonts are missing: see demiglace doctor")
    loaded = Demiglace.load(name, "cpu", "float32")
    figures = {}
    ways = variants(lambda: weights.load(folder_of(name), torch.float32).eval())
    for variant, make in track(ways.items(), description=name):
        assistant = Demiglace(make(), loaded.processor, loaded.sampling)
        found: dict[str, Any] = {"weight_bytes": held_bytes(assistant.model)}
        for wear, drawn in sets.items():
            loss, answers = lines_loss(assistant, drawn), read_all(assistant, drawn)
            edits = [count_edits(text, answer) for text, answer in zip(drawn.texts, answers, strict=True)]
            rate = sum(one for one, _ in edits) / sum(characters for _, characters in edits)
            found[wear] = {"loss": loss, "perplexity": exp(loss), "cer": rate}
        figures[variant] = found
    return figures


@torch.inference_mode()
def lines_loss(assistant: Demiglace, drawn: ReadingSet) -> float:
    """In nats for each token of the texts."""
    learner, total, count = LanguageLearner(assistant.model), 0.0, 0
    samples = [
        assistant.processor.training_sample(
            Conversation((*Conversation.ask(QUESTION, Image(picture)).messages, Message("assistant", (Text(text),))))
        )
        for picture, text in zip(drawn.pictures, drawn.texts, strict=True)
    ]
    dtype = assistant.model.llm.model.norm.weight.dtype
    for start in range(0, len(samples), CHUNK):
        batch = assistant.processor.batch(samples[start : start + CHUNK]).to("cpu", dtype)
        total += float(learner(batch)[0])
        count += batch.num_learned
    return total / count


def read_all(assistant: Demiglace, drawn: ReadingSet) -> list[str]:
    asked = [Conversation.ask(QUESTION, Image(picture)) for picture in drawn.pictures]
    return [answer.text for answer in assistant.batch(asked, SamplingParams.greedy(96), rows=32)]


@torch.inference_mode()
def step_seconds(model: MiniCPMV, rows: int) -> float:
    """Of a decode step of so many rows that see `CONTEXT` tokens each."""
    llm, dtype = model.config.llm, model.llm.model.norm.weight.dtype
    cache = KVCache(llm.num_layers, rows, llm.num_kv_heads, CONTEXT + STEPS, llm.head_dim, dtype, torch.device("cpu"))
    cache.keys.zero_()
    cache.values.zero_()
    places = torch.arange(CONTEXT).repeat(rows, 1)
    cache.advance(places, torch.ones_like(places))
    tokens, nothing = torch.arange(rows)[:, None], torch.empty(0, dtype=torch.int64)
    began = time.perf_counter()
    for step in range(STEPS):
        batch = Batch(tokens, torch.full_like(tokens, CONTEXT + step), torch.ones_like(tokens), nothing, None)
        tokens = model.logits(model(batch, cache)[:, -1]).argmax(-1, keepdim=True)
    return (time.perf_counter() - began) / STEPS


def step_times(make: Callable[[], MiniCPMV], rounds: int) -> dict[str, dict[str, float]]:
    """Milliseconds of a step, by variant and rows."""
    models = {name: way() for name, way in variants(make).items() if name in ("float32", "bfloat16", *KINDS)}
    figures: dict[str, dict[str, float]] = {name: {} for name in models}
    for rows in (1, 32):
        ways = {name: partial(step_seconds, model, rows) for name, model in models.items()}
        for name, seconds in shortest(ways, rounds).items():
            figures[name][str(rows)] = 1e3 * seconds
    return figures


def random_model(config: MiniCPMVConfig) -> MiniCPMV:
    with torch.device("meta"):
        model = MiniCPMV(config)
    model = model.to_empty(device="cpu").eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.uniform_(-0.03, 0.03, generator=torch.Generator().manual_seed(0))
    return model


def one_layer_of_8b() -> MiniCPMVConfig:
    """With a vocabulary of 4,096, and the encoder of nano."""
    big, nano = preset("8b"), preset("nano")
    return replace(
        nano,
        resampler=replace(big.resampler, feature_size=nano.vision.hidden_size),
        llm=replace(big.llm, num_layers=1, vocab_size=4096),
    )


def loading_figures() -> dict[str, Any]:
    """Memory that a process of its own takes to load 0.7 GB of random bfloat16, by variant."""
    small = preset("small")
    llm = replace(small.llm, hidden_size=1024, intermediate_size=3072, num_layers=28, vocab_size=4096)
    config = replace(small, llm=llm, resampler=replace(small.resampler, hidden_size=1024, num_heads=8))
    with tempfile.TemporaryDirectory() as folder:
        weights.save(random_model(config).bfloat16(), folder)
        figures = {}
        for kind in ("float32", *KINDS):
            command = [sys.executable, __file__, "--load", kind, folder]
            figures[kind] = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return figures


def load_and_tell(kind: str, folder: str) -> None:
    """Print what memory of its own this process takes for the model, and took most."""
    before, peak, is_over = own_bytes(), [0], threading.Event()

    def watch() -> None:
        while not is_over.wait(0.001):
            peak[0] = max(peak[0], own_bytes())

    thread = threading.Thread(target=watch)
    thread.start()
    model = weights.load(folder, torch.float32, quantisation=None if kind == "float32" else kind)  # type: ignore[arg-type]
    is_over.set()
    thread.join()
    print(json.dumps({"weight_bytes": held_bytes(model), "peak_bytes": peak[0] - before}))


def own_bytes() -> int:
    """Without pages of files, which are given back where memory is short."""
    status = Path("/proc/self/status").read_text()
    return 1024 * int(status.partition("RssAnon:")[2].split()[0])


def table(figures: Mapping[str, Any]) -> str:
    """What docs/quantisation.md shows of it, as Markdown: whole models, then single matrices."""
    return "\n".join([*_models(figures), "", *_matrices(figures["layers"])]) + "\n"


def _models(figures: Mapping[str, Any]) -> list[str]:
    rows = [
        "| model and weights | bytes | loss | CER, clean | CER, degraded | steps, 1 row | steps, 32 rows |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for name, steps in figures["steps"].items():
        for variant in figures["models"].get(name, steps):
            one, step = figures["models"].get(name, {}).get(variant), steps.get(variant)
            bytes_ = f"{one['weight_bytes'] / 1e6:.1f} MB" if one else ""
            read = [f"{100 * one[wear]['cer']:.2f} %" for wear in ("clean", "degraded")] if one else ["", ""]
            speed = [f"{steps['float32'][rows] / step[rows]:.2f}" if step else "" for rows in ("1", "32")]
            loss = f"{one['clean']['loss']:.4f}" if one else ""
            rows.append(f"| {' | '.join([f'{name}: {variant}', bytes_, loss, *read, *speed])} |")
    return rows


def _matrices(layers: Mapping[str, Any]) -> list[str]:
    columns = [(name, rows) for name in layers for rows in ("1", "32", "512")]
    heads = [f"{SHAPES[name][0]}, {rows}" for name, rows in columns]
    rows = [f"| one matrix | error | {' | '.join(heads)} |", "|---|---:|" + "---:|" * len(heads)]
    for way in layers["8b"]:
        faster = [f"{layers[name]['float32'][rows] / layers[name][way][rows]:.2f}" for name, rows in columns]
        rows.append(f"| {way} | {layers['8b'][way]['error']:.3f} | {' | '.join(faster)} |")
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--out", type=Path, default=RESULT)
    parser.add_argument("--load", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.load:
        load_and_tell(*options.load)
        return
    makers: dict[str, Callable[[], MiniCPMV]] = {
        **{name: lambda name=name: weights.load(folder_of(name), torch.float32).eval() for name in SHIPPED},
        "small, random": lambda: random_model(preset("small")),
        "8b, 1 layer, random": lambda: random_model(one_layer_of_8b()),
    }
    figures = {
        "lines": options.lines,
        "load_average": os.getloadavg()[0],  # other work at the beginning
        "layers": {name: layer_times(shape, options.rounds) for name, shape in SHAPES.items()},
        "steps": {name: step_times(make, options.rounds) for name, make in makers.items()},
        "loading": loading_figures(),
        "models": {name: read_lines(name, options.lines) for name in SHIPPED},
        "weights_of_nano": asdict(weights_of(None)),
    }
    versions = versions_here("bitsandbytes", "torchao")
    report = write_result(options.out, figures, weights_of(NANO_READER), machine_here(), versions)
    options.out.with_suffix(".md").write_text(table(report))


if __name__ == "__main__":
    main()
