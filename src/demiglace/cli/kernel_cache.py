"""How many compiled kernels oneDNN keeps for torch, chosen before torch is loaded.

On a CPU with bfloat16 units a kernel is compiled for each new matrix shape, and the last 1,024 are kept, about a
megabyte each. Rows, prompts and batches change their lengths all the time, so memory grows for hours
(`findings/torch_bfloat16_keeps_every_shape.sh`).
"""

from __future__ import annotations

from collections.abc import MutableMapping

CAPACITY_VARIABLE = "ONEDNN_PRIMITIVE_CACHE_CAPACITY"  # read once, before the first product
USER_SETTINGS = (
    CAPACITY_VARIABLE,
    "DNNL_PRIMITIVE_CACHE_CAPACITY",
)  # the second is the older name, which oneDNN still reads
NUM_KERNELS = "256"  # ours


def limit_kernel_cache(environment: MutableMapping[str, str]) -> None:
    """Keep a quarter of what oneDNN would keep, unless the user chose otherwise."""
    if not any(name in environment for name in USER_SETTINGS):
        environment[CAPACITY_VARIABLE] = NUM_KERNELS
