"""What goes wrong, as clients of OpenAI's API read it: one object, whatever the cause."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

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
    """A request that is answered by an error.

    status: of HTTP. param: the field at fault, such as "messages.0.content". code: a word for programs.
    """

    def __init__(self, status: int, message: str, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.param, self.code = status, message, param, code

    @property
    def body(self) -> dict[str, Any]:
        """As JSON has it; characters that UTF-8 cannot hold are replaced."""
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
    def headers(self) -> Mapping[str, str]:
        return {"Retry-After": str(RETRY_AFTER_S)} if self.status in (429, 503) else {}


def refused(message: str, param: str | None = None, code: str | None = None) -> ApiError:
    """A request that is at fault itself."""
    return ApiError(400, " ".join(message.split()), param, code)


def malformed(found: Sequence[Mapping[str, Any]], where: str = "") -> ApiError:
    """What pydantic found, as one line about the first field at fault. where: the place of what it looked at."""
    places = [(_place([where, *one["loc"]]), str(one["msg"])) for one in found]
    place = max((place for place, _ in places), key=len)
    told = " or ".join(dict.fromkeys(text for other, text in places if other == place))  # of a union, each kind
    return refused(f"{place}: {told}" if place else told, place or None)


def _place(loc: Sequence[int | str]) -> str:
    """Without names of types, which pydantic adds where a field may be of several."""
    kinds = ("", "body", "str", "int")
    return ".".join(str(one) for one in loc if one not in kinds and "[" not in str(one))


def encodable(text: str) -> str:
    """JSON may carry half of a surrogate pair, which no answer can."""
    return text.encode(errors="replace").decode()
