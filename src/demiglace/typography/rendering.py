"""Texts rendered into images, with the exact box of every character."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from demiglace.documents.corruption.degradation import degrade
from demiglace.typography.font_folder import sample_folder_face
from demiglace.typography.fonts import Face, sample_face
from demiglace.typography.line_samples import sample_text
from demiglace.typography.style_samples import USUAL_GAPS, WordGaps, random_style
from demiglace.typography.typesetting import Setting, TextStyle, set_lines

FOLDER_SHARE = 0.5  # of the samples is drawn in faces of a folder, if one is given (ours)
MAX_PIXELS = 250_000  # of a drawn picture; one warped afterwards may be a little larger


@dataclass(frozen=True)
class Rendered:
    """A picture and its text.

    picture: uint8 (height, width) or (height, width, 3).
    text: the lines, joined by newlines.
    boxes: float32 (characters, 4), left, top, right, bottom in pixels; spaces are characters, newlines are not.
    line_of: int64 (characters,), the line of each character.
    """

    picture: np.ndarray
    text: str
    boxes: np.ndarray
    line_of: np.ndarray


def render_block(lines: list[str], face: Face, style: TextStyle) -> Rendered:
    """Draw `lines` one below the other; ValueError if there is no character.

    Boxes of a line tile it without gaps, by the advance widths; they extend from the top of the
    ascenders to the bottom of the descenders, and are clipped to the picture.
    """
    if not any(lines):
        raise ValueError(f"nothing to draw in {len(lines)} lines")
    setting = set_lines(lines, face, style)
    mask = _draw(lines, setting, style)
    size = _final_size(setting, style)
    boxes = setting.boxes * np.tile(np.divide(size, setting.size), 2)
    boxes = boxes.clip(0, np.tile(size, 2)).astype(np.float32)
    if mask.size != size:
        halved = size[0] < 0.7 * mask.width
        mask = mask.resize(size, Image.Resampling.BOX if halved else Image.Resampling.BICUBIC)
    line_of = np.repeat(np.arange(len(lines)), [len(line) for line in lines])
    return Rendered(_colour(np.asarray(mask), style), "\n".join(lines), boxes, line_of)


def random_sample(
    rng: np.random.Generator,
    max_lines: int = 1,
    max_characters: int = 40,
    fonts: Path | None = None,
    gaps: WordGaps = USUAL_GAPS,
) -> Rendered:
    """A picture of 1 to `max_lines` lines with at most `max_characters` characters in all, rendered and degraded.

    The same state of `rng` gives the same sample. About a third is clean or nearly so. With `fonts`, a folder, half of
    the samples use its faces; ValueError if it has none.
    """
    lines = random_lines(rng, max_lines, max_characters)
    face = sample_face(rng) if fonts is None or rng.random() > FOLDER_SHARE else sample_folder_face(rng, fonts)
    return degraded(rng, render_block(lines, face, random_style(rng, lines, face, MAX_PIXELS, gaps)))


def degraded(rng: np.random.Generator, drawn: Rendered) -> Rendered:
    """The image degraded with a random strength, 0 in a quarter of the cases."""
    strength = 0.0 if rng.random() < 0.25 else float(rng.beta(1.2, 1.6))
    picture, boxes = degrade(rng, drawn.picture, drawn.boxes, strength)
    return replace(drawn, picture=picture, boxes=boxes)


def random_lines(rng: np.random.Generator, max_lines: int, max_characters: int) -> list[str]:
    """1 to `max_lines` lines, at most `max_characters` characters in all; half of the multi-line ones are one text."""
    count = int(rng.integers(1, min(max_lines, max_characters) + 1))
    longest = max_characters // count
    length = max(1, round(longest ** rng.uniform(0.65, 1.0)))
    if count > 1 and rng.random() < 0.5:
        return _wrap(sample_text(rng, length * count), length, count)
    return [sample_text(rng, length) for _ in range(count)]


def _wrap(text: str, length: int, count: int) -> list[str]:
    """The words of `text` in at most `count` lines of at most `length` characters; the rest is dropped."""
    lines = [""]
    for word in text.split():
        joined = f"{lines[-1]} {word}".strip()
        if len(joined) <= length:
            lines[-1] = joined
        elif lines[-1]:
            lines.append(word[:length])
        else:
            lines[-1] = word[:length]
    return lines[:count]


def _draw(lines: list[str], setting: Setting, style: TextStyle) -> Image.Image:
    """Ink coverage of each pixel, 0 to 255."""
    mask = Image.new("L", setting.size)
    draw = ImageDraw.Draw(mask)
    for line, edges, runs, baseline in zip(lines, setting.edges, setting.runs, setting.baselines, strict=True):
        for start, stop in zip(runs, [*runs[1:], len(line)], strict=True):
            if line[start:stop].strip():
                draw.text((edges[start], baseline), line[start:stop], 255, setting.font, anchor="ls")
        if style.underlined and line:
            y = round(baseline + setting.cap * 0.18)
            draw.rectangle((edges[0], y, edges[-1], y + round(setting.cap / 20)), 255)
    _draw_surroundings(draw, setting, style)
    return mask


def _draw_surroundings(draw: ImageDraw.ImageDraw, setting: Setting, style: TextStyle) -> None:
    """Draws what a crop of a page also shows: parts of neighbouring lines, and rules of a table."""
    start, pitch = setting.edges[0][0], style.pitch * setting.cap
    for text, baseline in ((style.above, setting.baselines[0] - pitch), (style.below, setting.baselines[-1] + pitch)):
        if text:
            draw.text((start, baseline), text, 255, setting.font, anchor="ls")
    width, height = setting.size
    thick = round(setting.cap / 15)
    left, top, right, bottom = (None if rule is None else round(rule * setting.cap) for rule in style.rules)
    for x in (left, None if right is None else width - 1 - thick - right):
        if x is not None:
            draw.rectangle((x, 0, x + thick, height), 255)
    for y in (top, None if bottom is None else height - 1 - thick - bottom):
        if y is not None:
            draw.rectangle((0, y, width, y + thick), 255)


def _final_size(setting: Setting, style: TextStyle) -> tuple[int, int]:
    """Width and height of the picture: reduced and stretched according to the style, within `MAX_PIXELS`."""
    down = 1.0 if style.crisp else style.cap_height / setting.cap
    width = setting.size[0] * (1.0 if style.crisp else down * style.stretch)
    height = setting.size[1] * down
    shrink = min(1.0, (MAX_PIXELS / (width * height)) ** 0.5)
    return max(1, int(width * shrink)), max(1, int(height * shrink))


def _colour(mask: np.ndarray, style: TextStyle) -> np.ndarray:
    """Ink on paper: (height, width) if both are grey, else (height, width, 3)."""
    ink, paper = np.array(style.ink), np.array(style.paper)
    if len(set(style.ink)) == len(set(style.paper)) == 1:
        ink, paper = ink[0], paper[0]
    cover = np.linspace(0, 1, 256).reshape(256, *([1] * ink.ndim))
    return (paper + (ink - paper) * cover).round().astype(np.uint8)[mask]
