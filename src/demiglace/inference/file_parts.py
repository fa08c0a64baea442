"""Files and other inputs of users -> parts of a conversation."""

from __future__ import annotations

from os import PathLike

import PIL.Image

from demiglace.conversation import Document, Image, Part, Video
from demiglace.media.pictures import kind_of

PartSource = str | PathLike[str] | bytes | PIL.Image.Image | Part


def part_of(source: PartSource) -> Part:
    """A file, its bytes or a PIL image as a part of a conversation; parts stay unchanged. A file's kind is detected by
    its first bytes.

    An animated GIF, WebP, PNG or AVIF becomes an image of its first frame; wrap it in `Video` to use all frames.
    """
    if isinstance(source, Part):
        return source
    if isinstance(source, PIL.Image.Image) or not isinstance(source, str | PathLike | bytes):
        return Image(source)  # which refuses anything but a PIL image
    return {"image": Image, "animation": Image, "document": Document, "video": Video}[kind_of(source)](source)
