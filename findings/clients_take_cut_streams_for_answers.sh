#!/usr/bin/env bash
# A server that stops in the middle of a streamed answer, as its worker ends or a proxy closes at its time limit, has not sent the
# last events of the protocol: no reason of the end, no `[DONE]`, no `message_stop`. One would guess that the clients of OpenAI and
# Anthropic raise an error. They return what there is as the answer: "12" of "1234", from `get_final_completion` and
# `get_final_message` too. An event cut in half is dropped. Nothing is tried again, whatever `max_retries` is. Only `finish_reason` or
# `stop_reason` is None: check it.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check openai==3.57.0 anthropic==2.14.0 2> /dev/null
"$work/venv/bin/python" - <<'PYTHON'
import http.server
import json
import sys
import threading

import anthropic
import openai

print("openai", openai.__version__, "anthropic", anthropic.__version__)
QUESTION, REQUESTS = [{"role": "user", "content": "What is the total?"}], []


def chunk(text, end=None):
    choice = {"index": 0, "delta": {"role": "assistant", "content": text}, "finish_reason": end}
    return f"data: {json.dumps({'id': '1', 'object': 'chat.completion.chunk', 'created': 1, 'model': 'm', 'choices': [choice]})}\n\n"


def event(kind, **fields):
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n"


message = {"id": "1", "type": "message", "role": "assistant", "content": [], "model": "m", "stop_reason": None, "stop_sequence": None}
start = event("message_start", message={**message, "usage": {"input_tokens": 1, "output_tokens": 1}})
start += event("content_block_start", index=0, content_block={"type": "text", "text": ""})
delta = event("content_block_delta", index=0, delta={"type": "text_delta", "text": "12"})
STREAMS = {
    "/whole/chat/completions": chunk("12") + chunk("34") + chunk("", "stop") + "data: [DONE]\n\n",
    "/cut/chat/completions": chunk("12"),
    "/half/chat/completions": chunk("12") + chunk("34")[:-20],
    "/cut/v1/messages": start + delta,
}


class Server(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        """One chunk of HTTP and the chunk that ends the body, as a server does whose generator returns early."""
        self.rfile.read(int(self.headers["content-length"]))
        REQUESTS.append(self.path)
        body = STREAMS[self.path].encode()
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        self.wfile.write(b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body))

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
threading.Thread(target=server.serve_forever, daemon=True).start()
address = f"http://127.0.0.1:{server.server_port}"


def by_openai(path, helper):
    client = openai.OpenAI(api_key="none", base_url=f"{address}/{path}", max_retries=2)
    if not helper:
        chunks = list(client.chat.completions.create(model="m", messages=QUESTION, stream=True))
        return "".join(one.choices[0].delta.content for one in chunks), chunks[-1].choices[0].finish_reason
    with client.chat.completions.stream(model="m", messages=QUESTION) as stream:
        choice = stream.get_final_completion().choices[0]
    return choice.message.content, choice.finish_reason


def by_anthropic(path):
    client = anthropic.Anthropic(api_key="none", base_url=f"{address}/{path}", max_retries=2)
    with client.messages.stream(model="m", max_tokens=9, messages=QUESTION) as stream:
        final = stream.get_final_message()
    return final.content[0].text, final.stop_reason


found = {
    "openai, whole": by_openai("whole", True),
    "openai, cut, create(stream=True)": by_openai("cut", False),
    "openai, cut, get_final_completion": by_openai("cut", True),
    "openai, cut in an event": by_openai("half", True),
    "anthropic, cut, get_final_message": by_anthropic("cut"),
}
for told, (text, end) in found.items():
    print(f"{told}: {text!r}, reason of its end {end}")
print(f"requests sent: {len(REQUESTS)}")
print("expected: '1234' and stop, then errors, or further requests")
sys.exit(list(found.values()) != [("1234", "stop")] + [("12", None)] * 4 or len(REQUESTS) != 5)
PYTHON
