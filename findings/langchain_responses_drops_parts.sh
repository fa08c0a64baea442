#!/usr/bin/env bash
# One would guess that ChatOpenAI sends the same parts of a message by either of OpenAI's two APIs, or refuses what one
# of them does not have. With use_responses_api=True langchain-openai drops every part of a user's message whose type
# it does not translate: sound in LangChain's own form and in OpenAI's, and videos as vLLM and others take them. There
# is no error and no warning, and the answer is about the text alone. By chat completions the same parts are sent.
# Compare input_tokens of the usage, or look at the request.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check langchain-openai==1.7.4 langchain-core==1.8.3 openai==3.57.0 2> /dev/null
venv/bin/python - <<'PYTHON'
import json
import sys
import threading
import warnings
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.metadata import version

from langchain_core.messages import HumanMessage
from langchain_openai import ChatOpenAI

received = []
CHAT = {"choices": [{"index": 0, "message": {"role": "assistant", "content": "x"}, "finish_reason": "stop"}]}
RESPONSE = {"output": [], "parallel_tool_calls": False, "tool_choice": "none", "tools": [], "status": "completed"}


class Handler(BaseHTTPRequestHandler):
    """Keeps what it is sent, and answers as little as the client takes."""

    def do_POST(self):
        received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        is_chat = self.path.endswith("/chat/completions")
        told = {"id": "1", "object": "chat.completion", "created": 0, **CHAT} if is_chat else {}
        told = told or {"id": "1", "object": "response", "created_at": 0, **RESPONSE}
        body = json.dumps({**told, "model": "m"}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = HTTPServer(("localhost", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
base_url = f"http://localhost:{server.server_port}/v1"
PARTS = [
    {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}},
    {"type": "audio", "base64": "AA==", "mime_type": "audio/wav"},
    {"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}},
    {"type": "video_url", "video_url": {"url": "data:video/mp4;base64,AA=="}},
]


def sent(part, is_response):
    """Types of the parts that arrive of this one and a text."""
    model = ChatOpenAI(model="m", base_url=base_url, api_key="none", use_responses_api=is_response)
    model.invoke([HumanMessage([part, {"type": "text", "text": "What is it?"}])])
    message = (received[-1].get("input") or received[-1].get("messages"))[0]
    return [one["type"] for one in message["content"]]


print("langchain-openai", version("langchain-openai"), "langchain-core", version("langchain-core"))
lost = []
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    for part in PARTS:
        chat, response = sent(part, False), sent(part, True)
        print(f"{part['type']}: chat completions {chat}, responses {response}, expected 2 parts each")
        lost.append((len(chat), len(response)))
told = [str(one.message) for one in caught if any(name in str(one.message) for name in ("audio", "video", "drop"))]
print("warnings about it:", told)
sys.exit(0 if lost == [(2, 2), (2, 1), (2, 1), (2, 1)] and not told else 1)
PYTHON
