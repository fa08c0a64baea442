"""Run by the Python of vLLM's environment: ask_vllm.py QUESTIONS.json ANSWERS.json

QUESTIONS: {"model": folder, "asked": [{"pictures": [path, ...], "question": text}, ...], "max_tokens": number}.
ANSWERS: for each that is asked {"prompt": token ids, "answer": token ids}.
"""

import json
import os
import sys
from pathlib import Path

os.environ |= {"VLLM_ENABLE_V1_MULTIPROCESSING": "0", "VLLM_NO_USAGE_STATS": "1", "HF_HUB_OFFLINE": "1"}

import PIL.Image
from vllm import LLM, SamplingParams

from demiglace.integrations.vllm import CONFIG_FORMAT


def main(questions: str, answers: str) -> None:
    asked = json.loads(Path(questions).read_text())
    model = LLM(
        asked["model"],
        config_format=CONFIG_FORMAT,
        dtype="float32",
        enforce_eager=True,
        max_model_len=2048,
        max_num_seqs=2,
        kv_cache_memory_bytes=2**27,
        limit_mm_per_prompt={"image": 2},
    )
    greedy = SamplingParams(temperature=0, max_tokens=asked["max_tokens"])
    told = []
    for one in asked["asked"]:
        pictures = [{"type": "image_pil", "image_pil": PIL.Image.open(path)} for path in one["pictures"]]
        message = {"role": "user", "content": [*pictures, {"type": "text", "text": one["question"]}]}
        (reply,) = model.chat([message], greedy, chat_template_kwargs={"enable_thinking": False}, use_tqdm=False)
        told.append({"prompt": list(reply.prompt_token_ids), "answer": list(reply.outputs[0].token_ids)})
    Path(answers).write_text(json.dumps(told))


if __name__ == "__main__":
    main(*sys.argv[1:])
