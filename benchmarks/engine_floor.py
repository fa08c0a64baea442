"""How much of the engine's time is arithmetic: rows of `engine.py` beside the bare matrix products that they take.

    python benchmarks/engine_floor.py [--rounds 3] [--only ROW] [--out FILE]

A first run writes down each product of a linear layer and each call of the attention kernel. These are then run alone:
the products by `torch.mm`, of the same shapes with the same weights in the same order, attention by the same kernel
without a mask. Engine and floor take turns. Figures are medians of processor seconds of one thread, which other work on
the machine disturbs less than seconds on the clock. No form of the engine in float32 with these kernels is faster than
its floor, so their ratio is the most that is left to win. Needs the fonts that `demiglace doctor` speaks of.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import torch
import torch.nn.functional as F
from engine import QUESTIONS, ROWS, VLLM, Subject, questions_about, recording
from prepared_requests import Requests
from reading_sets import Skipped, rendered_lines
from results_file import machine_of, weights_of, write_result
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from demiglace import Demiglace
from demiglace.model.hub import folder_of
from demiglace.training.flops import measure_peak

RESULT = Path(__file__).parent / "results" / "engine_floor.json"
ATEN = torch.ops.aten
ATTENTION = ATEN._scaled_dot_product_flash_attention_for_cpu.default  # what `scaled_dot_product_attention` comes to
OPERANDS = {ATEN.mm.default: 0, ATEN.addmm.default: 1}  # by product, the place of its left operand

ROWS_OF_REQUESTS: Mapping[str, Callable[[Subject], Requests]] = {
    "32 at once": lambda subject: subject.requests(ROWS),
    "one alone": lambda subject: subject.requests(1),
    "8 questions about one picture": lambda subject: questions_about(subject, subject.pictures[:1] * QUESTIONS),
    "8 pictures": lambda subject: questions_about(subject, subject.pictures[:QUESTIONS]),
    "screen recording, first token": recording,
}


class Arithmetic(TorchDispatchMode):
    """What is multiplied while it is entered.

    products: rows of the left matrix, and the right one itself; attentions: shapes of query, key and value, and whether
    it is causal.
    """

    def __init__(self) -> None:
        super().__init__()
        self.products: list[tuple[int, Tensor]] = []
        self.attentions: list[tuple[list[torch.Size], bool]] = []

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if func in OPERANDS:
            left, right = args[OPERANDS[func] :][:2]
            self.products.append((left.shape[0], right))
        elif func is ATTENTION:
            is_causal = args[4] if len(args) > 4 else False
            self.attentions.append(([one.shape for one in args[:3]], is_causal))
        else:
            with self:
                parts = func.decompose(*args, **kwargs)
            if parts is not NotImplemented:
                return parts
        return func(*args, **kwargs)

    @property
    def operations(self) -> int:
        """Of the products: multiplications and additions."""
        return sum(2 * rows * right.numel() for rows, right in self.products)


@dataclass(frozen=True)
class Floor:
    """The arithmetic of a row, run alone. pool: numbers of which all left operands, queries, keys and values are."""

    arithmetic: Arithmetic
    pool: Tensor

    @classmethod
    def of(cls, arithmetic: Arithmetic) -> Floor:
        left = [rows * right.shape[0] for rows, right in arithmetic.products]
        seen = [shape.numel() for shapes, _ in arithmetic.attentions for shape in shapes]
        return cls(arithmetic, torch.randn(max(left + seen)))

    def multiply(self) -> None:
        for rows, right in self.arithmetic.products:
            torch.mm(self._filled(torch.Size((rows, right.shape[0]))), right)

    def attend(self) -> None:
        for shapes, is_causal in self.arithmetic.attentions:
            query, key, value = map(self._filled, shapes)
            shares = query.shape[1] != key.shape[1]
            F.scaled_dot_product_attention(query, key, value, is_causal=is_causal, enable_gqa=shares)

    def _filled(self, shape: torch.Size) -> Tensor:
        return self.pool[: shape.numel()].view(shape)


@torch.inference_mode()
def processor_seconds(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def measured(requests: Requests, rounds: int) -> dict[str, float]:
    """Medians, after a round that does not count."""
    with Arithmetic() as arithmetic:
        requests.seconds_in_engine()
    floor = Floor.of(arithmetic)
    ways = {"engine": requests.seconds_in_engine, "products": floor.multiply, "attention": floor.attend}
    taken = [{name: processor_seconds(work) for name, work in ways.items()} for _ in range(rounds + 1)][1:]
    found = {name: median(one[name] for one in taken) for name in ways}
    bare = found["products"] + found["attention"]
    return {**found, "share": bare / found["engine"], "gigaoperations": arithmetic.operations / 1e9}


def table(report: Mapping[str, Mapping[str, float]]) -> str:
    names = ("engine", "products", "attention", "share", "gigaoperations")
    lines = [f"| processor seconds | {' | '.join(names)} |", f"|---|{'---:|' * len(names)}"]
    lines += [f"| {row} | {' | '.join(f'{each[name]:.3g}' for name in names)} |" for row, each in report.items()]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=[*ROWS_OF_REQUESTS])
    parser.add_argument("--out", type=Path, default=RESULT)
    options = parser.parse_args()
    torch.set_num_threads(1)
    lines = rendered_lines(ROWS, "clean")
    if isinstance(lines, Skipped):
        parser.error(str(lines))
    assistant = Demiglace.load(device="cpu", dtype="float32")
    subject = Subject(assistant, folder_of(None), lines.pictures, VLLM)
    report = {}
    for row in ROWS_OF_REQUESTS if options.only is None else [options.only]:
        report[row] = measured(ROWS_OF_REQUESTS[row](subject), options.rounds)
        peak = measure_peak(torch.device("cpu"), torch.float32)
        figures = {"operations_per_second_of_a_large_product": peak, "rows": report}
        write_result(options.out, figures, weights_of(None), machine_of(assistant))
    print(table(report))


if __name__ == "__main__":
    main()
