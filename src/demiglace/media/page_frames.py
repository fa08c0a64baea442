"""Which frames of a picture file are pages: those of a TIFF or DCX, the formats of scanners and fax machines."""

from __future__ import annotations

from PIL import Image

PAGED_FORMATS = ("TIFF", "DCX")
MAX_FRAMES = 10_000  # ours

_NEW_SUBFILE_TYPE, _OLD_SUBFILE_TYPE = 254, 255  # TIFF 6.0, section 8
_REDUCED, _MASK = 1, 4  # bits of the new type
_OLD_REDUCED = 2
_X_RESOLUTION, _Y_RESOLUTION, _ORIENTATION = 282, 283, 274
_LEAST_STRETCH, _MOST_STRETCH = 1.05, 4.0  # ours; a fax in its standard resolution is 204 x 98 dots an inch


def page_frames(image: Image.Image, name: str) -> list[int]:
    """The frames of an opened picture that are its pages, counted from 0; the image is left at the first of them.

    A reduced copy of a page, or its mask, is not a page. A damaged frame counts as the last page; opening it fails.
    Pictures of other formats have one page, their current frame. ValueError if there are more than `MAX_FRAMES` frames.
    """
    if image.format not in PAGED_FORMATS:
        return [image.tell()]
    frames = []
    for frame in range(MAX_FRAMES + 1):
        try:
            image.seek(frame)
        except EOFError:
            break
        except Exception:  # decoders raise nearly anything on damaged bytes
            frames.append(frame)
            break
        if _is_page(image):
            frames.append(frame)
    else:
        raise ValueError(f"{name} has more than {MAX_FRAMES} frames")
    frames = frames or [0]
    image.seek(frames[0])
    return frames


def dots(image: Image.Image) -> tuple[float, float]:
    """The factors by which width and height of an upright TIFF page must be stretched to make its dots square.

    Nearly always (1, 1). Call it before the pixels are loaded: loading rotates the page and drops its orientation.
    """
    tags = getattr(image, "tag_v2", {})
    try:
        across, down = float(tags[_X_RESOLUTION]), float(tags[_Y_RESOLUTION])
        stretch = across / down
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return 1.0, 1.0
    if not _LEAST_STRETCH < max(stretch, 1 / stretch if stretch > 0 else 0) <= _MOST_STRETCH:
        return 1.0, 1.0
    factors = max(1 / stretch, 1.0), max(stretch, 1.0)
    return factors[::-1] if tags.get(_ORIENTATION) in (5, 6, 7, 8) else factors


def _is_page(image: Image.Image) -> bool:
    tags = getattr(image, "tag_v2", {})
    try:
        kind = int(tags.get(_NEW_SUBFILE_TYPE, 0))
    except (TypeError, ValueError):  # a damaged tag must not hide a page
        kind = 0
    return not kind & (_REDUCED | _MASK) and tags.get(_OLD_SUBFILE_TYPE) != _OLD_REDUCED
