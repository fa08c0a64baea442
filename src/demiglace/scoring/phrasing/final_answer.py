r"""The final answer of a response: the part that is compared with the reference.

1. Reasoning up to the last `</think>` is ignored; reasoning that never ends has no answer.
2. The text in `\boxed{...}` or `<answer>...</answer>`, after "Answer:" or "the answer is" up to the end, or in a last
   line "#### 7" (GSM8K), is the answer. Text before the first of them is ignored. If there are several, each must be
   right.
3. Without such a marker the whole response is the answer.
4. An explanation that begins with "because", ", since", ", as" or "Explanation:" is ignored.
"""

from __future__ import annotations

import re
from itertools import chain

from demiglace.scoring.phrasing.notation import without_markup

_END_OF_REASONING, _REASONING = "</think>", "<think>"
_BOX = re.compile(r"\\f?boxed\s?\{")
_TAG = re.compile(r"<(/?)answer>", re.IGNORECASE)
# GSM8K's "####" begins the last line; anywhere else it is a heading.
_MARK = re.compile(
    r"\b(?:the |my |final |correct |right )?answer(?:\s?[:=]|\s(?:is|would be|must be)\b:?)"
    r"|(?:\A|(?<=\n))####(?!#)(?=[^\n]++\s*+\Z)",
    re.IGNORECASE,
)
_EXPLANATION = re.compile(r"\bbecause\b|[,;.]\s+(?:since|as)\s|\b(?:explanation|reason|reasoning)\s?:", re.IGNORECASE)
_MORE = re.compile(r"[\s,;.]{0,3}(?:or|and)\b[^\n]*|\s?/[^\n]*", re.IGNORECASE)  # "\boxed{7} or 8"
_BLANK = " \t\n.,:;!?*\"'"
_ENCLOSED = "\0"


def final_answers(response: str, reference: str) -> list[str]:
    """The answers, which must all be right, without markup; empty if there is no answer.

    reference: if it contains words that look like a marker or an explanation, they are none in the response.
    """
    behind = response.rpartition(_END_OF_REASONING)[2]
    if _REASONING in behind:
        return []
    text = without_markup(behind)
    answers = _marked(text, by_words=not _MARK.search(reference)) or [text]
    if not _EXPLANATION.search(reference):
        answers = [_unexplained(answer) for answer in answers]
    return [answer for answer in answers if answer.strip(_BLANK)]


def marked_answer(text: str) -> str | None:
    """The answer that a text marks as its final one, without an explanation; None if it marks none, or several."""
    found = {_unexplained(answer).strip().rstrip(".,;") for answer in _marked(without_markup(text), by_words=True)}
    found = {answer for answer in found if answer.strip(_BLANK)}  # "#### The answer is 7": none between the two marks
    if len(found) != 1:
        return None
    answer = found.pop()
    return marked_answer(answer) or answer  # a box in a tag


def _marked(text: str, by_words: bool) -> list[str]:
    """The texts in boxes and tags, and those after words such as "Answer:", if these are markers."""
    enclosed, rest = _enclosed(text)
    marks = [*_MARK.finditer(rest)] if by_words else []
    ends = [*(mark.start() for mark in marks), len(rest)][1:]
    marked = [rest[mark.end() : end] for mark, end in zip(marks, ends, strict=True)]
    return enclosed + [answer for answer in marked if _ENCLOSED not in answer]


def _unexplained(text: str) -> str:
    """The text before the first explanation that does not begin the text."""
    starts = (found.start() for found in _EXPLANATION.finditer(text))
    first = len(text) - len(text.lstrip(_BLANK))
    return text[: next((start for start in starts if start > first), len(text))]


def _enclosed(text: str) -> tuple[list[str], str]:
    """Boxed or tagged texts, each with a following "or 8", and the remaining text with a placeholder for each."""
    found, rest, place = [], [], 0
    for start, inside, end in sorted(chain(_boxes(text), _tagged(text))):
        if start >= place:
            more = _MORE.match(text, end)
            found.append(inside + (more.group() if more else ""))
            rest.append(text[place:start] + _ENCLOSED)
            place = end
    return found, "".join((*rest, text[place:]))


def _tagged(text: str) -> list[tuple[int, str, int]]:
    """Start, contents and end of each pair of tags."""
    found, opened = [], None
    for tag in _TAG.finditer(text):
        if not tag[1]:
            opened = tag
        elif opened:
            found.append((opened.start(), text[opened.end() : tag.start()], tag.end()))
            opened = None
    return found


def _boxes(text: str) -> list[tuple[int, str, int]]:
    """Start, contents and end of each box whose braces close."""
    found: list[tuple[int, str, int]] = []
    place = 0
    while box := _BOX.search(text, place):
        depth, end = 1, box.end()
        while end < len(text) and depth:
            depth += {"{": 1, "}": -1}.get(text[end], 0)
            end += 1
        if depth:
            break
        found.append((box.start(), text[box.end() : end - 1], end))
        place = end
    return found
