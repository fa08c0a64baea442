"""A model of lmms-eval: `lmms-eval --model demiglace` asks our engine in its own process.

lmms-eval finds it by the entry point `lmms_eval.models`; nothing else changes there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lmms_eval.models.registry_v2 import ModelManifest


def manifest() -> ModelManifest:
    """What the entry point names."""
    from lmms_eval.models.registry_v2 import ModelManifest  # is there where this is called

    return ModelManifest("demiglace", chat_class_path="demiglace.integrations.lmms_eval.model.DemiglaceForLmmsEval")
