"""Pictures of lines a second: drawn by PIL one by one, and composed as tensors, side by side on one thread.

    OMP_NUM_THREADS=1 python benchmarks/pictures.py

Both ways give a batch as the encoder takes it: patches in three channels, labels and texts. They take turns in the
same process, so that what else the machine does slows both. Of a batch of tensors the host draws texts, faces and
places, and the device the rest; where there is a GPU the second part is measured on it too. Results go to
benchmarks/results/pictures.json.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from results_file import machine_here, write_result

from demiglace.bootstrap import collate
from demiglace.bootstrap.learner import SLOTS_PER_TOKEN
from demiglace.bootstrap.line_stream import LineSource, LineStream
from demiglace.bootstrap.picture_shards import ShardSpec, make_sample
from demiglace.typography.fonts import training_faces
from demiglace.typography.glyph_atlas import draw_atlas

RESULT = Path(__file__).parent / "results" / "pictures.json"
NO_WEIGHTS = "no model takes part: pictures are drawn, not read"
BATCH = 256
SIDES = (140, 196)  # scale_resolution of the nano recipe on a CPU and on a GPU
PIL_SHARE = 4  # by which batches of PIL are smaller, since they take longer


class Stopwatch:
    """Seconds of the wall and of the processor that calls took, all together."""

    def __init__(self) -> None:
        self.wall = self.processor = 0.0

    def time(self, call: Callable[[], Any]) -> Any:
        wall, processor = time.perf_counter(), time.process_time()
        result = call()
        self.wall += time.perf_counter() - wall
        self.processor += time.process_time() - processor
        return result

    def rate(self, pictures: int) -> dict[str, float]:
        return {
            "pictures_per_second": round(pictures / self.wall, 1),
            "pictures_per_processor_second": round(pictures / self.processor, 1),
        }


def spec(side: int) -> ShardSpec:
    """One or two lines of up to 30 characters, as the nano recipe begins with."""
    return ShardSpec(
        seed=1, size=BATCH, max_lines=2, max_characters=30, scale_resolution=side, patch_size=14, num_places=64,
        num_frames=64 * SLOTS_PER_TOKEN,
    )  # fmt: skip


def by_pil(drawn: ShardSpec, number: int, count: int) -> collate.LabelledPictures:
    samples = [make_sample(drawn, number * count + i) for i in range(count)]
    return collate.labelled(samples, np.random.default_rng(number), SLOTS_PER_TOKEN)


def compare(side: int, atlas: Path, sheaves: int) -> dict[str, Any]:
    """Rates on one thread of the host; a first batch of each warms up."""
    drawn, count = spec(side), BATCH // PIL_SHARE
    stream = LineStream(LineSource(drawn, BATCH, atlas), SLOTS_PER_TOKEN)
    pil, host, device = Stopwatch(), Stopwatch(), Stopwatch()
    by_pil(drawn, sheaves, 4)
    stream.batch(sheaves * stream.source.batches)
    batches = 0
    for sheaf in range(sheaves):
        runs = host.time(lambda sheaf=sheaf: stream.source.draw(sheaf))
        for runs_of_batch in runs:
            device.time(lambda drawn=runs_of_batch: stream.pictures(drawn))
            pil.time(lambda number=batches: by_pil(drawn, number, count))
            batches += 1
    both = Stopwatch()
    both.wall, both.processor = host.wall + device.wall, host.processor + device.processor
    pictures = batches * BATCH
    rates = {"pil": pil.rate(batches * count), "tensors": both.rate(pictures)}
    return {
        **rates,
        "tensors_drawn_by_host": host.rate(pictures),
        "tensors_composed": device.rate(pictures),
        "tensors_times_faster": {
            name: round(rates["tensors"][name] / rates["pil"][name], 2) for name in rates["pil"]
        },
    }  # fmt: skip


def on_gpu(side: int, atlas: Path, sheaves: int) -> dict[str, float]:
    """What is drawn beforehand, composed on the GPU."""
    stream = LineStream(LineSource(spec(side), BATCH, atlas), SLOTS_PER_TOKEN, torch.device("cuda"))
    batches = [runs for sheaf in range(sheaves) for runs in stream.source.draw(sheaf)]
    stream.pictures(batches[0])
    torch.cuda.synchronize()
    watch = Stopwatch()

    def compose() -> None:
        for runs in batches:
            stream.pictures(runs)
        torch.cuda.synchronize()

    watch.time(compose)
    return watch.rate(BATCH * len(batches))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sheaves", type=int, default=2, help="drawings of about 4000 pictures for each side")
    parser.add_argument("--atlas", type=Path, help="file of an atlas; without one all training faces are drawn first")
    parser.add_argument("--out", type=Path, default=RESULT)
    options = parser.parse_args()
    torch.set_num_threads(1)
    has_gpu = torch.cuda.is_available()
    machine = {**machine_here("cuda" if has_gpu else "cpu"), "load_of_other_programs": round(os.getloadavg()[0], 2)}
    with tempfile.TemporaryDirectory() as folder:
        atlas = options.atlas or Path(folder) / "atlas.safetensors"
        if options.atlas is None:
            draw_atlas(training_faces()).save(atlas)
        sides = {
            str(side): {
                **compare(side, atlas, options.sheaves),
                **({"tensors_composed_on_gpu": on_gpu(side, atlas, options.sheaves)} if has_gpu else {}),
            }
            for side in SIDES
        }
        size = atlas.stat().st_size
    figures = {"setting": {"batch": BATCH, "max_lines": 2, "max_characters": 30}, "atlas_bytes": size, "sides": sides}
    write_result(options.out, figures, NO_WEIGHTS, machine)
    for side, rates in sides.items():
        print(f"{side} pixels: {rates}")


if __name__ == "__main__":
    main()
