"""A loader of vLLM that opens no clip: which frames are taken is known where the request's options are."""

from __future__ import annotations

from typing import Any

import numpy as np
from vllm.multimodal.video import VideoLoader

from demiglace.integrations.vllm.clips import LAUNCH, LOADER


class ClosedFiles(VideoLoader):
    @classmethod
    def load_bytes(cls, data: bytes, num_frames: int = -1, **options: Any) -> tuple[np.ndarray, dict[str, Any]]:
        """uint8 (bytes,) and who gives them.

        ValueError where the loader is told what to take: that is for `mm_processor_kwargs`. vLLM itself tells it to
        take 32 frames, unless it is started otherwise.
        """
        if options or num_frames != -1:
            asked = options or {"num_frames": num_frames}
            name, value = next(iter(asked.items()))
            raise ValueError(
                f"media_io_kwargs has {name} {value}: start vLLM with {LAUNCH}, and write in mm_processor_kwargs which "
                "frames are taken"
            )
        return np.frombuffer(data, np.uint8), {"video_backend": LOADER}
