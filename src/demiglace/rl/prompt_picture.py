"""What a prompt shows, as one picture."""

from __future__ import annotations

import PIL.Image

from demiglace.media.part_pictures import picture_of_parts
from demiglace.rl.prompts import Prompt


def picture_of(prompt: Prompt) -> PIL.Image.Image | None:
    """Its pictures, pages and frames side by side; None if it shows nothing."""
    return picture_of_parts(part for message in prompt.messages for part in message.content)
