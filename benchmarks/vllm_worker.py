"""Run by the Python of vLLM's environment: one way to ask vLLM about clips, in a process of its own.

A job comes as JSON on the command line: {"model": folder, "way": "packages" or "frames", "num_frames": number, "clips":
[path, ...], "max_model_len": number}. The last line of stdout is {"vllm": version, "peak_bytes": of the process,
"clips": [{"prompt_tokens", "seconds"}, ...]}, for each clip but the first, which warms up; seconds from the file to the
first token.
"""

import base64
import json
import os
import re
import sys
import time
from pathlib import Path

os.environ |= {"VLLM_ENABLE_V1_MULTIPROCESSING": "0", "VLLM_NO_USAGE_STATS": "1", "HF_HUB_OFFLINE": "1"}

import vllm
from vllm import LLM, SamplingParams

from demiglace.integrations.vllm import CONFIG_FORMAT
from demiglace.integrations.vllm.clips import LOADER

PACKAGE_FRAMES = 6


def started(job: dict) -> LLM:
    """In `frames` the class is vLLM's own. Nothing is kept between clips, and a clip is computed at once."""
    ways = {
        "packages": {
            "media_io_kwargs": {"video": {"video_backend": LOADER, "num_frames": -1}},
            "mm_processor_kwargs": {
                "num_frames": job["num_frames"],
                "package_frames": PACKAGE_FRAMES,
                "force_package_frames": True,
            },
        },
        "frames": {
            "media_io_kwargs": {"video": {"num_frames": job["num_frames"]}},
            "hf_overrides": {"architectures": ["MiniCPMV"]},
            "trust_remote_code": True,
        },
    }
    return LLM(
        job["model"],
        config_format=CONFIG_FORMAT,
        dtype="float32",
        enforce_eager=True,
        max_model_len=job["max_model_len"],
        max_num_batched_tokens=job["max_model_len"],
        max_num_seqs=1,
        kv_cache_memory_bytes=2**28,
        enable_prefix_caching=False,
        mm_processor_cache_gb=0,
        limit_mm_per_prompt={"video": {"count": 1, "num_frames": job["num_frames"]}},
        **ways[job["way"]],
    )


def peak_bytes() -> int:
    (kilobytes,) = re.findall(r"^VmHWM:\s+(\d+) kB$", Path("/proc/self/status").read_text(), re.MULTILINE)
    return int(kilobytes) * 1024


def ask(model: LLM, path: str) -> dict:
    began = time.perf_counter()
    coded = base64.b64encode(Path(path).read_bytes()).decode()
    clip = {"type": "video_url", "video_url": {"url": f"data:video/mp4;base64,{coded}"}}
    message = {"role": "user", "content": [clip, {"type": "text", "text": "What happens?"}]}
    (reply,) = model.chat([message], SamplingParams(temperature=0, max_tokens=1), use_tqdm=False)
    return {"prompt_tokens": len(reply.prompt_token_ids), "seconds": time.perf_counter() - began}


def main(written: str) -> None:
    job = json.loads(written)
    model = started(job)
    told = [ask(model, path) for path in job["clips"]]
    print(json.dumps({"vllm": vllm.__version__, "peak_bytes": peak_bytes(), "clips": told[1:]}))


if __name__ == "__main__":
    main(sys.argv[1])
