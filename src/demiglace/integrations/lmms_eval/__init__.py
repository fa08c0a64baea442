"""A model for lmms-eval: `lmms-eval --model demiglace` runs our engine in its own process.

lmms-eval finds it by the entry point `lmms_eval.models`; nothing else changes there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lmms_eval.models.registry_v2 import ModelManifest


def manifest() -> ModelManifest:
    """The target of the entry point."""
    from lmms_eval.models.registry_v2 import ModelManifest  # installed wherever this is called

    return ModelManifest("demiglace", chat_class_path="demiglace.integrations.lmms_eval.model.DemiglaceForLmmsEval")
