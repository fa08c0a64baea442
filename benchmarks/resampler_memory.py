"""Memory and time of the resampler at the released size: the released formulation, ours, and ours folded.

    OMP_NUM_THREADS=1 python benchmarks/resampler_memory.py

Packages of six frames of 448 x 448, random weights and features, float32. Each form runs in a process of its own, once
with one package and once with `--packages`. Extra memory is the peak of a call over what the process held with weights
and features; tables and folded weights that a form keeps are in it, building them is not. What 180 packages take is
computed from that, by the rule that stands beside it in benchmarks/results/resampler_memory.json.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from results_file import RANDOM, machine_here, write_result
from torch import Tensor, nn

from demiglace.model.folded_resampler import FoldedResampler, multiply_adds
from demiglace.model.presets import preset
from demiglace.model.resampler import Resampler, grid_positions, sin_cos
from demiglace.model.siglip import SiglipEncoder

FRAMES = 6
SIDE = 32  # patches of 14 in 448 pixels
LARGEST = 180  # packages of the longest video of the released code
CHUNK = FRAMES * SIDE**2  # patches at a time in our plain form: a package
FORMS = ("released", "plain", "folded", "tower", "tower in chunks")
MIB = 2**20
RESULT = Path(__file__).parent / "results" / "resampler_memory.json"


class Released(nn.Module):
    """The peer: the computation of the released code, tensor for tensor, with the weights of `plain`.

    Pictures and groups are padded, positions come from whole tables, and attention is `nn.MultiheadAttention`, which
    returns its weights unless told otherwise and isn't told here.
    """

    def __init__(self, plain: Resampler) -> None:
        super().__init__()
        hidden = plain.config.hidden_size
        self.plain = plain
        self.places = grid_positions(70, 70, hidden).unflatten(0, (70, 70))
        self.times = sin_cos(torch.arange(72_000), hidden)
        with torch.device("meta"):
            self.attn = nn.MultiheadAttention(hidden, plain.config.num_heads)
        self.attn.load_state_dict(plain.attn.state_dict(), assign=True)

    def forward(self, features: Tensor, grids: Tensor, package_sizes: Tensor, ticks: Tensor) -> Tensor:
        plain, pad, groups = self.plain, nn.utils.rnn.pad_sequence, package_sizes.tolist()
        lengths = grids.prod(dim=1)
        padded = pad(features.split(lengths.tolist()), batch_first=True)
        values = plain.ln_kv(plain.kv_proj(padded)).transpose(0, 1)
        places = [self.places[:height, :width].flatten(0, 1) for height, width in grids.tolist()]
        keys = values + pad(places, batch_first=True).transpose(0, 1)
        keys += self.times[ticks]
        masks = torch.arange(padded.shape[1]) >= lengths.unsqueeze(1)
        group_keys = [group.transpose(0, 1).flatten(0, 1) for group in keys.split(groups, dim=1)]
        group_values = [group.transpose(0, 1).flatten(0, 1) for group in values.split(groups, dim=1)]
        group_masks = [group.flatten() for group in masks.split(groups)]
        keys, values = pad(group_keys), pad(group_values)
        mask = pad(group_masks, batch_first=True, padding_value=True)
        queries = plain.ln_q(plain.query).unsqueeze(1).repeat(1, len(groups), 1)
        attended = self.attn(queries, keys, values, key_padding_mask=mask)[0]
        return plain.ln_post(attended.transpose(0, 1)) @ plain.proj


def resampler_call(form: str, packages: int) -> Callable[[], Callable[[], Tensor]]:
    """Weights and features now; when called, what the form keeps; when that is called, visual tokens."""
    torch.manual_seed(0)
    plain = Resampler(preset("8b").resampler)
    features = torch.randn(packages * FRAMES * SIDE**2, plain.config.feature_size)
    grids = torch.full((packages * FRAMES, 2), SIDE)
    inputs = features, grids, torch.full((packages,), FRAMES), torch.arange(packages * FRAMES) * 2

    def prepare() -> Callable[[], Tensor]:
        if form == "plain":
            return lambda: plain(*inputs, max_patches_per_chunk=CHUNK)
        resampler = Released(plain) if form == "released" else FoldedResampler(plain)
        return lambda: resampler(*inputs)

    return prepare


def tower_call(form: str, packages: int) -> Callable[[], Callable[[], Tensor]]:
    """As `resampler_call`, for one layer of the encoder; pictures in chunks of four or all at once."""
    torch.manual_seed(0)
    encoder = SiglipEncoder(replace(preset("8b").vision, num_layers=1))
    patches = torch.randn(packages * FRAMES * SIDE**2, 3 * 14**2)
    grids = torch.full((packages * FRAMES, 2), SIDE)
    limit = 4 * SIDE**2 if form == "tower in chunks" else None
    return lambda: lambda: encoder(patches, grids, limit)


def memory(field: str) -> int:
    """Bytes of a field of this process's status: VmRSS is held now, VmHWM was held at most."""
    status = Path("/proc/self/status").read_text()
    return 1024 * int(status.split(f"{field}:")[1].split()[0])


@torch.no_grad()
def measure(form: str, packages: int, output: Path) -> None:
    """In a process of its own: one call; its numbers to standard output, its visual tokens to `output`."""
    prepare = (tower_call if form.startswith("tower") else resampler_call)(form, packages)
    before = memory("VmRSS")
    call = prepare()
    kept = memory("VmRSS") - before
    Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here
    started = time.process_time()
    tokens = call()
    seconds = time.process_time() - started
    peak = memory("VmHWM") - before
    torch.save(tokens, output)
    print(json.dumps({"packages": packages, "extra": peak, "kept": kept, "processor_seconds": seconds}))


