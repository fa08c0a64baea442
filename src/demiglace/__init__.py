"""Demiglace: an open implementation of MiniCPM-V 4.5. Asking a model takes three lines:

    from demiglace import Demiglace

    answer = Demiglace.load().ask("What does it say?", "page.png")

The names in `__all__` are public, and imported on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from demiglace.conversation import Conversation, Document, Image, Message, Part, Text, Video, VideoSampling
    from demiglace.engine.guided import Guide
    from demiglace.engine.sampling import SamplingParams
    from demiglace.inference.answer import Answer
    from demiglace.inference.demiglace import Demiglace
    from demiglace.model.folded_resampler import fold_resampler
    from demiglace.model.hub import folder_of
    from demiglace.model.presets import preset
    from demiglace.model.weights import write_config
    from demiglace.processing.processor import Processor
    from demiglace.processing.processor_config import ProcessorConfig
    from demiglace.processing.tokenizer import Tokenizer
    from demiglace.scoring.answer_match import is_right
    from demiglace.scoring.arithmetic.claims import wrong_claims
    from demiglace.synthesis.questions.receipts_forms import random_receipt

__version__ = "0.1.0"

# Name -> the module it is imported from on first use, so that `import demiglace` does not wait for torch.
_HOMES = {
    "Answer": "demiglace.inference.answer",
    "Conversation": "demiglace.conversation",
    "Demiglace": "demiglace.inference.demiglace",
    "Document": "demiglace.conversation",
    "Guide": "demiglace.engine.guided",
    "Image": "demiglace.conversation",
    "Message": "demiglace.conversation",
    "Part": "demiglace.conversation",
    "Processor": "demiglace.processing.processor",
    "ProcessorConfig": "demiglace.processing.processor_config",
    "SamplingParams": "demiglace.engine.sampling",
    "Text": "demiglace.conversation",
    "Tokenizer": "demiglace.processing.tokenizer",
    "Video": "demiglace.conversation",
    "VideoSampling": "demiglace.conversation",
    "fold_resampler": "demiglace.model.folded_resampler",
    "folder_of": "demiglace.model.hub",
    "is_right": "demiglace.scoring.answer_match",
    "preset": "demiglace.model.presets",
    "random_receipt": "demiglace.synthesis.questions.receipts_forms",
    "write_config": "demiglace.model.weights",
    "wrong_claims": "demiglace.scoring.arithmetic.claims",
}

__all__ = [
    "Answer",
    "Conversation",
    "Demiglace",
    "Document",
    "Guide",
    "Image",
    "Message",
    "Part",
    "Processor",
    "ProcessorConfig",
    "SamplingParams",
    "Text",
    "Tokenizer",
    "Video",
    "VideoSampling",
    "__version__",
    "fold_resampler",
    "folder_of",
    "is_right",
    "preset",
    "random_receipt",
    "write_config",
    "wrong_claims",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
