"""The job `decode`: tokens a second of the 8B decoder, and the share of the memory's rate."""

from __future__ import annotations

from decoding import BATCHES
from decoding import run as measure
from order import Order


def run(order: Order) -> bool:
    """False where not all could begin in time."""
    size, batches = ("reduced", (1, 2)) if order.tiny else ("full", BATCHES)
    return measure(size, order.device.type, batches, order.out / "decoding.json", order.log, order.seconds_left)
