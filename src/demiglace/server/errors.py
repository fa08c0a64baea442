"""Errors in the format of OpenAI's API: one object for every cause."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.responses import JSONResponse

STATUS_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
    503: "service_unavailable_error",
}
RETRY_AFTER_S = 1  # ours: a queue of short answers moves within a second


class ApiError(Exception):
    """An error response to a request.

    status: of HTTP. param: the field at fault, such as "messages.0.content". code: a machine-readable word.
    """

    def __init__(self, status: int, message: str, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.param, self.code = status, message, param, code

    @property
    def body(self) -> dict[str, Any]:
        """The JSON object; characters that UTF-8 cannot encode are replaced."""
        kind = STATUS_TYPES.get(self.status, "invalid_request_error" if self.status < 500 else "server_error")
        return {
            "error": {
                "message": encodable(self.message),
                "type": kind,
                "param": self.param and encodable(self.param),
                "code": self.code,
            }
        }

    @property
    def response(self) -> JSONResponse:
        headers = {"Retry-After": str(RETRY_AFTER_S)} if self.status in (429, 503) else None
        return JSONResponse(self.body, self.status, headers)


def refused(message: str, param: str | None = None, code: str | None = None) -> ApiError:
    """The error of an invalid request."""
    return ApiError(400, " ".join(message.split()), param, code)


def malformed(found: Sequence[Mapping[str, Any]], where: str = "") -> ApiError:
    """Errors from pydantic, as one line about one field. where: the path of the validated object."""
    places = [(_place([where, *one["loc"]]), str(one["msg"])) for one in found]
    place = max((place for place, _ in places), key=len)
    texts = dict.fromkeys(text for other, text in places if other == place)  # one for each type of a union
    message = " or ".join(texts)
    return refused(f"{place}: {message}" if place else message, place or None)


def _place(loc: Sequence[int | str]) -> str:
    """The path of a field, without the names of types that pydantic adds for unions."""
    kinds = ("", "body", "str", "int")
    return ".".join(str(one) for one in loc if one not in kinds and "[" not in str(one))


def encodable(text: str) -> str:
    """Replaces lone surrogates, which JSON may contain but UTF-8 cannot encode."""
    return text.encode(errors="replace").decode()
