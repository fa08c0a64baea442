"""What a model makes of held-out pages: reading by level of damage, restoring hidden words, inventing text."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from rapidfuzz.distance import Levenshtein

from demiglace import Demiglace, SamplingParams
from demiglace.data.text_crops.page_crops import drawn_page, random_window
from demiglace.data.text_crops.word_corruption import damage_words, word_spans
from demiglace.documents.corruption.damage import cover
from demiglace.inference.page_reading import QUESTION
from demiglace.scoring.text_distance import corpus_character_error_rate
from demiglace.typography.rendering import Rendered

BATCH = 32
MOST_CHARACTERS = 40
LEAST_WORDS = 3  # a hidden word needs context
WINDOWS_OF_A_PAGE = 12


def held_out_windows(folder: Path, count: int, seed: int = 7) -> list[Rendered]:
    """`count` clean pieces of lines with at least LEAST_WORDS words, a dozen of each page drawn."""
    found: list[Rendered] = []
    number = 0
    while len(found) < count:
        page = drawn_page(folder, (seed, number // WINDOWS_OF_A_PAGE))
        window = random_window(np.random.default_rng((seed, number)), page, 1, MOST_CHARACTERS)
        if window is not None and len(window.text.split()) >= LEAST_WORDS:
            found.append(window)
        number += 1
    return found


def measure(assistant: Demiglace, windows: Sequence[Rendered]) -> dict[str, float]:
    """All figures of one model; every model meets the same damage."""
    figures: dict[str, float] = {}
    texts = [window.text for window in windows]
    for level in ("clean", "low", "moderate"):
        damaged = [_damaged(number, window, level)[0] for number, window in enumerate(windows)]
        figures[f"CER {level}"] = corpus_character_error_rate(texts, _read(assistant, damaged))
    figures |= _restoring(assistant, windows)
    figures |= _inventing(assistant, windows)
    return figures


def _damaged(number: int, window: Rendered, level: str) -> tuple[np.ndarray, np.ndarray]:
    """Every word at that level; of a hidden one there is one to a line."""
    share = 1e-6 if level == "high" else 1.0
    damaged, hidden = damage_words(np.random.default_rng((number, 11)), window, {level: 1.0}, share)
    return damaged.picture, hidden


def _restoring(assistant: Demiglace, windows: Sequence[Rendered]) -> dict[str, float]:
    """One word of each line is hidden: exact words, their CER, and the CER of what is left to be seen."""
    damaged = [_damaged(number, window, "high") for number, window in enumerate(windows)]
    answers = _read(assistant, [picture for picture, _ in damaged])
    truths, guesses = [], []
    for window, (_, hidden), answer in zip(windows, damaged, answers, strict=True):
        word, span = next((word, span) for word, span in word_spans(window) if hidden[span].any())
        truths.append(word)
        guesses.append(aligned(window.text, answer, span).strip())
    exact = sum(truth == guess for truth, guess in zip(truths, guesses, strict=True)) / len(truths)
    return {"hidden words exact": exact, "hidden words CER": corpus_character_error_rate(truths, guesses)}


def aligned(truth: str, answer: str, span: slice) -> str:
    """What `answer` has in the place of `truth[span]`, by the alignment with the fewest edits."""
    places = np.zeros(len(truth) + 1, int)
    for change in Levenshtein.opcodes(truth, answer):
        length = change.src_end - change.src_start
        steps = np.linspace(change.dest_start, change.dest_end, length + 1).round().astype(int)
        places[change.src_start : change.src_end + 1] = steps
    return answer[places[span.start] : places[span.stop]]


def _inventing(assistant: Demiglace, windows: Sequence[Rendered]) -> dict[str, float]:
    """Letters written where nothing ever stood: on blank paper, and in a covered place after the end of a line."""
    blank = [np.full((40, 300, 3), _paper(window), np.uint8) for window in windows[:BATCH]]
    on_blank = [len(answer.strip()) for answer in _read(assistant, blank)]
    longer = [_with_covered_end(number, window) for number, window in enumerate(windows)]
    plain = _read(assistant, [window.picture for window in windows])
    behind = [max(0, len(b) - len(a)) for a, b in zip(plain, _read(assistant, longer), strict=True)]
    return {
        "letters on blank paper": float(np.mean(on_blank)),
        "letters behind a line": float(np.mean(behind)),
        "lines with more than 2 letters behind": float(np.mean(np.array(behind) > 2)),
    }


def _with_covered_end(number: int, window: Rendered) -> np.ndarray:
    """The window, wider by two heights of paper on which one height and a half is covered."""
    height = window.picture.shape[0]
    paper = np.full((height, 2 * height, 3), _paper(window), np.uint8)
    rows, columns = slice(height // 8, height - height // 8), slice(height // 4, height // 4 + 3 * height // 2)
    shape = paper[rows, columns].shape[:2]
    paper[rows, columns] = cover(np.random.default_rng((number, 13)), shape, _paper(window), float(height))
    return np.concatenate([window.picture, paper], axis=1)


def _paper(window: Rendered) -> np.ndarray:
    return np.median(window.picture.reshape(-1, 3), axis=0).astype(np.uint8)


def _read(assistant: Demiglace, pictures: Sequence[np.ndarray]) -> list[str]:
    asked = [(QUESTION, [Image.fromarray(picture)]) for picture in pictures]
    greedy = SamplingParams.greedy(60)
    answers = []
    for start in range(0, len(asked), BATCH):
        answers += assistant.batch(asked[start : start + BATCH], sampling=greedy)
    return [answer.text for answer in answers]
