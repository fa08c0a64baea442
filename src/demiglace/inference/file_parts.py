"""Files and other inputs of users -> parts of a conversation."""

from __future__ import annotations

from os import PathLike

import PIL.Image

from demiglace.conversation import Document, Image, Part, Video
from demiglace.media.pictures import kind_of

PartSource = str | PathLike[str] | PIL.Image.Image | Part


def part_of(source: PartSource) -> Part:
    """A file or PIL image as a part of a conversation; parts stay unchanged. A file's kind is detected by its bytes.

    An animated GIF, WebP, PNG or AVIF becomes an image of its first frame; wrap it in `Video` to use all frames.
    """
    if isinstance(source, Part):
        return source
    if isinstance(source, PIL.Image.Image):
        return Image(source)
    return {"image": Image, "animation": Image, "document": Document, "video": Video}[kind_of(source)](source)
