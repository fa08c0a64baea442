"""Where a text layer and the picture of its page disagree, glyph by glyph (ours).

Disagreements are detected from the character itself, the map it came from, its box, its direction, the ink under its
box, or shapes that these letters have in no font.
"""

from __future__ import annotations

import unicodedata

import numpy as np

from demiglace.documents.text_layer.pdf_glyphs import Glyphs

BESIDE = "beside a dropped character"
OVERLAPPING = "overlapping"
UNPRINTED = ("rotated", "invisible", "drawn twice")  # a glyph dropped for these reasons does not drop its line

_MOST_LETTERS = 3  # of a ligature; "ffi" is the longest in use
_HANGING, _TALL, _SMALL = frozenset("gpqy"), frozenset("bdhklABDEFHIKLMNPRTUVWXYZ"), frozenset("acemnorsuvwxz")
_ASIDE, _DOWN = 0.3, (0.5, 1.6)  # em from one letter of a vertical column to the next: to the side, and downwards
_FEWEST_LETTERS = 5  # different letters of a font that must occur before its shapes are judged
_MOST_CONTRADICTIONS = 0.25
_RISING = frozenset("bdhkl")
_LEAST_RISE = 0.87  # of a capital's: of `_RISING`; small capitals have 0.7 to 0.8
_LEAST_FALL = 0.06  # em below the baseline: of `_HANGING`, in any font
# Height of a small capital that looks like its lower-case letter, in heights of that letter.
_LEAST_TALLER, _MOST_TALLER = 1.04, 1.5
_FEWEST_SMALL = 3  # such letters in a word that is small capitals for their sake alone


def disagreements(glyphs: Glyphs, ink: np.ndarray) -> np.ndarray:
    """For each glyph the reason why it cannot be trusted, "" if there is none: str (glyphs,).

    ink: bool (height, width), as from `ink_of`. If there are several reasons the first is given:
    - outside: the box reaches out of the picture;
    - rotated: the glyph is not upright;
    - invisible: drawn without ink, as in the text that OCR programs put under scanned pages;
    - drawn twice: the same letters were drawn at this place before, as for shadows and imitated bold;
    - unmapped, private use, control character: the font has no usable map to letters;
    - right to left: the order of these letters in the picture is not that of the text;
    - vertical: Chinese, Japanese or Korean letters that are written downwards, column by column;
    - empty box: the glyph has no extent;
    - shared box: one glyph stands for more letters than a ligature has;
    - no contrast: no ink under the box, because the glyph has the colour of its background, is covered or clipped;
    - contradicting shapes: the font draws, say, a `p` without a descender, so its map is wrong;
    - small capitals: these glyphs alone are drawn so, by OpenType, and the layer has them in lower case.
    """
    letters = np.array([doubtful_letters(text) for text in glyphs.texts])
    reasons = {
        "outside": outside(glyphs.boxes, ink.shape),
        "rotated": ~glyphs.upright,
        "invisible": glyphs.hidden,
        "drawn twice": _drawn_twice(glyphs),
        "unmapped": ~glyphs.mapped,
        **{reason: letters == reason for reason in np.unique(letters) if reason},
        "vertical": _vertical(glyphs),
        "empty box": (glyphs.boxes[:, 2:] - glyphs.boxes[:, :2]).min(-1, initial=np.inf) < 0.01,
        "shared box": np.array([len(text) > _MOST_LETTERS for text in glyphs.texts], dtype=bool),
        "no contrast": _ink_under(glyphs.boxes, ink) == 0,
    }
    why = np.select(list(reasons.values()), [np.array(reason) for reason in reasons], "")
    sound = np.flatnonzero(why == "")
    wrong = [font for font in np.unique(glyphs.fonts[sound]) if _shapes_contradict(glyphs, sound, font)]
    why = np.where((why == "") & np.isin(glyphs.fonts, wrong), "contradicting shapes", why)
    return np.where((why == "") & _small_capitals(glyphs, np.flatnonzero(why == "")), "small capitals", why)


def doubtful_letters(text: str) -> str:
    """The reason, as in `disagreements`, why the characters of `text` cannot be read off a page, or ""."""
    categories = {unicodedata.category(character) for character in text}
    if "\ufffd" in text or categories & {"Cn", "Cs"}:
        return "unmapped"
    if "Co" in categories:
        return "private use"
    if "Cc" in categories:
        return "control character"
    leftwards = any(unicodedata.bidirectional(character) in ("R", "AL", "AN") for character in text)
    return "right to left" if leftwards else ""


