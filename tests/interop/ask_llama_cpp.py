"""Run by the Python of llama.cpp's environment: ask_llama_cpp.py QUESTIONS.json ANSWERS.json

QUESTIONS: {"decoder": file, "projector": file or null, "tokens": number, "asked": [{"prompt": token ids or text} or
{"picture": path, "text": text}, ...]}. ANSWERS: for each that is asked its text, and the likeliest eight first tokens
with their log-probabilities.
"""

import base64
import json
import sys
from pathlib import Path

import xllamacpp


def server(questions: dict) -> xllamacpp.Server:
    params = xllamacpp.CommonParams()
    params.model.path, params.n_ctx, params.n_gpu_layers, params.cpuparams.n_threads = questions["decoder"], 2048, 0, 1
    params.mmproj.path = questions["projector"] or ""
    params.warmup, params.use_jinja = False, True
    return xllamacpp.Server(params)


def ask(llama: xllamacpp.Server, asked: dict, tokens: int) -> dict:
    common = {"temperature": 0, "max_tokens": tokens, "cache_prompt": False}
    if "prompt" in asked:
        answer = llama.handle_completions({**common, "prompt": asked["prompt"], "logprobs": 8})["choices"][0]
        return {"text": answer["text"], "first": first(answer)}
    url = "data:image/png;base64," + base64.b64encode(Path(asked["picture"]).read_bytes()).decode()
    content = [{"type": "image_url", "image_url": {"url": url}}, {"type": "text", "text": asked["text"]}]
    told = {"messages": [{"role": "user", "content": content}], "chat_template_kwargs": {"enable_thinking": False}}
    answer = llama.handle_chat_completions({**common, **told, "logprobs": True, "top_logprobs": 8})["choices"][0]
    return {"text": answer["message"]["content"], "first": first(answer)}


def first(answer: dict) -> dict[int, float]:
    return {one["id"]: one["logprob"] for one in answer["logprobs"]["content"][0]["top_logprobs"]}


if __name__ == "__main__":
    questions = json.loads(Path(sys.argv[1]).read_text())
    llama = server(questions)
    answers = [ask(llama, asked, questions["tokens"]) for asked in questions["asked"]]
    Path(sys.argv[2]).write_text(json.dumps(answers))
