"""Run by the Python of vLLM's environment: ask_vllm.py QUESTIONS.json ANSWERS.json

QUESTIONS: {"model": folder, "adapter": folder or null, "max_tokens": number, "processes": that share the decoder,
"asked": [question, ...]}, each question
{"parts": [part, ...], "options": options, "adapted": whether the adapter answers}. Parts: {"picture": path},
{"clip": path}, {"frames": [path of a JPEG, ...]}, {"text": text}, or {"array": path of a picture} and a text alone;
options: mm_processor_kwargs.
ANSWERS: for each that is asked {"prompt": token ids, "answer": token ids}, or {"error": message}.
"""

import base64
import json
import os
import sys
from pathlib import Path

os.environ |= {"VLLM_ENABLE_V1_MULTIPROCESSING": "0", "VLLM_NO_USAGE_STATS": "1", "HF_HUB_OFFLINE": "1"}

import numpy as np
import PIL.Image
from vllm import LLM, RequestOutput, SamplingParams
from vllm.exceptions import VLLMValidationError
from vllm.lora.request import LoRARequest

from demiglace.integrations.vllm import CONFIG_FORMAT
from demiglace.integrations.vllm.clips import LOADER


def data_url(kind: str, *paths: str) -> str:
    coded = ",".join(base64.b64encode(Path(path).read_bytes()).decode() for path in paths)
    return f"data:{kind};base64,{coded}"


def part_of(part: dict) -> dict:
    if "picture" in part:
        return {"type": "image_pil", "image_pil": PIL.Image.open(part["picture"])}
    if "text" in part:
        return {"type": "text", "text": part["text"]}
    is_file = "clip" in part
    url = data_url("video/mp4", part["clip"]) if is_file else data_url("video/jpeg", *part["frames"])
    return {"type": "video_url", "video_url": {"url": url}}


def about_an_array(model: LLM, path: str, question: str) -> dict:
    """The prompt of `chat`, which takes no arrays."""
    message = {"role": "user", "content": f"(<image>./</image>)\n{question}"}
    text = model.get_tokenizer().apply_chat_template(
        [message], tokenize=False, add_generation_prompt=True, enable_thinking=False
    )
    return {"prompt": text, "multi_modal_data": {"image": np.asarray(PIL.Image.open(path))}}


def ask(model: LLM, one: dict, greedy: SamplingParams, adapter: LoRARequest | None) -> dict:
    if "array" in one["parts"][0]:
        prompt = about_an_array(model, one["parts"][0]["array"], one["parts"][1]["text"])
        return told_by(*model.generate(prompt, greedy, use_tqdm=False))
    message = {"role": "user", "content": list(map(part_of, one["parts"]))}
    try:
        (reply,) = model.chat(
            [message],
            greedy,
            chat_template_kwargs={"enable_thinking": False},
            mm_processor_kwargs=one["options"],
            lora_request=adapter if one["adapted"] else None,
            use_tqdm=False,
        )
    except (ValueError, VLLMValidationError) as error:
        return {"error": str(error)}
    return told_by(reply)


def told_by(reply: RequestOutput) -> dict:
    return {"prompt": list(reply.prompt_token_ids), "answer": list(reply.outputs[0].token_ids)}


def main(questions: str, answers: str) -> None:
    asked = json.loads(Path(questions).read_text())
    model = LLM(
        asked["model"],
        config_format=CONFIG_FORMAT,
        dtype="float32",
        enforce_eager=True,
        max_model_len=2048,
        max_num_seqs=2,
        max_num_batched_tokens=96,  # so that a long prompt is computed in chunks that end within pictures
        kv_cache_memory_bytes=2**27,
        limit_mm_per_prompt={"image": 2, "video": 2},
        interleave_mm_strings=True,
        media_io_kwargs={"video": {"video_backend": LOADER, "num_frames": -1}},
        enable_lora=asked["adapter"] is not None,
        tensor_parallel_size=asked["processes"],
    )
    adapter = LoRARequest("adapter", 1, asked["adapter"]) if asked["adapter"] else None
    greedy = SamplingParams(temperature=0, max_tokens=asked["max_tokens"])
    Path(answers).write_text(json.dumps([ask(model, one, greedy, adapter) for one in asked["asked"]]))


if __name__ == "__main__":
    main(*sys.argv[1:])