def outside(boxes: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """bool (n,): whether boxes (n, 4) reach out of a picture of `size` (height, width) by more than a pixel."""
    return (boxes[:, :2] < -1).any(-1) | (boxes[:, 2] > size[1] + 1) | (boxes[:, 3] > size[0] + 1)


def _drawn_twice(glyphs: Glyphs) -> np.ndarray:
    """bool (glyphs,): whether the same letters were drawn before, within an eighth of an em."""
    seen: dict[tuple[str, int, int], tuple[float, float]] = {}
    again = np.zeros(len(glyphs), dtype=bool)
    for number, text in enumerate(glyphs.texts):
        reach = max(glyphs.ems[number] / 8, 0.01)
        x, y = glyphs.cells[number, 0], glyphs.baselines[number]
        column, row = int(x // reach), int(y // reach)
        around = [seen.get((text, column + i, row + j)) for i in (-1, 0, 1) for j in (-1, 0, 1)]
        again[number] = any(place and max(abs(place[0] - x), abs(place[1] - y)) < reach for place in around)
        seen.setdefault((text, column, row), (x, y))
    return again


def _vertical(glyphs: Glyphs) -> np.ndarray:
    """bool (glyphs,): whether a full-width glyph is right below or above its neighbour, if three ever follow so."""
    wide = np.array([unicodedata.east_asian_width(text[0]) in "WF" for text in glyphs.texts], dtype=bool)
    step = np.diff(glyphs.baselines) / glyphs.ems[1:]
    aside = np.abs(np.diff(glyphs.cells.mean(-1))) / glyphs.ems[1:]
    below = wide[1:] & wide[:-1] & (aside < _ASIDE) & (step > _DOWN[0]) & (step < _DOWN[1])
    if not (below[1:] & below[:-1]).any():
        return np.zeros(len(glyphs), dtype=bool)
    return np.append(below, False) | np.insert(below, 0, False)


def _ink_under(boxes: np.ndarray, ink: np.ndarray) -> np.ndarray:
    """The number of ink pixels in each box, after rounding it outwards by up to two pixels."""
    height, width = ink.shape
    sums = np.zeros((height + 1, width + 1), dtype=np.int64)
    sums[1:, 1:] = ink.cumsum(0, dtype=np.int64).cumsum(1)
    left, top = np.floor(boxes[:, :2]).astype(int).T - 1
    right, bottom = np.ceil(boxes[:, 2:]).astype(int).T + 1
    (left, right), (top, bottom) = np.clip([left, right], 0, width), np.clip([top, bottom], 0, height)
    return sums[bottom, right] - sums[top, right] - sums[bottom, left] + sums[top, left]


def _small_capitals(glyphs: Glyphs, sound: np.ndarray) -> np.ndarray:
    """bool (glyphs,): whether a lower-case letter has the shape of a capital, in a font that also draws others.

    Letters such as `a`, which only differ in height, are found where a whole word of them is taller than elsewhere.
    """
    texts = np.array(glyphs.texts, dtype=str)
    rises = (glyphs.baselines - glyphs.boxes[:, 1]) / glyphs.ems
    falls = (glyphs.boxes[:, 3] - glyphs.baselines) / glyphs.ems
    level = sound[np.abs(falls[sound]) < _LEAST_FALL]  # superscripts are raised
    found, taller = np.zeros((2, len(glyphs)), dtype=bool)
    for font in np.unique(glyphs.fonts[level]):
        of_font = level[glyphs.fonts[level] == font]
        rise, is_letter = rises[of_font], {letter: texts[of_font] == letter for letter in _TALL | _SMALL | _HANGING}
        capitals = np.any([is_letter[letter] for letter in _TALL - _RISING], axis=0)
        least = _LEAST_RISE * np.median(rise[capitals]) if capitals.any() else 0.0
        low = np.any([is_letter[letter] for letter in _RISING], axis=0) & (rise < least)
        found[of_font] = low | np.any([is_letter[letter] for letter in _HANGING], axis=0)
        for letter in _SMALL:
            usual = rise[is_letter[letter]].min(initial=np.inf)
            taller[of_font] |= is_letter[letter] & (rise >= _LEAST_TALLER * usual) & (rise <= _MOST_TALLER * usual)
    for word in np.split(np.arange(len(glyphs)), np.flatnonzero(glyphs.partings != "")):
        small = word[[text.islower() for text in texts[word]]]
        found[small] |= len(small) >= _FEWEST_SMALL and taller[small].all()
    return found


def _shapes_contradict(glyphs: Glyphs, sound: np.ndarray, font: int) -> bool:
    """Whether more than a quarter of a font's Latin letters have an ascender or descender that they have in no font."""
    of_font = sound[glyphs.fonts[sound] == font]
    ems, baselines, boxes = glyphs.ems[of_font], glyphs.baselines[of_font], glyphs.boxes[of_font]
    rises, falls = (baselines - boxes[:, 1]) / ems, (boxes[:, 3] - baselines) / ems
    places: dict[str, list[int]] = {}
    for place, number in enumerate(of_font):
        places.setdefault(glyphs.texts[number], []).append(place)
    rise = {text: float(np.median(rises[at])) for text, at in places.items()}
    fall = {text: float(np.median(falls[at])) for text, at in places.items()}
    tall, small, hanging = rise.keys() & _TALL, rise.keys() & _SMALL, rise.keys() & _HANGING
    if not tall or not small or len(tall | small | hanging) < _FEWEST_LETTERS:
        return False
    tall_rise, small_rise = (float(np.median([rise[letter] for letter in letters])) for letters in (tall, small))
    wrong = {letter for letter in tall if rise[letter] < 1.1 * small_rise or fall[letter] > 0.2 * tall_rise}
    wrong |= {letter for letter in small if rise[letter] > 0.9 * tall_rise or fall[letter] > 0.2 * tall_rise}
    wrong |= {letter for letter in hanging if fall[letter] < 0.1 * tall_rise}
    return len(wrong) > _MOST_CONTRADICTIONS * len(tall | small | hanging)
