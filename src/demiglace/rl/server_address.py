"""Whether a text is a valid address of a server; an invalid one would cost minutes of retries."""

from __future__ import annotations

from urllib.parse import urlsplit


def check_address(address: str) -> None:
    """ValueError unless it is http:// or https:// with a host, a port if any from 1 to 65535, and no spaces."""
    try:
        parts = urlsplit(address)
        is_one = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:  # a port that is not a number, an incomplete IPv6 address
        is_one = False
    if not is_one or not address.isprintable() or " " in address:
        raise ValueError(f"a server's address is such as http://127.0.0.1:8000/v1, got {address!r:.100}")
