"""The texts that are drawn: strings nobody can guess, words, sentences, receipts, headings, addresses and code."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from demiglace.typography.corpus import ALPHABET, PRINTABLE, passage, words


def sample_text(rng: np.random.Generator, num_characters: int) -> str:
    """One line of text of 1 to `num_characters` characters of `ALPHABET`, single spaces inside and none at the ends."""
    if num_characters < 1:
        raise ValueError(f"a text needs at least 1 character, got {num_characters}")
    kind = _KINDS[rng.choice(len(_KINDS), p=_KIND_WEIGHTS)]
    text = _clip(rng, " ".join(kind.make(rng, num_characters).split()), num_characters)
    if rng.random() < kind.upper:
        text = text.upper()
    return text.replace("É", "é") or _random_word(rng, num_characters)  # a change of case may leave the alphabet


def _clip(rng: np.random.Generator, text: str, num_characters: int) -> str:
    """A piece of at most that length: whole words from anywhere, or a piece of a longer word."""
    if len(text) <= num_characters:
        return text
    pieces = text.split(" ")
    first = int(rng.integers(len(pieces)))
    if len(pieces[first]) > num_characters:
        start = int(rng.integers(len(pieces[first]) - num_characters + 1))
        return pieces[first][start : start + num_characters]
    piece = " ".join(pieces[first:])
    return piece if len(piece) <= num_characters else piece[: piece.rfind(" ", 0, num_characters + 1)]


def pick(rng: np.random.Generator, options: Sequence[str]) -> str:
    return options[int(rng.integers(len(options)))]


def _digits(rng: np.random.Generator, count: int) -> str:
    return "".join(map(str, rng.integers(0, 10, count)))


_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_POOLS = (
    "0123456789",
    "0123456789",
    _LETTERS,
    _LETTERS.upper(),
    _LETTERS + _LETTERS.upper(),
    _LETTERS + _LETTERS.upper() + "0123456789",
    _LETTERS.upper() + "0123456789",
    PRINTABLE.strip(),
    ALPHABET.strip(),
    "0123456789.,-/:$%()#+*",
    "iIlL1|!jJtf/\\oO0QDcCGeaSs5Z2zB8g9q6bhnmrnvVwWuUxXkKyYpP",  # what readers take for one another
)


def _random_word(rng: np.random.Generator, num_characters: int) -> str:
    pool = pick(rng, _POOLS)
    return "".join(pool[i] for i in rng.integers(0, len(pool), min(num_characters, int(rng.geometric(0.18)))))


def _random_string(rng: np.random.Generator, num_characters: int) -> str:
    return _fill(rng, num_characters, lambda: _random_word(rng, num_characters))


def _fill(rng: np.random.Generator, num_characters: int, make: Callable[[], str], separator: str = " ") -> str:
    pieces, length = [], 0
    while length < num_characters:
        pieces.append(make())
        length += len(pieces[-1]) + len(separator)
    return separator.join(pieces)


def _word(rng: np.random.Generator) -> str:
    return pick(rng, words())


def _word_line(rng: np.random.Generator, num_characters: int) -> str:
    return _fill(rng, num_characters, lambda: _word(rng))


def _prose(rng: np.random.Generator, num_characters: int) -> str:
    line = passage(rng, num_characters)
    if rng.random() < 0.06:  # as in transcripts
        line = f"{rng.integers(1, 26)} {pick(rng, ('Q.', 'A.', 'THE COURT:', 'MR.', 'BY'))} {line}"[
            : num_characters + 1
        ]
    return _typeset(line) if rng.random() < 0.4 else line


def _typeset(text: str) -> str:
    """Straight quotes and double hyphens as a printer sets them."""
    text = re.sub(r"(?<!-)--(?!-)", "—", text)
    text = re.sub(r"(?<=\d)-(?=\d)", "–", text)
    text = re.sub(r'(^|[\s(])"', r"\1“", text).replace('"', "”")
    return re.sub(r"(^|[\s(])'", r"\1‘", text).replace("'", "’").replace("`", "‘")


def heading(rng: np.random.Generator, num_characters: int) -> str:
    return _mark(rng) + _fill(rng, num_characters, lambda: _word(rng).capitalize())


def _mark(rng: np.random.Generator) -> str:
    """What stands before a heading or an item of a list."""
    first, second = rng.integers(1, 30, 2)
    numbers = (f"{first}. ", f"{first}.{second} ", f"({first}) ", f"§ {first}.{second} ", f"{first} × {second} ")
    return pick(rng, ("", "", "", "• ", "– ", f"© {rng.integers(1950, 2027)} ", f"{second}° ", *numbers))


def name(rng: np.random.Generator, num_characters: int) -> str:
    first, last = (_word(rng).capitalize() for _ in range(2))
    middle = f" {pick(rng, _LETTERS.upper())}." if rng.random() < 0.4 else ""
    title = pick(rng, ("", "", "", "Mr. ", "Ms. ", "Dr. ", "By ", "Prof. "))
    tail = pick(rng, ("", "", "", ", Jr.", ", MD", ", CFA", " & Co.", " Ltd.", ", Inc.", " et al."))
    return f"{title}{first}{middle} {last}{tail}"


def _web(rng: np.random.Generator, num_characters: int) -> str:
    host = f"{_word(rng).lower()}.{pick(rng, ('com', 'org', 'net', 'co.uk', 'edu', 'io', 'de', 'com.my'))}".replace(
        "'", ""
    )
    if rng.random() < 0.45:
        return f"{_word(rng).lower()}{pick(rng, '._-')}{_word(rng).lower()}@{host}".replace("'", "")
    prefix = pick(rng, ("https://", "http://", "www.", "https://www.", ""))
    tail = f"/{_word(rng)}" + (f"?id={_digits(rng, 4)}" if rng.random() < 0.4 else "") if rng.random() < 0.6 else ""
    return prefix + host + tail


def _code(rng: np.random.Generator, num_characters: int) -> str:
    a, b = (_word(rng).lower().replace("'", "_") for _ in range(2))
    n, k = rng.integers(0, 1000, 2)
    templates = (
        f"{a} = {b}[{n}:{k}]",
        f"if ({a} != {b}) {{ return {n}; }}",
        f"def {a}_{b}(self, x={n}):",
        f'{a}["{b}"] += {n} * {k}',
        f"$ {a} --{b}={n} | grep '{k}'",
        f'<{a} id="{b}">{n}</{a}>',
        f"#{n} {a}->{b}({k} & 0x{n:X});",
        f"/usr/{a}/{b}.{n}",
    )
    return templates[int(rng.integers(len(templates)))]


def amount(rng: np.random.Generator) -> str:
    whole = int(10 ** rng.uniform(0, 4.5)) if rng.random() < 0.85 else 0
    cents = pick(rng, ("00", "50", "90", "95", "99", _digits(rng, 2), _digits(rng, 2), _digits(rng, 2)))
    sign = pick(rng, ("", "", "", "", "", "$", "$", "£", "€", "RM", "RM ", "USD ", "-"))
    return f"{sign}{whole:,}.{cents}" if rng.random() < 0.5 else f"{sign}{whole}.{cents}"


def date(rng: np.random.Generator) -> str:
    day, month, year = int(rng.integers(1, 29)), int(rng.integers(1, 13)), int(rng.integers(1980, 2027))
    spelled = pick(rng, _MONTHS)
    forms = (
        f"{day:02}/{month:02}/{year}",
        f"{day:02}-{month:02}-{year}",
        f"{day}/{month}/{year % 100:02}",
        f"{year}-{month:02}-{day:02}",
        f"{year}{month:02}{day:02}",
        f"{day:02}.{month:02}.{year}",
        f"{spelled} {day}, {year}",
        f"{day} {spelled[:3]} {year}",
        f"{day:02}-{spelled[:3].upper()}-{year % 100:02}",
    )
    return pick(rng, forms)


def _time(rng: np.random.Generator) -> str:
    hour, minute, second = rng.integers(0, 24), rng.integers(0, 60), rng.integers(0, 60)
    half = "AM" if hour < 12 else "PM"
    forms = (f"{hour:02}:{minute:02}", f"{hour:02}:{minute:02}:{second:02}", f"{hour % 12 or 12}:{minute:02} {half}")
    return pick(rng, (*forms, f"{hour % 12 or 12}:{minute:02}:{second:02} {half}"))


def phone(rng: np.random.Generator) -> str:
    a, b, c, d = (_digits(rng, count) for count in (3, 3, 4, 2))
    forms = (
        f"({a}) {b}-{c}",
        f"{a}-{b}-{c}",
        f"+{d} {a} {b} {c}",
        f"0{d[0]}-{a}{b[0]} {c}",
        f"{a}.{b}.{c}",
        f"{a}-{b}{c}",
    )
    return pick(rng, ("", "TEL: ", "Tel : ", "FAX: ", "Phone: ", "H/P:")) + pick(rng, forms)


def number(rng: np.random.Generator) -> str:
    letters = "".join(pick(rng, _LETTERS.upper()) for _ in range(int(rng.integers(0, 4))))
    joint = pick(rng, ("", "", "-", "/", " "))
    label = pick(
        rng, ("", "", "INV NO.: ", "Invoice No: ", "Bill#: ", "GST ID: ", "Receipt #", "REF ", "Table: ", "No. ", ": ")
    )
    return label + letters + joint * bool(letters) + _digits(rng, int(rng.integers(1, 12)))


def _choices(text: str) -> tuple[str, ...]:
    return tuple(text.split("|"))


_TOTALS = _choices(
    "TOTAL|SUBTOTAL|SUB TOTAL|GRAND TOTAL|TOTAL (RM)|TOTAL AMOUNT|TOTAL DUE|AMOUNT DUE|CASH|CHANGE|TAX|GST 6%|VAT 20%|"
    "SALES TAX|ROUNDING ADJ|ROUNDING|DISCOUNT|SERVICE CHARGE 10%|BALANCE|TIP|VISA|MASTERCARD|NET|TOTAL QTY|DEPOSIT|"
    "TOTAL EXCL. GST|TOTAL INCL. GST|AMT|PAYMENT"
)
_PHRASES = _choices(
    "THANK YOU|THANK YOU PLEASE COME AGAIN|THANK YOU FOR SHOPPING WITH US|TAX INVOICE|CASH BILL|CUSTOMER COPY|"
    "GOODS SOLD ARE NOT RETURNABLE|QTY|DESCRIPTION|AMOUNT|UNIT PRICE|ITEM|CASHIER|DATE|TIME|INVOICE|RECEIPT|"
    "PRICE (RM)|GST SUMMARY|BILL TO|SHIP TO|CREDIT CARD|APPROVED|CLOSED|ORDER|STORE|SERVER|GUESTS|*** THANK YOU ***|"
    "---------------|=============|PAGE 1 OF 2|CONFIDENTIAL|SIGNATURE|TERMS & CONDITIONS"
)
_MONTHS = _choices("January|February|March|April|May|June|July|August|September|October|November|December")


def item(rng: np.random.Generator) -> str:
    goods = " ".join(_word(rng) for _ in range(int(rng.integers(1, 4))))
    quantity = pick(
        rng, ("", "1 ", "2 ", f"{rng.integers(1, 30)} x ", f"{rng.integers(1, 9)}X ", f"{_digits(rng, 6)} ")
    )
    size = pick(rng, ("", "", f" {rng.integers(1, 999)}G", f" {rng.integers(1, 999)}ML", f" {rng.integers(1, 50)}'S"))
    return quantity + goods + size + (f" {amount(rng)}" if rng.random() < 0.5 else "")


def address(rng: np.random.Generator) -> str:
    street = pick(rng, ("Street", "St.", "Road", "Rd", "Avenue", "Ave", "Lane", "Blvd", "Jalan", "Drive", "Taman"))
    parts = f"{pick(rng, ('', 'No. ', 'Lot '))}{rng.integers(1, 999)}, {_word(rng).capitalize()} {street}"
    return parts + pick(
        rng, ("", ",", f", {_digits(rng, 5)} {_word(rng).capitalize()}", f", Suite {rng.integers(1, 99)}")
    )


def total(rng: np.random.Generator) -> str:
    return pick(rng, _TOTALS) + pick(rng, ("", ":", " :", " ")) + pick(rng, ("", f" {amount(rng)}"))


def moment(rng: np.random.Generator) -> str:
    return f"{date(rng)} {_time(rng)}"


def phrase(rng: np.random.Generator) -> str:
    return pick(rng, _PHRASES)


_RECEIPT_LINES: tuple[Callable[[np.random.Generator], str], ...] = (
    *(amount, amount, date, moment, _time, phone, number, number, total, total, total),
    *(phrase, item, item, address),
)


def _receipt(rng: np.random.Generator, num_characters: int) -> str:
    text = _RECEIPT_LINES[int(rng.integers(len(_RECEIPT_LINES)))](rng)
    return text.title() if rng.random() < 0.25 else text


@dataclass(frozen=True)
class _Kind:
    make: Callable[[np.random.Generator, int], str]
    weight: float
    upper: float  # share set in capitals


_KINDS = (
    _Kind(_random_string, 0.20, 0.05),
    _Kind(_word_line, 0.11, 0.2),
    _Kind(_prose, 0.27, 0.1),
    _Kind(_receipt, 0.24, 0.55),
    _Kind(heading, 0.05, 0.4),
    _Kind(name, 0.05, 0.3),
    _Kind(_web, 0.04, 0.05),
    _Kind(_code, 0.04, 0.0),
)
_KIND_WEIGHTS = [kind.weight for kind in _KINDS]
