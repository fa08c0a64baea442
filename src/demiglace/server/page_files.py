"""The web page and its files, which load nothing from other hosts and run no other scripts."""

from __future__ import annotations

from pathlib import Path

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, Response

FOLDER = Path(__file__).parent / "page"
PREFIX = "/page/"
TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}  # Windows' registry may lack them
POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "connect-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
}
HEADERS = {
    "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in POLICY.items()),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",  # a newer version is used immediately
}


def add_page(app: FastAPI) -> None:
    """Serve the page at /, and its other files below `PREFIX`."""

    @app.get("/", include_in_schema=False)
    async def page() -> Response:
        return _file("index.html")

    @app.get(PREFIX + "{name}", include_in_schema=False)
    async def page_file(name: str) -> Response:
        return _file(name)


def _file(name: str) -> Response:
    """A file directly in the folder."""
    path = next((path for path in FOLDER.iterdir() if path.name == name), None)
    if path is None or path.suffix not in TYPES:
        raise HTTPException(404, f"the page has no file {name[:60]!r}")
    return FileResponse(path, media_type=TYPES[path.suffix], headers=HEADERS)
