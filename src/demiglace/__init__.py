"""Demiglace: an open implementation of MiniCPM-V 4.5. Asking a model takes three lines:

from demiglace import Demiglace

answer = Demiglace.load().ask("What does it say?", "page.png")
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from demiglace.conversation import Conversation, Document, Image, Message, Part, Text, Video, VideoSampling
    from demiglace.inference.answer import Answer
    from demiglace.inference.demiglace import Demiglace
    from demiglace.inference.sampling import SamplingParams

__version__ = "0.1.0"

# Name -> the module it is imported from on first use, so that `import demiglace` does not wait for torch.
_HOMES = {
    "Answer": "demiglace.inference.answer",
    "Conversation": "demiglace.conversation",
    "Demiglace": "demiglace.inference.demiglace",
    "Document": "demiglace.conversation",
    "Image": "demiglace.conversation",
    "Message": "demiglace.conversation",
    "Part": "demiglace.conversation",
    "SamplingParams": "demiglace.inference.sampling",
    "Text": "demiglace.conversation",
    "Video": "demiglace.conversation",
    "VideoSampling": "demiglace.conversation",
}

__all__ = [
    "Answer",
    "Conversation",
    "Demiglace",
    "Document",
    "Image",
    "Message",
    "Part",
    "SamplingParams",
    "Text",
    "Video",
    "VideoSampling",
    "__version__",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
