"""Self-contained HTML pages: their style, and embedded pictures."""

from __future__ import annotations

import base64
import html
import io

import PIL.Image

_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222; }
section { border-top: 1px solid #ccc; padding: 1rem 0; }
img { max-width: 100%; image-rendering: pixelated; }
table { border-collapse: collapse; width: 100%; }
td, th { text-align: left; vertical-align: top; padding: .2rem .6rem; border-bottom: 1px solid #eee; }
pre { white-space: pre-wrap; margin: 0; font: inherit; }
.thoughts { color: #777; }
"""


def html_page(title: str, body: str) -> str:
    """`title`, plain text, is the first heading too; `body` is HTML."""
    name = html.escape(title)
    head = f'<meta charset="utf-8"><title>{name}</title><style>{_STYLE}</style>'
    return f"<!doctype html><html><head>{head}</head><body><h1>{name}</h1>{body}</body></html>\n"


def answer_cell(thoughts: str, answer: str) -> str:
    """Contents of a table cell: reasoning, if any, above the answer; both plain text."""
    above = f'<pre class="thoughts">{html.escape(thoughts)}</pre>' if thoughts else ""
    return f"{above}<pre>{html.escape(answer)}</pre>"


def picture_address(picture: PIL.Image.Image) -> str:
    """The picture as a data URL with PNG."""
    held = io.BytesIO()
    picture.save(held, format="PNG")
    return f"data:image/png;base64,{base64.b64encode(held.getvalue()).decode()}"
