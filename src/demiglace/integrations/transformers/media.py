"""Pictures and videos in the forms that callers of transformers pass -> sources that `processing` opens.

A picture is a local path or a `file:` URL, bytes, base64 text (bare or as a `data:` URL), a PIL image, or an array:
rows, columns and 1, 3 or 4 channels, or channels first; integers from 0 to 255 or floats from 0 to 1.
A video is likewise a path, a URL, bytes or text, or its frames: a sequence of pictures, or one array of all of them.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from os import PathLike, path
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import numpy as np
import PIL.Image
import torch

from demiglace.media.pictures import MAX_BYTES

LEAST_BARE_BASE64 = 64  # characters of bare base64: a shorter text is always taken for a file name
CHANNELS = (1, 3, 4)

Array = np.ndarray | torch.Tensor


def picture_of(given: Any) -> str | PathLike[str] | bytes | PIL.Image.Image:
    """`given` as a picture's source; ValueError if it cannot be one."""
    if isinstance(given, PathLike | bytes | PIL.Image.Image):
        return given
    if isinstance(given, str):
        return _file_of(given)
    if isinstance(given, Array):
        return _picture_of_array(given)
    raise ValueError(f"an image must be a path, bytes, base64, a PIL image or an array, got {type(given).__name__}")


def video_of(given: Any) -> str | PathLike[str] | bytes | Sequence[Any]:
    """`given` as a video's source; ValueError if it cannot be one."""
    if isinstance(given, PathLike | bytes):
        return given
    if isinstance(given, str):
        return _file_of(given)
    if isinstance(given, list | tuple) or (isinstance(given, Array) and given.ndim == 4):
        return [picture_of(frame) for frame in given]
    raise ValueError(f"a video must be a path, bytes, base64 or a list of frames, got {type(given).__name__}")


def decoded(text: Any) -> bytes:
    """The bytes of base64 text, bare or as a `data:` URL. ValueError if it is invalid or has too many bytes."""
    if not isinstance(text, str):
        raise ValueError(f"base64 must be text, got {type(text).__name__}")
    if len(text) > MAX_BYTES // 3 * 4:
        raise ValueError(f"base64 of {len(text)} characters holds more than the {MAX_BYTES} bytes taken")
    head, comma, body = text.partition(",")
    if text[:5].lower() == "data:" and not (comma and head.lower().endswith(";base64")):
        raise ValueError(f"an address with data in it must hold base64, got {head!r:.50}")
    try:
        return base64.b64decode("".join((body if comma else text).split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"the given base64 cannot be decoded: {error}") from error


def is_frames(given: Any) -> bool:
    """Whether a list among videos is the frames of one video, rather than several videos."""
    return (
        isinstance(given, list | tuple)
        and len(given) > 0
        and all(isinstance(frame, PIL.Image.Image) or (isinstance(frame, Array) and frame.ndim < 4) for frame in given)
    )


def _file_of(text: str) -> str | Path | bytes:
    if text[:5].lower() == "data:":
        return decoded(text)
    if text[:5].lower() == "file:":
        address = urlsplit(text)
        if address.netloc not in ("", "localhost"):
            raise ValueError(f"{text!r:.80} is a file of another machine")
        return Path(url2pathname(address.path))
    if len(text) < LEAST_BARE_BASE64 or path.exists(text):
        return text
    try:
        return decoded(text)
    except ValueError:
        return text


def _picture_of_array(given: Array) -> PIL.Image.Image:
    values = _rows_and_columns(given)
    if not (np.issubdtype(values.dtype, np.integer) or np.issubdtype(values.dtype, np.floating)):
        raise ValueError(f"an image's values must be integers or floats, got {values.dtype}")
    most, (low, high) = 255 if np.issubdtype(values.dtype, np.integer) else 1, (values.min(), values.max())
    if not (low >= 0 and high <= most):
        raise ValueError(f"an image's {values.dtype} values must lie from 0 to {most}, got {low} to {high}")
    return PIL.Image.fromarray(np.rint(values * (255 // most)).astype(np.uint8))


def _rows_and_columns(given: Array) -> np.ndarray:
    """(rows, columns) or (rows, columns, 3 or 4); channels come first in tensors, and in arrays if they must."""
    is_tensor = isinstance(given, torch.Tensor)
    if isinstance(given, torch.Tensor):  # numpy has no bfloat16
        values = given.detach().cpu().to(torch.float32 if given.is_floating_point() else given.dtype).numpy()
    else:
        values = given
    if 0 in values.shape or values.ndim not in (2, 3):
        raise ValueError(f"an image must have rows, columns and perhaps channels, got the shape {tuple(values.shape)}")
    if values.ndim == 2:
        return values
    is_first, is_last = values.shape[0] in CHANNELS, values.shape[2] in CHANNELS
    if not is_first and not is_last:
        raise ValueError(f"an image must have 1, 3 or 4 channels, got the shape {tuple(values.shape)}")
    if is_first and (is_tensor or not is_last):
        values = np.moveaxis(values, 0, 2)
    return values.squeeze(2) if values.shape[2] == 1 else values
