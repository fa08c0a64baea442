"""Runs in LiteLLM's environment: what its calls give from a server at ADDRESS, about a picture, as JSON on stdout."""

import json
import sys

import litellm

ADDRESS, PICTURE = sys.argv[1:]
PARTS = [{"type": "image_url", "image_url": {"url": PICTURE}}, {"type": "text", "text": "Read the text."}]
SERVER = {"api_base": f"{ADDRESS}/v1", "api_key": "none", "num_retries": 0}
CHAT = {**SERVER, "messages": [{"role": "user", "content": PARTS}], "temperature": 0, "max_tokens": 40}


def fault() -> str:
    try:
        litellm.completion(model="openai/nano", **{**CHAT, "temperature": -1})
    except litellm.BadRequestError as error:
        return str(error)
    return ""


whole = litellm.completion(model="openai/nano", **CHAT)
pieces = [chunk.choices[0].delta for chunk in litellm.completion(model="openai/nano:think", stream=True, **CHAT)]
response = litellm.responses(model="openai/nano", input="Hello", temperature=0, max_output_tokens=8, **SERVER)
told = {
    "content": whole.choices[0].message.content,
    "visual_tokens": whole.usage.prompt_tokens_details.visual_tokens,
    "thoughts": "".join(getattr(piece, "reasoning_content", None) or "" for piece in pieces),
    "response_tokens": response.usage.output_tokens,
    "fault": fault(),
}
print(json.dumps(told))
