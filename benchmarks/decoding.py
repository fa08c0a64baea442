"""Tokens a second of the 8B decoder at several batch sizes, and how near that is to reading its weights once a step.

    python benchmarks/decoding.py [--size full | reduced] [--device cuda | cpu] [--batches 1,8,32]

Random weights in bfloat16. The limit: all weights that a step reads and the keys and values that it sees, over the rate
of a large copy on the same device. Two ways: `engine`, as every answer is made (`engine.static_batch`), and `graph`, a
step captured as a CUDA graph whose layers are compiled (`engine.graph_decoding`). Results go to
benchmarks/results/decoding.json.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from results_file import RANDOM, machine_here, write_result
from torch import Tensor
from video_models import dtype_of, our_model
from video_sizes import SIZES

from demiglace.batch import Batch
from demiglace.engine.graph_decoding import WARM_STEPS, GreedyDecoder
from demiglace.engine.sampling import SamplingParams
from demiglace.engine.static_batch import generate
from demiglace.engine.token_sampler import TokenSampler
from demiglace.jobs.compilation import compile_layers
from demiglace.model.kv_cache import KVCache
from demiglace.model.minicpmv import MiniCPMV
from demiglace.training.flops import measure_peak

PROMPT = 64  # tokens of a row
BATCHES = (1, 8, 32)
STEPS = {"cuda": 128, "cpu": 8}
COPIED = {"cuda": 2**32, "cpu": 2**26}  # bytes of the copy by which the memory's rate is measured
RESULT = Path(__file__).parent / "results" / "decoding.json"


def prompt(model: MiniCPMV, rows: int, device: str) -> Batch:
    tokens = torch.randint(model.config.llm.vocab_size, (rows, PROMPT), generator=torch.Generator().manual_seed(0))
    positions = torch.arange(PROMPT).repeat(rows, 1)
    return Batch(tokens, positions, torch.ones_like(tokens), torch.empty(0, dtype=torch.int64)).to(device)


def engine_seconds(model: MiniCPMV, rows: int, steps: int, device: str) -> float:
    """Of a step of all rows."""
    batch = prompt(model, rows, device)
    times = []
    samplers = [TokenSampler(SamplingParams.greedy(steps + 1)) for _ in range(rows)]
    for number, _ in enumerate(generate(model, batch, samplers)):
        if number % rows == rows - 1:
            times.append(time.perf_counter())
    return (times[-1] - times[0]) / (len(times) - 1)


@torch.inference_mode()
def graph_seconds(model: MiniCPMV, rows: int, steps: int, device: str) -> float:
    """Of a step of all rows; as many steps before are not counted."""
    llm, batch = model.config.llm, prompt(model, rows, device)
    capacity = PROMPT + 2 * steps + WARM_STEPS + 1
    cache = KVCache(llm.num_layers, rows, llm.num_kv_heads, capacity, llm.head_dim, dtype_of(device), device)
    with torch.compiler.set_stance("force_eager"):  # the prompt has a shape of its own
        tokens = model.logits(model(batch, cache)[:, -1]).argmax(dim=-1, keepdim=True)
    decoder = GreedyDecoder(model, cache, tokens, torch.full_like(tokens, PROMPT))
    waited(decoder.steps(steps))
    began = time.perf_counter()
    waited(decoder.steps(steps))
    return (time.perf_counter() - began) / steps


def waited(tokens: Tensor) -> list[list[int]]:
    """On the host, after all work that gives them."""
    found: list[list[int]] = tokens.tolist()
    return found


def copy_rate(device: str) -> float:
    """Bytes a second that are read and written, in the best of some copies."""
    given = torch.ones(COPIED[device], dtype=torch.uint8, device=device)
    taken, best = torch.empty_like(given), float("inf")
    for _ in range(8):
        began = time.perf_counter()
        taken.copy_(given)
        waited(taken[:1].unsqueeze(0))
        best = min(best, time.perf_counter() - began)
    return 2 * given.nbytes / best


def bytes_of_a_step(model: MiniCPMV, rows: int, steps: int) -> int:
    """Weights of layers, norm and head, a row of the embedding for each token, and keys and values seen on average."""
    llm = model.config.llm
    weights = sum(weight.nbytes for weight in (*model.llm.model.layers.parameters(), *model.llm.lm_head.parameters()))
    embedding = model.llm.model.embed_tokens.weight
    cache = 2 * llm.num_layers * llm.num_kv_heads * llm.head_dim * embedding.element_size()
    return weights + rows * (embedding[0].nbytes + cache * (PROMPT + steps))


def timed(way: str, seconds: float, batch: int) -> dict:
    return {"way": way, "batch": batch, "seconds": seconds, "tokens_per_second": batch / seconds}


def run(
    size: str, device: str, batches: Sequence[int], out: Path, log: Callable[[str], None], seconds: float = float("inf")
) -> bool:
    """Measure, and write `out` after every measurement; False where not all could begin in so many seconds."""
    deadline = time.monotonic() + seconds
    model = our_model(SIZES[size]().ours, device)
    steps, rate, peak = STEPS[device], copy_rate(device), measure_peak(torch.device(device), dtype_of(device))
    weights = sum(weight.numel() for weight in (*model.llm.model.layers.parameters(), *model.llm.lm_head.parameters()))
    rows: list[dict] = []
    for way, measure in (("engine", engine_seconds), ("graph", graph_seconds)):
        if way == "graph" and device == "cuda":
            compile_layers(model.llm.model.layers, log, dynamic=None)
        for batch in batches:
            if time.monotonic() > deadline:
                return False
            row = timed(way, measure(model, batch, steps, device), batch)
            row["share_of_bandwidth"] = bytes_of_a_step(model, batch, steps) / rate / row["seconds"]
            row["flop_utilisation"] = 2 * weights * batch / row["seconds"] / peak
            rows.append(row)
            log(f"{way}, {batch} rows: {row['tokens_per_second']:,.1f} tokens/s, "
                f"{row['share_of_bandwidth']:.1%} of the memory's rate")  # fmt: skip
            figures = {
                "size": {"name": size, "prompt_tokens": PROMPT, "steps": steps},
                "copied_bytes_per_second": rate,
                "matrix_product_flops_per_second": peak,
                "rows": rows,
            }
            write_result(out, figures, RANDOM, machine_here(device, str(dtype_of(device)).removeprefix("torch.")))
    return True


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=SIZES, default="full")
    parser.add_argument("--device", choices=STEPS, default="cuda")
    parser.add_argument("--batches", default=",".join(map(str, BATCHES)))
    parser.add_argument("--out", type=Path, default=RESULT)
    options = parser.parse_args()
    run(options.size, options.device, [int(batch) for batch in options.batches.split(",")], options.out, print)


if __name__ == "__main__":
    main()
