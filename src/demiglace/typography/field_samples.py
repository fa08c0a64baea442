"""What is printed in fields of receipts, forms and letters: amounts, dates, numbers, names, addresses, headings."""

from __future__ import annotations

import numpy as np

from demiglace.typography.words import LETTERS, digits, fill, pick, word


def heading(rng: np.random.Generator, num_characters: int) -> str:
    return _mark(rng) + fill(num_characters, lambda: word(rng).capitalize())


def _mark(rng: np.random.Generator) -> str:
    """What stands before a heading or an item of a list."""
    first, second = rng.integers(1, 30, 2)
    numbers = (f"{first}. ", f"{first}.{second} ", f"({first}) ", f"§ {first}.{second} ", f"{first} × {second} ")
    return pick(rng, ("", "", "", "• ", "– ", f"© {rng.integers(1950, 2027)} ", f"{second}° ", *numbers))


def name(rng: np.random.Generator, num_characters: int) -> str:
    first, last = (word(rng).capitalize() for _ in range(2))
    middle = f" {pick(rng, LETTERS.upper())}." if rng.random() < 0.4 else ""
    title = pick(rng, ("", "", "", "Mr. ", "Ms. ", "Dr. ", "By ", "Prof. "))
    tail = pick(rng, ("", "", "", ", Jr.", ", MD", ", CFA", " & Co.", " Ltd.", ", Inc.", " et al."))
    return f"{title}{first}{middle} {last}{tail}"


def amount(rng: np.random.Generator) -> str:
    whole = int(10 ** rng.uniform(0, 4.5)) if rng.random() < 0.85 else 0
    cents = pick(rng, ("00", "50", "90", "95", "99", digits(rng, 2), digits(rng, 2), digits(rng, 2)))
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


def time(rng: np.random.Generator) -> str:
    hour, minute, second = rng.integers(0, 24), rng.integers(0, 60), rng.integers(0, 60)
    half = "AM" if hour < 12 else "PM"
    forms = (f"{hour:02}:{minute:02}", f"{hour:02}:{minute:02}:{second:02}", f"{hour % 12 or 12}:{minute:02} {half}")
    return pick(rng, (*forms, f"{hour % 12 or 12}:{minute:02}:{second:02} {half}"))


def phone(rng: np.random.Generator) -> str:
    a, b, c, d = (digits(rng, count) for count in (3, 3, 4, 2))
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
    letters = "".join(pick(rng, LETTERS.upper()) for _ in range(int(rng.integers(0, 4))))
    joint = pick(rng, ("", "", "-", "/", " "))
    label = pick(
        rng, ("", "", "INV NO.: ", "Invoice No: ", "Bill#: ", "GST ID: ", "Receipt #", "REF ", "Table: ", "No. ", ": ")
    )
    return label + letters + joint * bool(letters) + digits(rng, int(rng.integers(1, 12)))


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
    goods = " ".join(word(rng) for _ in range(int(rng.integers(1, 4))))
    quantity = pick(rng, ("", "1 ", "2 ", f"{rng.integers(1, 30)} x ", f"{rng.integers(1, 9)}X ", f"{digits(rng, 6)} "))
    size = pick(rng, ("", "", f" {rng.integers(1, 999)}G", f" {rng.integers(1, 999)}ML", f" {rng.integers(1, 50)}'S"))
    return quantity + goods + size + (f" {amount(rng)}" if rng.random() < 0.5 else "")


def address(rng: np.random.Generator) -> str:
    street = pick(rng, ("Street", "St.", "Road", "Rd", "Avenue", "Ave", "Lane", "Blvd", "Jalan", "Drive", "Taman"))
    parts = f"{pick(rng, ('', 'No. ', 'Lot '))}{rng.integers(1, 999)}, {word(rng).capitalize()} {street}"
    return parts + pick(
        rng, ("", ",", f", {digits(rng, 5)} {word(rng).capitalize()}", f", Suite {rng.integers(1, 99)}")
    )


def total(rng: np.random.Generator) -> str:
    return pick(rng, _TOTALS) + pick(rng, ("", ":", " :", " ")) + pick(rng, ("", f" {amount(rng)}"))


def moment(rng: np.random.Generator) -> str:
    return f"{date(rng)} {time(rng)}"


def phrase(rng: np.random.Generator) -> str:
    return pick(rng, _PHRASES)
