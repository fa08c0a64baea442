"""The checks of IFEval (Zhou et al., arXiv 2311.07911), as its authors wrote them, including oddities.

Scores are only comparable if nothing is repaired: "don't" is two words, and "cat" is found in "concatenate".
docs/scoring.md lists deviations from the authors' code, with reasons. Each check takes a text and the arguments under
their names in the data set.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from demiglace.scoring.constraints.text_units import count, words

OPTIONS = ("My answer is yes.", "My answer is no.", "My answer is maybe.")
_FENCES = ("```json", "```Json", "```JSON", "```")
_AFTER_FIRST_WORD = re.compile(r"[.,?!'\"]")


def holds(number: int, relation: str, threshold: int) -> bool:
    """relation: "less than" or "at least"."""
    return number < threshold if relation == "less than" else number >= threshold


def keywords(text: str, keywords: Sequence[str]) -> bool:
    """Whether all keywords occur anywhere, also inside other words."""
    return all(_found(keyword, text) for keyword in keywords)


def keyword_frequency(text: str, keyword: str, relation: str, frequency: int) -> bool:
    return holds(_found(keyword.strip(), text), relation, frequency)


def forbidden_words(text: str, forbidden_words: Sequence[str]) -> bool:
    """Whether none occurs as a whole word."""
    return not any(re.search(rf"\b{re.escape(word)}\b", text, re.IGNORECASE) for word in forbidden_words)


def letter_frequency(text: str, letter: str, let_relation: str, let_frequency: int) -> bool:
    return holds(text.lower().count(letter.strip().lower()), let_relation, let_frequency)


def language(text: str, language: str) -> bool:
    """Language by langdetect, seeded; undetectable text counts as met. ValueError if langdetect is not installed."""
    detector = _detector()
    try:
        return bool(detector.detect(text) == language)
    except detector.LangDetectException:
        return True


def number_sentences(text: str, relation: str, num_sentences: int) -> bool:
    return holds(count("sentences", text), relation, num_sentences)


def number_words(text: str, relation: str, num_words: int) -> bool:
    """Words are runs of letters, digits and underscores."""
    return holds(len(re.findall(r"\w+", text)), relation, num_words)


def number_paragraphs(text: str, num_paragraphs: int) -> bool:
    """Paragraphs are separated by `***`; only the first and the last may be empty, and are then not counted."""
    first, *others = re.split(r"\s?\*\*\*\s?", text)
    found = [first, *others]
    empty = [place for place, paragraph in enumerate(found) if not paragraph.strip()]
    return not set(empty) - {0, len(found) - 1} and len(found) - len(empty) == num_paragraphs


def nth_paragraph_first_word(text: str, num_paragraphs: int, nth_paragraph: int, first_word: str) -> bool:
    """Paragraphs are separated by two line breaks; empty ones are not counted, but keep their place."""
    found = text.split("\n\n")
    number = sum(bool(paragraph.strip()) for paragraph in found)
    if nth_paragraph > number or not (wanted := found[nth_paragraph - 1].strip()):
        return False
    word = wanted.split()[0].lstrip("'").lstrip('"')
    return number == num_paragraphs and _AFTER_FIRST_WORD.split(word)[0].lower() == first_word.lower()


def number_placeholders(text: str, num_placeholders: int) -> bool:
    return len(re.findall(r"\[.*?\]", text)) >= num_placeholders


def postscript(text: str, postscript_marker: str) -> bool:
    """Whether the marker occurs anywhere, ignoring case; "P.S." and "P.P.S" also with spaces between the letters."""
    marker = postscript_marker.strip()
    patterns = {"P.P.S": r"p\.\s?p\.\s?s", "P.S.": r"p\.\s?s\."}
    return bool(re.search(patterns.get(marker, re.escape(marker.lower())), text.lower()))


def number_bullets(text: str, num_bullets: int) -> bool:
    """Bullets are lines that begin with a dash, or with one asterisk followed by something else."""
    stars = re.findall(r"^\s*\*[^\*].*$", text, re.MULTILINE)
    dashes = re.findall(r"^\s*-.*$", text, re.MULTILINE)
    return len(stars) + len(dashes) == num_bullets


def constrained_response(text: str) -> bool:
    return any(option in text for option in OPTIONS)


def highlights(text: str, num_highlights: int) -> bool:
    """Text between single asterisks, and separately text between double ones."""
    single = [highlight.strip("*").strip() for highlight in re.findall(r"\*[^\n\*]*\*", text)]
    double = [highlight[2:-2].strip() for highlight in re.findall(r"\*\*[^\n\*]*\*\*", text)]
    return len([highlight for highlight in (*single, *double) if highlight]) >= num_highlights


def sections(text: str, section_spliter: str, num_sections: int) -> bool:
    return len(re.findall(rf"\s?{re.escape(section_spliter.strip())}\s?\d+\s?", text)) >= num_sections


def json_format(text: str) -> bool:
    """Any JSON value, in a fenced block or bare."""
    stripped = text.strip()
    for fence in _FENCES:
        stripped = stripped.removeprefix(fence)
    try:
        json.loads(stripped.removesuffix("```").strip())
    except (ValueError, RecursionError):
        return False
    return True


def title(text: str) -> bool:
    return any(match.lstrip("<").rstrip(">").strip() for match in re.findall(r"<<[^\n]+>>", text))


def two_responses(text: str) -> bool:
    """Two different responses, separated by ******; an empty one is allowed at each end."""
    found = text.split("******")
    responses = [part.strip() for part in found if part.strip()]
    return all(map(str.strip, found[1:-1])) and len(responses) == 2 and responses[0] != responses[1]


def repeat_prompt(text: str, prompt_to_repeat: str) -> bool:
    return text.strip().lower().startswith(prompt_to_repeat.strip().lower())


def end(text: str, end_phrase: str) -> bool:
    return text.strip().strip('"').lower().endswith(end_phrase.strip().lower())


def capital_words(text: str, capital_relation: str, capital_frequency: int) -> bool:
    return holds(sum(word.isupper() for word in words(text)), capital_relation, capital_frequency)


def no_comma(text: str) -> bool:
    return "," not in text


def quotation(text: str) -> bool:
    stripped = text.strip()
    return len(stripped) > 1 and stripped[0] == stripped[-1] == '"'


def check_language_can_be_told() -> None:
    """ValueError if langdetect is not installed."""
    _detector()


def _detector():  # type: ignore[no-untyped-def]  # langdetect has no types
    try:
        import langdetect
    except ImportError as error:
        raise ValueError("the language of an answer is told by langdetect: pip install langdetect") from error
    langdetect.DetectorFactory.seed = 0  # without it results differ from call to call
    return langdetect


def _found(keyword: str, text: str) -> int:
    return len(re.findall(re.escape(keyword), text, re.IGNORECASE))
