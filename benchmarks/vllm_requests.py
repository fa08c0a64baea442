"""Run by the Python of vLLM's environment: the same requests as often as they are asked for.

A job comes as JSON on the first line of stdin: {"model": folder, "pictures": [path, ...], "question": text, "tokens":
of each answer}. When vLLM is ready a line says so on stdout; then each line of stdin, a number of requests, is answered
by the seconds that they took, their pictures cut and encoded anew.
"""

import json
import os
import sys
import time

os.environ |= {"VLLM_ENABLE_V1_MULTIPROCESSING": "0", "VLLM_NO_USAGE_STATS": "1", "HF_HUB_OFFLINE": "1"}

from PIL import Image
from vllm import LLM, SamplingParams

from demiglace.integrations.vllm import CONFIG_FORMAT

told = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)  # vLLM writes its log there


def message(picture: Image.Image, question: str) -> list[dict]:
    content = [{"type": "image_pil", "image_pil": picture}, {"type": "text", "text": question}]
    return [{"role": "user", "content": content}]


def main() -> None:
    job = json.loads(sys.stdin.readline())
    pictures = [Image.open(path).convert("RGB") for path in job["pictures"]]
    model = LLM(
        job["model"],
        config_format=CONFIG_FORMAT,
        dtype="float32",
        max_model_len=512,
        max_num_seqs=len(pictures),
        kv_cache_memory_bytes=2**27,
        enable_prefix_caching=False,
        mm_processor_cache_gb=0,
    )
    sampling = SamplingParams(temperature=0, max_tokens=job["tokens"], min_tokens=job["tokens"], ignore_eos=True)
    print("ready", file=told, flush=True)
    for number, line in enumerate(sys.stdin):
        asked = [picture.copy() for picture in pictures[: int(line)]]
        for picture in asked:
            picture.putpixel((0, 0), (number % 256,) * 3)  # another picture each time, as encoded ones are kept
        began = time.perf_counter()
        model.chat(
            [message(picture, job["question"]) for picture in asked],
            sampling,
            use_tqdm=False,
            chat_template_kwargs={"enable_thinking": False},
        )
        print(time.perf_counter() - began, file=told, flush=True)


if __name__ == "__main__":
    main()
