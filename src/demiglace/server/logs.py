"""Log lines as readable text, or as JSON for programs."""

from __future__ import annotations

import json
import logging
import time
from typing import Any

from demiglace.server.errors import encodable


class JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        fields: dict[str, Any] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created)),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            fields["traceback"] = self.formatException(record.exc_info)
        return encodable(json.dumps(fields, ensure_ascii=False))


class LineFormatter(logging.Formatter):
    """Time of day and message; clients' control characters cannot affect the terminal."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(message)s", "%H:%M:%S")

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        return "".join(char if char.isprintable() or char in "\n\t" else "?" for char in encodable(text))


def set_up(is_json: bool) -> None:
    """Send log lines of the server and of uvicorn to stderr."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter() if is_json else LineFormatter())
    for name, level in (("demiglace", logging.INFO), ("uvicorn", logging.WARNING)):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(level)
