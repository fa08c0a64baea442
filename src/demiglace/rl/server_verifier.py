"""A verifier through OpenAI's chat completions with log-probabilities: vLLM, SGLang, llama.cpp, `demiglace serve`.

Pictures are sent as data URLs, pages of documents as pictures, and videos as `video_url` with the file in a data URL
and sampling options beside it, which SGLang and `demiglace serve` honour. Requests to an unreachable server are
retried, up to a limit; a refusal (status 4xx, except `_BUSY`) is an error immediately.
"""

from __future__ import annotations

import base64
import http.client
import io
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from os import PathLike
from typing import TYPE_CHECKING, Any

from demiglace.conversation import Conversation, Document, Image, Part, Text
from demiglace.evaluation.backends.openai_messages import image_part, video_part
from demiglace.media.document_pages import open_pages
from demiglace.media.pictures import open_picture
from demiglace.rl.claim_verdict import LIKELIEST, MOST_TOKENS, ClaimVerdict, claim_verdict

if TYPE_CHECKING:
    from demiglace.conversation import Picture

AT_ONCE = 8  # concurrent requests; ours
LONGEST_WAIT = 30.0  # seconds between two tries; ours
TIMEOUT = 300.0  # seconds for one answer; ours
MOST_BYTES = 2**24  # of a response
# Servers take what is missing from the checkpoint's settings; -1 is vLLM's and SGLang's value for all tokens.
GREEDY = {"temperature": 0, "top_p": 1, "top_k": -1, "min_p": 0, "repetition_penalty": 1}
_BUSY = (408, 425, 429)  # besides 5xx: temporary statuses


@dataclass(frozen=True)
class ServerVerifier:
    """An `answer_judge.Verifier`; with `write` it can split answers too.

    address: such as http://127.0.0.1:8000/v1. model: its name there.
    patience: seconds for which an unreachable server is retried. wait: sleeps for some seconds between tries.
    """

    address: str
    model: str
    patience: float = 600.0  # ours
    wait: Callable[[float], None] = time.sleep

    def verdicts(self, asked: Sequence[Conversation]) -> list[ClaimVerdict]:
        """ValueError if the server stays unreachable, refuses, or responds in another format."""
        with ThreadPoolExecutor(AT_ONCE) as threads:
            return list(threads.map(self._verdict, asked))

    def write(self, texts: Sequence[str]) -> list[str | None]:
        """Greedy answers to prompts without pictures, None for one that was cut; errors as in `verdicts`."""
        with ThreadPoolExecutor(AT_ONCE) as threads:
            return list(threads.map(self._written, texts))

    def _written(self, text: str) -> str | None:
        answered = self._asked(Conversation.ask(text), max_tokens=MOST_TOKENS)
        choice = _held(answered, Mapping, "choices", 0)
        written = str(_held(choice, str, "message", "content"))
        return None if choice.get("finish_reason") == "length" else written

    def _verdict(self, conversation: Conversation) -> ClaimVerdict:
        answered = self._asked(conversation, max_tokens=1, logprobs=True, top_logprobs=LIKELIEST)
        likeliest = _held(answered, list, "choices", 0, "logprobs", "content", 0, "top_logprobs")
        return claim_verdict((_held(token, str, "token"), float(_held(token, float, "logprob"))) for token in likeliest)

    def _asked(self, conversation: Conversation, **options: Any) -> Any:
        messages = [
            {"role": message.role, "content": [piece for part in message.content for piece in _content(part)]}
            for message in conversation.messages
        ]
        fields = {"model": self.model, "messages": messages, **GREEDY, **options}
        fields["chat_template_kwargs"] = {"enable_thinking": False}
        request = urllib.request.Request(
            self.address.rstrip("/") + "/chat/completions",
            json.dumps(fields).encode(),
            {"Content-Type": "application/json"},
        )
        return self._sent(request)

    def _sent(self, request: urllib.request.Request) -> Any:
        began, pause = time.monotonic(), 1.0
        while True:
            try:
                with urllib.request.urlopen(request, timeout=TIMEOUT) as response:
                    return _parsed(response.read(MOST_BYTES + 1))
            except urllib.error.HTTPError as error:
                if error.code < 500 and error.code not in _BUSY:
                    body = " ".join(error.read(2000).decode(errors="replace").split())
                    raise ValueError(f"the verifier at {self.address} refuses ({error.code}): {body:.300}") from error
                reason = f"status {error.code}"
            except (OSError, http.client.HTTPException) as error:  # connection refused or broken, timeout
                reason = str(error).strip()
            if time.monotonic() - began + pause > self.patience:
                raise ValueError(
                    f"the verifier at {self.address} has not answered for {time.monotonic() - began:.0f} s ({reason}); "
                    "all answers judged so far are saved, and the same command goes on"
                )
            self.wait(pause)
            pause = min(2 * pause, LONGEST_WAIT)


def only_model(address: str) -> str:
    """The name of the first model that a server offers; ValueError if it is not available."""
    try:
        with urllib.request.urlopen(address.rstrip("/") + "/models", timeout=TIMEOUT) as response:
            return str(_held(_parsed(response.read(MOST_BYTES)), str, "data", 0, "id"))
    except (OSError, http.client.HTTPException) as error:
        raise ValueError(f"the verifier at {address} does not tell its models: {str(error).strip()}") from error


def _parsed(text: bytes) -> Any:
    try:
        return json.loads(text[:MOST_BYTES])
    except ValueError as error:
        raise ValueError(f"the verifier's server answers with no JSON: {text[:80]!r}") from error


def _held(fields: Any, kind: type, *path: str | int) -> Any:
    """The value at `path`; ValueError if it is not of this kind."""
    found = fields
    for key in path:
        is_there = isinstance(found, list) and len(found) > key if isinstance(key, int) else isinstance(found, Mapping)
        found = (found[key] if isinstance(key, int) else found.get(key)) if is_there else None
    if not isinstance(found, (int, float) if kind is float else kind):
        where = ".".join(map(str, path))
        raise ValueError(f"the verifier's server answers without {where}: {json.dumps(fields):.200}")
    return found


def _content(part: Part) -> Iterator[dict[str, Any]]:
    """A part in the format of OpenAI's API."""
    if isinstance(part, Text):
        yield {"type": "text", "text": part.text}
    elif isinstance(part, Image):
        yield image_part(open_picture(part.source))
    elif isinstance(part, Document):
        yield from map(image_part, open_pages(part.source, part.pages))
    elif isinstance(part.source, bytes | str | PathLike):
        yield video_part(part)
    else:
        yield _frames(part.source)


def _frames(frames: Sequence[Picture]) -> dict[str, Any]:
    """Pre-sampled frames in vLLM's format: a list of JPEGs in one data URL."""
    encoded = []
    for frame in frames:
        held = io.BytesIO()
        open_picture(frame).save(held, "JPEG", quality=95)
        encoded.append(base64.b64encode(held.getvalue()).decode())
    return {"type": "video_url", "video_url": {"url": "data:video/jpeg;base64," + ",".join(encoded)}}