def run(form: str, packages: int, folder: Path) -> dict[str, float]:
    output = folder / f"{form} {packages}.pt"
    command = [sys.executable, __file__, "--form", form, "--packages", str(packages), "--output", str(output)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    result = json.loads(done.stdout)
    print(f"{form}, {packages} packages: {result['extra'] / MIB:,.0f} MiB extra, {result['processor_seconds']:.1f} s")
    return result


def linear(one: dict[str, float], many: dict[str, float]) -> float:
    """Extra bytes of `LARGEST` packages on the line through two measurements."""
    slope = (many["extra"] - one["extra"]) / (many["packages"] - one["packages"])
    return many["extra"] + slope * (LARGEST - many["packages"])


def with_outputs(copies: int, many: dict[str, float]) -> float:
    """Extra bytes of `LARGEST` packages where only float32 visual tokens, held `copies` times, grow with them."""
    config = preset("8b").resampler
    package = 4 * config.num_queries * config.hidden_size
    return many["extra"] + copies * package * (LARGEST - many["packages"])


def scale_errors() -> dict[str, dict[str, float]]:
    """Largest relative error of LayerNorm's variance by three float32 ways, against float64, at full size.

    `damped`: features with a part of size 1000 in a direction that `kv_proj` scales by 0.001.
    """
    torch.manual_seed(0)
    config = preset("8b").resampler
    weight = torch.randn(config.hidden_size, config.feature_size) / config.feature_size**0.5
    features = torch.randn(2048, config.feature_size)
    direction = nn.functional.normalize(torch.randn(config.feature_size), dim=0)
    damped = weight - 0.999 * torch.outer(weight @ direction, direction)
    loud = features + 1000 * torch.rand(2048, 1) * direction
    return {"random": variance_errors(weight, features), "damped": variance_errors(damped, loud)}


def variance_errors(weight: Tensor, features: Tensor) -> dict[str, float]:
    exact = (features.double() @ weight.double().T).var(dim=1, correction=0)
    centred = (weight - weight.mean(dim=0)) / weight.shape[0] ** 0.5
    ways = {
        "kv_proj": (features @ weight.T).var(dim=1, correction=0),
        "quadratic form": ((features @ (centred.double().T @ centred.double()).float()) * features).sum(dim=1),
        "triangular factor": (features @ torch.linalg.qr(centred, mode="r").R.T).square().sum(dim=1),
    }
    return {name: ((way - exact) / exact).abs().max().item() for name, way in ways.items()}


def compare(packages: int, folder: Path) -> dict[str, object]:
    """All figures of the result file."""
    measured = {form: [run(form, count, folder) for count in (1, packages)] for form in FORMS}
    rules: dict[str, tuple[float, str]] = {
        "released": (linear(*measured["released"]), "line through the two measurements"),
        "plain": (with_outputs(3, measured["plain"][1]), "plus the output three times: in a list, joined, reordered"),
        "folded": (with_outputs(1, measured["folded"][1]), "plus the output once"),
        "tower": (linear(*measured["tower"]), "line through the two measurements"),
        "tower in chunks": (linear(*measured["tower in chunks"]), "line through the two measurements"),
    }
    tokens = {form: torch.load(folder / f"{form} {packages}.pt") for form in FORMS}
    seconds = {form: runs[1]["processor_seconds"] for form, runs in measured.items()}
    plain, folded = multiply_adds(preset("8b").resampler)
    return {
        "setting": {"frames": FRAMES, "patches_per_frame": SIDE**2, "packages": packages, "largest": LARGEST},
        "measured": measured,
        "extra_at_largest": {form: {"bytes": extra, "rule": rule} for form, (extra, rule) in rules.items()},
        "share_of_released": {form: rules[form][0] / rules["released"][0] for form in ("plain", "folded")},
        "tower_share_in_chunks": rules["tower in chunks"][0] / rules["tower"][0],
        "times_faster": {
            "folded than plain": seconds["plain"] / seconds["folded"],
            "folded than released": seconds["released"] / seconds["folded"],
            "plain than released": seconds["released"] / seconds["plain"],
        },
        "multiply_adds_per_patch": {"plain": plain, "folded": folded, "folded, variance by kv_proj": folded_directly()},
        "largest_difference": {
            "plain from released": difference(tokens["plain"], tokens["released"]),
            "folded from released": difference(tokens["folded"], tokens["released"]),
            "tower in chunks from at once": difference(tokens["tower in chunks"], tokens["tower"]),
        },
        "variance_error": scale_errors(),
    }


def folded_directly() -> int:
    """Multiply-adds per patch of a folded form that takes LayerNorm's statistics from the output of `kv_proj`."""
    config = preset("8b").resampler
    return multiply_adds(config)[1] + config.feature_size * (config.hidden_size - config.feature_size)


def difference(first: Tensor, second: Tensor) -> float:
    return (first - second).abs().max().item()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--packages", type=int, default=3, help="packages of the larger measurement (0.8 GB each)")
    parser.add_argument("--out", type=Path, default=RESULT)
    parser.add_argument("--form", choices=FORMS, help="measure this form alone, in this process")
    parser.add_argument("--output", type=Path, help="where that one's visual tokens go")
    options = parser.parse_args()
    if options.form:
        measure(options.form, options.packages, options.output)
        return
    if options.packages < 2:
        parser.error(f"--packages must be at least 2, got {options.packages}")
    with tempfile.TemporaryDirectory() as folder:
        result = compare(options.packages, Path(folder))
    write_result(options.out, result, RANDOM, machine_here())
    for key in ("share_of_released", "tower_share_in_chunks", "times_faster", "largest_difference"):
        print(f"{key}: {result[key]}")


if __name__ == "__main__":
    main()
