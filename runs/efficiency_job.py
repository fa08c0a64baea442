"""The job `efficiency`: what an answer about a clip takes at full size, beside two other architectures."""

from __future__ import annotations

from order import Order
from video_efficiency import CLIPS
from video_gpu import TINY_CLIPS, VIDEO_MME, markdown
from video_gpu import run as measure

RESERVE = 10  # seconds


def run(order: Order) -> bool:
    """False where not all was reached in time."""
    size, clips = ("reduced", TINY_CLIPS) if order.tiny else ("full", (*CLIPS, *VIDEO_MME.values()))
    told = measure(size, order.device.type, order.seconds_left - RESERVE, clips, order.out / "video_gpu.json")
    order.log(markdown(told))
    return all(row["outcome"] != "not reached" for row in told["rows"])
