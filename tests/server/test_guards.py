"""What stands before all routes: keys, sizes, places; each refusal has the form that OpenAI's client reads."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress

import httpx
import openai
import pytest
from running_server import data_url, running
from starlette.exceptions import HTTPException
from starlette.types import Receive, Send

from demiglace import Demiglace
from demiglace.engine.engine import EngineConfig
from demiglace.server import guards
from demiglace.server.app import create_app
from demiglace.server.guards import Guards
from demiglace.server.limits import Limits
from demiglace.server.media_sources import MediaSources
from demiglace.server.service import Service

LIMITS = Limits(max_bytes=100_000, max_batch=1, max_queue=0, max_tokens=200, max_choices=2)
CHAT = "/v1/chat/completions"
HELLO = [{"role": "user", "content": "Hello"}]


@pytest.fixture(scope="module")
def service(assistant: Demiglace) -> Service:
    return Service.of(
        "nano", assistant, LIMITS, MediaSources(LIMITS), EngineConfig(), ["first key", "zweiter Schlüssel"]
    )


@pytest.fixture(scope="module")
def guarded(service: Service) -> Iterator[str]:
    with running(create_app(service)) as address:
        yield address


@pytest.fixture
def strict(guarded: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=guarded, headers={"Authorization": "Bearer first key"}, timeout=60) as client:
        yield client


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer first", "Basic first key", "Bearer first key2", "first key"]
)
def test_without_a_key_only_health_and_the_page_answer(guarded: str, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header}
    with httpx.Client(base_url=guarded, headers=headers) as client:
        for path in ("/v1/models", "/metrics", "/docs", "/v1/nothing"):
            response = client.get(path)
            assert response.status_code == 401
            assert response.json()["error"]["code"] == "invalid_api_key"
        assert client.get("/health").json() == {"status": "ok"}
        assert client.get("/").status_code == 200


@pytest.mark.parametrize("key", ["first key", "zweiter Schlüssel"])
def test_each_key_opens(guarded: str, key: str) -> None:
    assert httpx.get(f"{guarded}/v1/models", headers={"Authorization": f"bearer {key}".encode()}).status_code == 200


def test_openai_s_client_names_a_wrong_key(guarded: str) -> None:
    client = openai.OpenAI(base_url=f"{guarded}/v1", api_key="x")
    with client, pytest.raises(openai.AuthenticationError, match="a valid API key is needed"):
        client.models.list()


def test_a_body_is_bounded_also_where_its_size_is_not_announced(strict: httpx.Client) -> None:
    body = b'{"messages": [{"role": "user", "content": "' + b"x" * 100_000 + b'"}]}'
    for content in (body, iter([body])):
        response = strict.post("/v1/chat/completions", content=content, headers={"Content-Type": "application/json"})
        assert response.status_code == 413
        assert "at most 100000 are allowed" in response.json()["error"]["message"]


def test_values_of_a_body_are_bounded_and_bytes_of_a_file_are_none(strict: httpx.Client, address: str) -> None:
    fields = b'{"messages": [{"role": "user", "content": "' + b"," * (guards.MOST_COMMAS + 1) + b'"}]}'
    response = httpx.post(f"{address}{CHAT}", content=fields, headers={"Content-Type": "application/json; multipart/"})
    assert response.status_code == 413
    assert response.json()["error"]["message"].startswith("the request has more than 131072 values")
    uploaded = httpx.post(f"{address}/v1/files", files={"file": b"," * (guards.MOST_COMMAS + 1)})
    assert uploaded.json()["bytes"] == guards.MOST_COMMAS + 1


def test_bodies_together_are_bounded(service: Service) -> None:
    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": b"x" * 1000, "more_body": False}

    statuses: list[int] = []

    async def reading(_: object, receive: Receive, send: Send) -> None:
        try:
            await receive()
            statuses.append(200)
        except HTTPException as error:
            statuses.append(error.status_code)

    async def story() -> None:
        guarding = Guards(reading, (), 1000, service.metrics)
        scope = {"type": "http", "method": "POST", "path": "/", "headers": []}
        guarding.num_held = 7000  # of others
        await guarding(scope, receive, receive)
        guarding.num_held = 7001
        await guarding(scope, receive, receive)
        assert guarding.num_held == 7001  # what is over is held no longer

    asyncio.run(story())
    assert statuses == [200, 429]


@pytest.mark.parametrize(("pause", "bound"), [(3600, "SILENCE_S"), (0.01, "BODY_S")])
def test_a_body_that_stops_or_drips_gives_its_room_back(
    service: Service, monkeypatch: pytest.MonkeyPatch, pause: float, bound: str
) -> None:
    monkeypatch.setattr(guards, bound, 0.05)
    told: list[HTTPException] = []

    async def receive() -> dict[str, object]:
        await asyncio.sleep(pause)
        return {"type": "http.request", "body": b"x", "more_body": True}

    async def reading(_: object, receive: Receive, send: Send) -> None:
        try:
            while True:
                await receive()
        except HTTPException as error:
            told.append(error)

    async def story() -> None:
        guarding = Guards(reading, (), 1000, service.metrics)
        await guarding({"type": "http", "method": "POST", "path": "/", "headers": []}, receive, receive)
        assert guarding.num_held == 0

    asyncio.run(story())
    (error,) = told
    assert error.status_code == 408
    assert "before its end" in error.detail


def test_whoever_has_sent_all_may_wait(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guards, "SILENCE_S", 0.02)
    monkeypatch.setattr(guards, "BODY_S", 0.02)
    coming = iter([{"type": "http.request", "body": b"x"}, {"type": "http.disconnect"}])

    async def receive() -> dict[str, object]:
        message = next(coming)
        await asyncio.sleep(0 if "body" in message else 0.1)
        return message

    async def reading(_: object, receive: Receive, send: Send) -> None:
        assert [(await receive())["type"] for _ in range(2)] == ["http.request", "http.disconnect"]

    scope = {"type": "http", "method": "POST", "path": "/", "headers": []}
    asyncio.run(Guards(reading, (), 1000, service.metrics)(scope, receive, receive))


def test_prompt_and_answer_keep_to_their_tokens(strict: httpx.Client) -> None:
    whole = strict.post("/v1/chat/completions", json={"messages": HELLO, "min_tokens": 60, "max_tokens": 5000}).json()
    assert whole["usage"]["total_tokens"] <= 200
    long = [{"role": "user", "content": "x" * 500}]
    refused = strict.post("/v1/chat/completions", json={"messages": long})
    assert refused.status_code == 400
    assert "room for 199" in refused.json()["error"]["message"]
    too_many = strict.post("/v1/chat/completions", json={"messages": HELLO, "n": 3})
    assert too_many.json()["error"] == {
        "message": "n must be a whole number from 1 to 2, got 3",
        "type": "invalid_request_error",
        "param": "n",
        "code": None,
    }


def test_who_finds_no_place_may_come_again(service: Service, guarded: str) -> None:
    """The client waits as long as it was told, and then there is a place."""
    service.gate.num_running += 1
    try:
        asked = {"model": "nano", "messages": HELLO, "max_tokens": 1}
        with openai.OpenAI(base_url=f"{guarded}/v1", api_key="first key", max_retries=0) as client:
            with pytest.raises(openai.RateLimitError, match="are waiting already") as caught:
                client.chat.completions.create(**asked)
            assert caught.value.response.headers["retry-after"] == "1"
            assert caught.value.code == "rate_limit_exceeded"
        counted = httpx.post(
            f"{guarded}/tokenize", json={"messages": HELLO}, headers={"Authorization": "Bearer first key"}
        )
        assert counted.status_code == 429
        seen = []

        def freed(response: httpx.Response) -> None:
            seen.append(response.status_code)
            service.gate.num_running = 0

        with httpx.Client(event_hooks={"response": [freed]}) as http:
            patient = openai.OpenAI(base_url=f"{guarded}/v1", api_key="first key", http_client=http)
            assert patient.chat.completions.create(**asked).choices
        assert seen == [429, 200]
    finally:
        service.gate.num_running = 0


def counts(client: httpx.Client) -> dict[str, float]:
    lines = client.get("/metrics").text.splitlines()
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if line[0] != "#")}


def test_nothing_is_counted_before_the_first_request(assistant: Demiglace) -> None:
    limits = Limits()
    service = Service.of("nano", assistant, limits, MediaSources(limits), EngineConfig())
    with running(create_app(service)):
        lines = service.metrics.text().decode().splitlines()
    numbers = {line for line in lines if line[0] != "#" and "_created" not in line}
    assert len(numbers) > 50
    assert {line for line in numbers if float(line.rpartition(" ")[2])} == set()


@pytest.mark.parametrize("is_stream", [True, False])
def test_a_client_that_hangs_up_stops_the_work(service: Service, strict: httpx.Client, is_stream: bool) -> None:
    name = 'demiglace_answers_total{stopped_by="length"}'
    before = counts(strict).get(name, 0)
    asked = {"messages": HELLO, "min_tokens": 150, "max_tokens": 150, "stream": is_stream}
    with suppress(httpx.ReadTimeout), strict.stream("POST", CHAT, json=asked, timeout=0.1) as response:
        next(response.iter_raw())
    answer = None
    while answer is None or answer.status_code == 429:
        answer = strict.post(CHAT, json={"messages": HELLO, "max_tokens": 1})
    assert answer.status_code == 200
    assert counts(strict)[name] == before + 1  # of the second request alone
    assert not service.under_way


def test_metrics_count_requests_and_tokens(strict: httpx.Client) -> None:
    before = counts(strict)
    picture = {"type": "image_url", "image_url": data_url("heading.png", "image/png")}
    told = strict.post("/v1/chat/completions", json={"messages": [{"role": "user", "content": [picture]}]}).json()
    after = counts(strict)
    assert after["demiglace_visual_tokens_total"] - before["demiglace_visual_tokens_total"] == 64
    for name in ("prompt_tokens", "completion_tokens"):
        ours = f"demiglace_{name.replace('completion', 'new')}_total"
        assert after[ours] - before[ours] == told["usage"][name]
    assert after['demiglace_requests_total{route="/v1/chat/completions",status="200"}'] >= 1
    assert after["demiglace_running_requests"] == 0
