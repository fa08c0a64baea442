"""Calendar days and times of day as people write them.

Ambiguous dates are not guessed: 03/04/2024 is in March for some and in April for others, and 5/3/18 may be in any
century. They equal only the same numbers in the same order.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

_NAMES = "january february march april may june july august september october november december"
_MONTHS = _NAMES.split()
_MONTH = "|".join(f"{name[:3]}(?:{name[3:]})?" if name != "may" else "may" for name in _MONTHS) + "|sept"
_NUMERIC = re.compile(r"(\d{1,4})([-/.])(\d{1,2})\2(\d{1,4})")
_DAY = r"(\d{1,2})(?:st|nd|rd|th)?"
_YEAR = r"(\d{4}|\d{2})"
_NAMED = (  # groups: day, month, year; the second has the month first, the third has no day
    re.compile(rf"\b{_DAY}(?:\s+of)?[\s.-]{{0,2}}({_MONTH})\b[\s.,-]{{0,2}}{_YEAR}(?![\d:])", re.IGNORECASE),
    re.compile(rf"\b({_MONTH})\b\.?\s?{_DAY},?\s{_YEAR}(?![\d:])", re.IGNORECASE),
    re.compile(rf"\b({_MONTH})\b\.?,?\s(\d{{4}})(?![\d:])", re.IGNORECASE),
)
_TIME = re.compile(r"(\d{1,2})(?::([0-5]\d))?(?::([0-5]\d))?\s?([ap]\.?m\.?)?", re.IGNORECASE)


@dataclass(frozen=True)
class Day:
    """numbers: as written, in order, months as numbers; calendar: the day, if there is only one reading. A month
    without a day is the tuple (year, month).
    """

    numbers: tuple[int, ...]
    calendar: date | tuple[int, int] | None

    def same_as(self, other: Day) -> bool:
        if self.calendar is None or other.calendar is None:
            return self.numbers == other.numbers
        return self.calendar == other.calendar


@dataclass(frozen=True)
class Clock:
    """A time on the 24-hour clock; second is None if not written."""

    hour: int
    minute: int
    second: int | None


def numeric_day(text: str) -> Day | None:
    """Parses 2024-03-01, 25/12/2018, 1.3.24, 03/2024; None for anything else."""
    if month := re.fullmatch(r"(\d{1,2})[-/](\d{4})", text):
        number, year = map(int, month.groups())
        return Day((number, year), (year, number)) if 1 <= number <= 12 and 1000 <= year <= 2999 else None
    if not (found := _NUMERIC.fullmatch(text)):
        return None
    one, _, two, three = found.groups()
    numbers = (int(one), int(two), int(three))
    if len(one) == 4:
        readings = {_day(*numbers)}
    elif len(one) <= 2 and len(three) == 4:
        readings = {_day(numbers[2], numbers[1], numbers[0]), _day(numbers[2], numbers[0], numbers[1])}
    elif len(one) <= 2 and len(three) == 2:  # the century is unknown
        readable = _day(2000, numbers[1], numbers[0]) or _day(2000, numbers[0], numbers[1])
        return Day(numbers, None) if readable else None
    else:
        return None
    days = readings - {None}
    return Day(numbers, days.pop() if len(days) == 1 else None) if days else None


def named_days(text: str) -> list[tuple[int, int, Day]]:
    """Dates with the name of a month, each with its start and end in `text`: 1 March 2024, Mar 1st, 2024, May 2019."""
    found: list[tuple[int, int, Day]] = []
    for number, pattern in enumerate(_NAMED):
        for match in pattern.finditer(text):
            if day := _named_day(number, match.groups()):
                found.append((match.start(), match.end(), day))
    found.sort(key=lambda place: (place[0], -place[1]))
    apart: list[tuple[int, int, Day]] = []
    for place in found:
        if not apart or place[0] >= apart[-1][1]:
            apart.append(place)
    return apart


def clock(text: str) -> Clock | None:
    """Parses 12:30, 9:15:30, 3 PM, 12:30 a.m.; None for anything else."""
    found = _TIME.fullmatch(text)
    if not found or not (found[2] or found[4]):
        return None
    hour, minute, second = int(found[1]), int(found[2] or 0), int(found[3]) if found[3] else None
    if half := (found[4] or "")[:1].casefold():
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if half == "p" else 0)
    return Clock(hour, minute, second) if hour < 24 else None


def _named_day(number: int, parts: tuple[str, ...]) -> Day | None:
    if number == 2:
        month, year = _month(parts[0]), int(parts[1])
        return Day((month, year), (year, month))
    day, name = (parts[0], parts[1]) if number == 0 else (parts[1], parts[0])
    month, year = _month(name), int(parts[2])
    if not (calendar := _day(year if len(parts[2]) == 4 else 2000, month, int(day))):
        return None
    return Day((int(day), month, year), calendar if len(parts[2]) == 4 else None)


def _month(name: str) -> int:
    return next(number for number, month in enumerate(_MONTHS, start=1) if month.startswith(name[:3].casefold()))


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None
