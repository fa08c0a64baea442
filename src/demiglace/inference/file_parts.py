"""Files and other inputs of users -> parts of a conversation."""

from __future__ import annotations

from os import PathLike

import PIL.Image

from demiglace.conversation import Document, Image, Part, Video
from demiglace.media.pictures import kind_of

PartSource = str | PathLike[str] | PIL.Image.Image | Part


def part_of(source: PartSource) -> Part:
    """What a file, a PIL image or already a part is in a conversation. A file's kind is found in its bytes.

    An animated GIF, WebP, PNG or AVIF is the image that its first frame is; as a `Video` it is watched.
    """
    if isinstance(source, Part):
        return source
    if isinstance(source, PIL.Image.Image):
        return Image(source)
    return {"image": Image, "animation": Image, "document": Document, "video": Video}[kind_of(source)](source)
