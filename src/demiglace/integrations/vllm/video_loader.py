"""A vLLM loader that does not decode clips: frames are sampled later, where the request's options are known."""

from __future__ import annotations

from typing import Any

import numpy as np
from vllm.multimodal.video import VideoLoader

from demiglace.integrations.vllm.clips import LAUNCH, LOADER


class ClosedFiles(VideoLoader):
    @classmethod
    def load_bytes(cls, data: bytes, num_frames: int = -1, **options: Any) -> tuple[np.ndarray, dict[str, Any]]:
        """The file's bytes as uint8 (bytes,), and the loader's name as metadata.

        ValueError if the loader is told which frames to sample: that belongs in `mm_processor_kwargs`. By default vLLM
        itself tells it to sample 32 frames.
        """
        if options or num_frames != -1:
            asked = options or {"num_frames": num_frames}
            name, value = next(iter(asked.items()))
            raise ValueError(
                f"media_io_kwargs has {name} {value}: start vLLM with {LAUNCH}, and write in mm_processor_kwargs which "
                "frames are taken"
            )
        return np.frombuffer(data, np.uint8), {"video_backend": LOADER}
