"""A clip of a minute in vLLM: in packages with our plugin, and in vLLM's own MiniCPM-V 4.5 with tokens for each frame.

    make vllm
    python benchmarks/vllm_packages.py [--frames 60,180] [--rounds 3] [--out FILE]

Both are given the same file and take as many frames of it. The ways take turns, each in a process of its own; every
clip is another one, as vLLM keeps what it has encoded. Time is from the file to the first token.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import tempfile
from fractions import Fraction
from pathlib import Path
from statistics import median
from typing import Any

import av
import numpy as np
import torch
from results_file import RANDOM, machine_here, versions_here, write_result

from demiglace.model import weights
from demiglace.model.config_file import CheckpointFacts
from demiglace.model.minicpmv import MiniCPMV, MiniCPMVConfig
from demiglace.model.qwen3 import Qwen3Config
from demiglace.model.resampler import ResamplerConfig
from demiglace.model.siglip import SiglipConfig
from demiglace.processing.processor import Processor
from demiglace.processing.processor_config import ProcessorConfig
from demiglace.processing.slicing import SlicingConfig
from demiglace.processing.tokenizer import Tokenizer

HERE = Path(__file__).parent
PYTHON = HERE.parent / ".venv-vllm" / "bin" / "python"
RESULT = HERE / "results" / "vllm_packages.json"
SECONDS, FPS, SIZE = 60, 10, (320, 240)
NAMES = {"packages": "with the plugin, packages of 6", "frames": "its own class, 64 tokens a frame"}
MAX_MODEL_LEN = 16_384
CODE = "image_processing_minicpmv"


def configuration() -> MiniCPMVConfig:
    """The nano model's encoder, and a decoder beside which it stands nearly as in the release: for a frame the encoder
    takes 0.9 times the multiply-adds of 64 tokens in the decoder's layers, in the release 1.1 times. vLLM's own class
    can load it: heads of 128 in the resampler, and a decoder of another width than the encoder's."""
    return MiniCPMVConfig(
        SiglipConfig(
            hidden_size=256, intermediate_size=1024, num_layers=6, num_heads=4, patch_size=14, position_ids="released"
        ),
        ResamplerConfig(num_queries=64, hidden_size=384, feature_size=256, num_heads=3),
        Qwen3Config(
            vocab_size=384,
            hidden_size=384,
            intermediate_size=1152,
            num_layers=5,
            num_heads=6,
            num_kv_heads=2,
            head_dim=64,
            rope_theta=1e6,
            rms_norm_eps=1e-6,
            max_position_embeddings=MAX_MODEL_LEN,
        ),
    )


def checkpoint(folder: Path) -> Path:
    """With random weights, and the code that vLLM's own class expects in a checkpoint."""
    torch.manual_seed(0)
    slicing = SlicingConfig(scale_resolution=140, max_slices=1)
    processor = Processor(Tokenizer.bytes_only(), ProcessorConfig(slicing))
    processor.save(folder)
    weights.save(MiniCPMV(configuration()), folder, CheckpointFacts(**processor.checkpoint_facts(), do_sample=False))
    path = folder / "preprocessor_config.json"
    fields = json.loads(path.read_text()) | {"auto_map": {"AutoImageProcessor": f"{CODE}.MiniCPMVImageProcessor"}}
    path.write_text(json.dumps(fields))
    shutil.copy(HERE / "vllm_image_processor.py", folder / f"{CODE}.py")
    return folder


def clip(path: Path, number: int) -> Path:
    """A bright square on its way over a grey of its own, at `FPS` for `SECONDS`."""
    width, height = SIZE
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for index in range(SECONDS * FPS):
            picture = np.full((height, width, 3), 20 + 10 * number, np.uint8)
            left = index * (width - 40) // (SECONDS * FPS)
            picture[100:140, left : left + 40] = 220
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, FPS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def asked(folder: Path, way: str, num_frames: int, clips: list[Path]) -> dict[str, Any]:
    job = {
        "model": str(folder),
        "way": way,
        "num_frames": num_frames,
        "clips": list(map(str, clips)),
        "max_model_len": MAX_MODEL_LEN,
    }
    command = [PYTHON, HERE / "vllm_worker.py", json.dumps(job)]
    environment = os.environ | {"HF_MODULES_CACHE": str(folder / "modules")}
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        raise RuntimeError(done.stderr[-4000:])
    return json.loads(done.stdout.splitlines()[-1])


def summary(told: dict[str, Any]) -> dict[str, Any]:
    (prompt_tokens,) = {one["prompt_tokens"] for one in told["clips"]}
    seconds = [one["seconds"] for one in told["clips"]]
    return {
        "prompt_tokens": prompt_tokens,
        "cache_bytes": prompt_tokens * cache_bytes_per_token(),
        "seconds_to_first_token": median(seconds),
        "seconds": seconds,
        "peak_bytes": told["peak_bytes"],
        "vllm": told["vllm"],
    }


def cache_bytes_per_token() -> int:
    llm = configuration().llm
    return 2 * llm.num_layers * llm.num_kv_heads * llm.head_dim * 4


def table(report: dict[str, Any]) -> str:
    """The figures as Markdown."""
    lines = [
        "| frames | vLLM | prompt tokens | keys and values, MB | first token, s | most memory, MB |",
        "|---:|---|---:|---:|---:|---:|",
    ]
    for row in report["rows"]:
        for way, name in NAMES.items():
            one = row[way]
            megabytes = [f"{one[field] / 1e6:,.0f}" for field in ("cache_bytes", "peak_bytes")]
            cells = (f"{one['prompt_tokens']:,}", megabytes[0], f"{one['seconds_to_first_token']:.1f}", megabytes[1])
            lines.append(f"| {row['num_frames']} | {name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", default="60,180", help="taken of a clip; a row for each number")
    parser.add_argument("--rounds", type=int, default=3, help="clips of each way and row")
    parser.add_argument("--out", type=Path, default=RESULT)
    return parser.parse_args()


def main() -> None:
    options = parsed()
    with tempfile.TemporaryDirectory() as temporary:
        folder = checkpoint(Path(temporary) / "checkpoint")
        clips = [clip(Path(temporary) / f"{number}.mp4", number) for number in range(options.rounds + 1)]
        rows = [
            {"num_frames": count, **{way: summary(asked(folder, way, count, clips)) for way in NAMES}}
            for count in map(int, options.frames.split(","))
        ]
    for row in rows:
        print(row)
    (version,) = {row[way].pop("vllm") for row in rows for way in NAMES}
    figures = {"clip": {"seconds": SECONDS, "fps": FPS, "size": SIZE}, "package_frames": 6, "rows": rows}
    report = write_result(options.out, figures, RANDOM, machine_here(), versions_here("av") | {"vllm": version})
    options.out.with_suffix(".md").write_text(table(report))


if __name__ == "__main__":
    main()
