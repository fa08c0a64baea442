"""Any OpenAI-compatible server: limited concurrency, retries and seconds; a failure is never taken for an answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from demiglace.evaluation.backends.backend import Asked
from demiglace.evaluation.backends.openai_messages import reply_of, request_body
from demiglace.evaluation.prediction import Reply
from demiglace.evaluation.prompt_record import prompt_text, sent_parts

if TYPE_CHECKING:
    from openai import AsyncOpenAI

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0  # seconds between tries, doubled each time (ours)
LONGEST_ASKED = 300.0  # seconds that a server may ask to wait by Retry-After (ours)
MOST_ERROR_CHARACTERS = 300


@dataclass(frozen=True)
class OpenAIServer:
    """url: such as http://host:8000/v1. timeout: seconds for each whole try. retries: tries after the first.

    plain: send only fields of OpenAI's own API. as_frames: send videos as pictures.
    """

    url: str
    model: str
    api_key: str | None = None
    timeout: float = 600.0
    retries: int = 2
    plain: bool = False
    as_frames: bool = False

    def client(self) -> AsyncOpenAI:
        """A client, which the caller must close. ValueError if openai is not installed."""
        try:
            from openai import AsyncOpenAI
        except ImportError as error:
            raise ValueError(f"asking {self.url} takes openai: pip install 'demiglace[eval]'") from error

        key = self.api_key or "none"
        return AsyncOpenAI(base_url=self.url, api_key=key, max_retries=0, timeout=self.timeout)

    async def ask(self, client: AsyncOpenAI, body: Mapping[str, Any]) -> object:
        """The response to a chat completion, as from `post`."""
        return await self.post(client, "/chat/completions", body)

    async def post(self, client: AsyncOpenAI, path: str, body: Mapping[str, Any]) -> object:
        """The response as JSON; ValueError after the last try, or immediately if a retry would not help."""
        return await self._tried(lambda: client.post(path, cast_to=object, body=dict(body)))

    async def get(self, client: AsyncOpenAI, path: str) -> object:
        """As `post`, for GET."""
        return await self._tried(lambda: client.get(path, cast_to=object))

    async def _tried(self, call: Callable[[], Awaitable[object]]) -> object:
        from openai import OpenAIError

        error: Exception | None = None
        for number in range(self.retries + 1):
            try:
                async with asyncio.timeout(self.timeout):
                    return await call()
            except TimeoutError:
                error, reason = None, f"no answer within {self.timeout:g} s"
            except OpenAIError as failure:
                error, reason = failure, f"{failure} {failure.__cause__ or ''}"
                if not _may_pass(failure):
                    break
            if number < self.retries:
                pause = min(FIRST_PAUSE * 2**number, LONGEST_PAUSE)
                await asyncio.sleep(max(pause, min(_asked_pause(error), LONGEST_ASKED)))
        raise ValueError(f"{self.url}, {number + 1} tries: {reason.strip()[:MOST_ERROR_CHARACTERS]}") from error


def _may_pass(error: Exception) -> bool:
    """Whether a retry may help: the server was not reached, is busy, or had an internal error."""
    from openai import APIConnectionError, APIStatusError

    if isinstance(error, APIStatusError):
        return error.status_code >= 500 or error.status_code in (408, 409, 429)
    return isinstance(error, APIConnectionError)


def _asked_pause(error: Exception | None) -> float:
    """Seconds to wait by Retry-After, a number or a date; 0 if the server does not ask for any."""
    from openai import APIStatusError

    if not isinstance(error, APIStatusError):
        return 0.0
    asked = error.response.headers.get("retry-after", "").strip()
    if asked.isdecimal():
        return float(asked)
    try:
        return parsedate_to_datetime(asked).timestamp() - time.time()
    except ValueError:
        return 0.0


class ServerBackend:
    """A server as a backend. weights: its address, since a server does not report a hash."""

    def __init__(self, server: OpenAIServer, concurrency: int = 32) -> None:
        self.server, self.concurrency = server, concurrency
        self.name, self.weights = server.model, f"at {server.url}"

    def answers(self, asked: Iterable[Asked]) -> Iterator[tuple[int, Reply]]:
        coming, under_way = iter(asked), set[asyncio.Task[tuple[int, Reply]]]()
        with asyncio.Runner() as runner:
            loop, client = runner.get_loop(), self.server.client()
            try:
                while True:
                    while len(under_way) < self.concurrency and (one := next(coming, None)):
                        under_way.add(loop.create_task(self._reply(client, one)))
                    if not under_way:
                        return
                    done, under_way = runner.run(_first_of(under_way))
                    yield from (task.result() for task in done)
            finally:
                runner.run(client.close())

    async def _reply(self, client: AsyncOpenAI, asked: Asked) -> tuple[int, Reply]:
        conversation, began = asked.conversation, time.perf_counter()
        try:
            sent = sent_parts(conversation)
            body = request_body(
                self.server.model, conversation, asked.sampling, self.server.plain, self.server.as_frames
            )
            reply = reply_of(await self.server.ask(client, body), conversation.thinking is True)
        except (ValueError, OSError) as error:
            return asked.place, Reply(prompt_text(conversation), error=str(error))
        seconds = round(time.perf_counter() - began, 4)
        return asked.place, replace(reply, prompt=prompt_text(conversation), sent=sent, seconds=seconds)


async def _first_of(tasks: set[asyncio.Task[Any]]) -> tuple[set[asyncio.Task[Any]], set[asyncio.Task[Any]]]:
    return await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
