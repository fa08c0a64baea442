"""The FastAPI application: routes, errors in one format, startup and shutdown."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response

from demiglace import __version__
from demiglace.fields import short_repr
from demiglace.server.chat_completions import chat_completion
from demiglace.server.completions import completion, detokenize, tokenize
from demiglace.server.errors import ApiError, malformed
from demiglace.server.guards import Guards
from demiglace.server.page_files import add_page
from demiglace.server.previews import preview
from demiglace.server.protocol import (
    ChatRequest,
    CompletionRequest,
    DetokenizeRequest,
    Fault,
    PreviewRequest,
    ResponsesRequest,
    TokenizeRequest,
)
from demiglace.server.requests import THINK_SUFFIX
from demiglace.server.responses import response
from demiglace.server.service import Service
from demiglace.server.streaming import EventStream, unless_left
from demiglace.server.uploads import upload_of

log = logging.getLogger(__name__)

FAULT: dict[str, Any] = {"model": Fault, "description": "What went wrong, in one line."}
FORM = {
    "type": "object",
    "required": ["file"],
    "properties": {"file": {"type": "string", "format": "binary"}, "purpose": {"type": "string"}},
}
UPLOAD = {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": FORM}}}}
NO_ROUTE = ("Not Found", "Method Not Allowed")  # what Starlette says of a path or a method without a route
CLIENT_LEFT = 499  # nginx's status code; no client reads it


def create_app(service: Service) -> FastAPI:
    """The application of a service; it starts and stops the service."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await service.start()
        try:
            yield
        finally:
            service.close()

    app = FastAPI(title="Demiglace", version=__version__, lifespan=lifespan, responses={"4XX": FAULT, "5XX": FAULT})
    app.add_exception_handler(ApiError, _api_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(ClientDisconnect, _left)
    app.add_exception_handler(Exception, _own_error)
    app.add_middleware(Guards, keys=service.keys, max_bytes=service.limits.max_bytes, metrics=service.metrics)
    _add_routes(app, service)
    add_page(app)
    return app


def _add_routes(app: FastAPI, service: Service) -> None:
    _add_answers(app, service)
    _add_models(app, service)
    _add_files(app, service)

    @app.get("/health")
    async def health() -> Response:
        is_closing = service.gate.is_closing
        return JSONResponse({"status": "closing" if is_closing else "ok"}, 503 if is_closing else 200)

    @app.get("/metrics")
    async def metrics() -> Response:
        return Response(service.metrics.text(), media_type=CONTENT_TYPE_LATEST)


def _add_answers(app: FastAPI, service: Service) -> None:
    @app.post("/v1/chat/completions")
    async def chat_completions(body: ChatRequest, request: Request) -> Response:
        return await _answered(request, chat_completion(body, service))

    @app.post("/v1/completions")
    async def completions(body: CompletionRequest, request: Request) -> Response:
        return await _answered(request, completion(body, service))

    @app.post("/v1/responses")
    async def responses(body: ResponsesRequest, request: Request) -> Response:
        return await _answered(request, response(body, service))

    @app.post("/v1/preview")
    async def previews(body: PreviewRequest, request: Request) -> Response:
        return await _answered(request, preview(body, service))

    @app.post("/tokenize")
    async def tokens(body: TokenizeRequest, request: Request) -> Response:
        return await _answered(request, tokenize(body, service))

    @app.post("/detokenize")
    async def text(body: DetokenizeRequest, request: Request) -> Response:
        return await _answered(request, detokenize(body, service))


def _add_models(app: FastAPI, service: Service) -> None:
    @app.get("/v1/models")
    async def models() -> dict[str, Any]:
        return {"object": "list", "data": [_model(service, name) for name in _names(service)]}

    @app.get("/v1/models/{name:path}")
    async def model(name: str) -> dict[str, Any]:
        service.thinks_by_name(name)
        return _model(service, name)


def _add_files(app: FastAPI, service: Service) -> None:
    uploads = service.sources.uploads

    @app.post("/v1/files", openapi_extra=UPLOAD)
    async def upload(request: Request) -> dict[str, Any]:
        added = upload_of(request.headers.get("content-type", ""), await request.body())
        uploads.add(added)
        return added.fields

    @app.get("/v1/files/{file_id}")
    async def file(file_id: str) -> dict[str, Any]:
        return uploads.get(file_id).fields

    @app.delete("/v1/files/{file_id}")
    async def deleted(file_id: str) -> dict[str, Any]:
        uploads.remove(file_id)
        return {"id": file_id, "object": "file", "deleted": True}


async def _answered(request: Request, work: Awaitable[dict[str, Any] | EventStream]) -> Response:
    """Stops the work if the client disconnects."""
    result = await unless_left(work, request.receive)
    if result is None:
        return Response(status_code=CLIENT_LEFT)
    return result if isinstance(result, Response) else EncodableResponse(result)


class EncodableResponse(JSONResponse):
    """Replaces characters that UTF-8 cannot encode, as streams do: an answer may repeat parts of its request."""

    def render(self, content: Any) -> bytes:
        text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        return text.encode(errors="replace")


def _names(service: Service) -> tuple[str, str]:
    return service.name, service.name + THINK_SUFFIX


def _model(service: Service, name: str) -> dict[str, Any]:
    return {
        "id": name,
        "object": "model",
        "created": service.created,
        "owned_by": "demiglace",
        "max_model_len": service.room + 1,
    }


async def _api_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    return error.response


async def _validation_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return malformed(error.errors()).response


async def _left(_: Request, error: Exception) -> Response:
    """The client disconnected while sending its body."""
    return Response(status_code=CLIENT_LEFT)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.detail not in NO_ROUTE:
        return ApiError(error.status_code, str(error.detail)).response
    message = f"there is no route {short_repr(f'{request.method} {request.url.path}')}; GET /openapi.json lists all"
    return ApiError(error.status_code, message, code="no_route").response


async def _own_error(_: Request, error: Exception) -> Response:
    return ApiError(500, "internal server error", code="internal_error").response
