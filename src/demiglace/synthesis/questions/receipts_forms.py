"""Small receipts and forms whose fields are known, and questions about them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from PIL import Image

from demiglace.scoring.question import Question
from demiglace.synthesis.pages.sheet import CAPS_OF_A_SIDE, Sheet, print_field, printed, set_block, sister_face
from demiglace.typography import field_samples
from demiglace.typography.fonts import Face, sample_face, training_faces
from demiglace.typography.rendering import Rendered
from demiglace.typography.words import pick, plain_words


@dataclass(frozen=True)
class Receipt:
    """goods: names and prices, no name twice; cash: the amount paid, more than the total, or None.

    label: the word printed for the total.
    """

    shop: str
    date: str
    goods: tuple[tuple[str, Decimal], ...]
    cash: Decimal | None
    label: str = "TOTAL"

    @property
    def total(self) -> Decimal:
        return sum((price for _, price in self.goods), Decimal(0))

    @property
    def amounts(self) -> tuple[tuple[str, Decimal], ...]:
        """Names and amounts of the lines below the date, from top to bottom."""
        paid = (("CASH", self.cash), ("CHANGE", self.cash - self.total)) if self.cash is not None else ()
        return *self.goods, (self.label, self.total), *paid

    @property
    def text(self) -> str:
        """The printed text, line by line."""
        return "\n".join((self.shop, self.date, *(f"{name} {amount:.2f}" for name, amount in self.amounts)))


@dataclass(frozen=True)
class Form:
    """fields: labels and values; no label and no value occurs twice."""

    title: str
    fields: tuple[tuple[str, str], ...]


def random_receipt(rng: np.random.Generator, side: int, short: bool = False) -> tuple[Image.Image, list[Question]]:
    """A small receipt of about `side` by `side` pixels, and one question of each kind that it allows.

    short: two goods and the total, about 50 letters in five lines; otherwise up to four goods, and often cash.
    If fonts or prose are missing, raises ValueError that names the extra to install.
    """
    most_words, most_goods = (1, 2) if short else (2, 4)
    shop = [*plain_words(rng, int(rng.integers(1, most_words + 1)), 7), pick(rng, _SHOPS)]
    names = plain_words(rng, int(rng.integers(2, most_goods + 1)))
    goods = [(name, Decimal(int(rng.integers(50, 3000))) / 100) for name in names]
    total = sum((price for _, price in goods), Decimal(0))
    cash = (total // 10 + int(rng.integers(1, 3))) * 10 if not short and rng.random() < 0.5 else None
    written = str.upper if rng.random() < 0.5 else str.title
    receipt = Receipt(
        written(" ".join(shop)),
        field_samples.date(rng),
        tuple((written(name), price) for name, price in goods),
        cash,
        pick(rng, _LABELS),
    )
    return _draw_receipt(rng, receipt, side / CAPS_OF_A_SIDE), ask_receipt(rng, receipt)


def random_form(rng: np.random.Generator, side: int) -> tuple[Image.Image, list[Question]]:
    """A small form of 3 to 5 fields; otherwise as `random_receipt`."""
    chosen = [_FIELDS[number] for number in rng.permutation(len(_FIELDS))[: rng.integers(3, 6)]]
    form = Form(plain_words(rng, 1)[0].title(), tuple((label, fill(rng)) for label, fill in chosen))
    return _draw_form(rng, form, side / CAPS_OF_A_SIDE), ask_form(rng, form)


def ask_receipt(rng: np.random.Generator, receipt: Receipt) -> list[Question]:
    """Questions for total, date, shop, price of one item, number of items, the whole text, and the change if any."""
    name, price = receipt.goods[int(rng.integers(len(receipt.goods)))]
    names, count = [name for name, _ in receipt.goods], len(receipt.goods)
    asked = [
        _ask_total(rng, receipt),
        _found(
            "receipt_date",
            pick(rng, ("What is the date on this receipt?", "When was this receipt written? Quote the date.")),
            receipt.date,
            "The date is",
            f"Below the name of the shop stands {receipt.date}.",
        ),
        _found(
            "receipt_shop",
            pick(rng, ("Which shop is this receipt from?", "What is the name of the shop?")),
            receipt.shop,
            "The shop is",
            f'The first line says "{receipt.shop}".',
        ),
        _found(
            "receipt_price",
            f"What is the price of {name}? Answer with a number.",
            f"{price:.2f}",
            "The price is",
            f"To the right of {name} stands {price:.2f}.",
        ),
        Question(
            "receipt_count",
            "How many goods are on this receipt? Answer with a number.",
            str(count),
            f"There are {count} goods.",
            (
                *(f"{number}: {name}" for number, name in enumerate(names, start=1)),
                f"Check: from {names[0]} to {names[-1]} there are {count} lines before the total.",
            ),
        ),
        Question(
            "receipt_text",
            pick(rng, ("What is written on this receipt?", "Read this receipt line by line.")),
            receipt.text,
            f"It says:\n{receipt.text}",
        ),
    ]
    return asked if receipt.cash is None else [*asked, _ask_change(receipt.total, receipt.cash)]


def ask_form(rng: np.random.Generator, form: Form) -> list[Question]:
    """Questions for the value at a label, and for the label of a value."""
    number = int(rng.integers(len(form.fields)))
    label, filled = form.fields[number]
    others = ", ".join(other for other, _ in form.fields if other != label)
    steps = (
        f'"{label}" stands in field {number + 1} of {len(form.fields)}, and beside it "{filled}".',
        f"Check: the other fields are {others}.",
    )
    asked = pick(rng, (f'What is filled in at "{label}"?', f'What does the form say at "{label}"?'))
    back = f'At which label of the form does "{filled}" stand? Answer with the label.'
    return [
        Question("form_field", asked, filled, f"The form says {filled}.", steps),
        Question("form_label", back, label, f'It stands at "{label}".', steps),
    ]


def _found(kind: str, asked: str, answer: str, spoken: str, where: str) -> Question:
    """A question whose answer only needs to be found."""
    return Question(kind, asked, answer, f"{spoken} {answer}.", (where, f"Check: it reads {answer}."))


def _ask_total(rng: np.random.Generator, receipt: Receipt) -> Question:
    """The reasoning adds up the goods and checks the sum against the printed total."""
    sums, so_far = [], receipt.goods[0][1]
    for _, price in receipt.goods[1:]:
        sums.append(f"{so_far:.2f} + {price:.2f} = {so_far + price:.2f}")
        so_far += price
    total = f"{receipt.total:.2f}"
    prices = ", ".join(f"{price:.2f}" for _, price in receipt.goods)
    steps = (f"The prices are {prices}.", *sums, f"Check: the line of the total says {total} as well.")
    asked = pick(rng, ("What is the total?", "How much is to be paid in all?", "Find the total of this receipt."))
    return Question("receipt_total", f"{asked} Answer with a number.", total, f"The total is {total}.", steps)


def _ask_change(total: Decimal, cash: Decimal) -> Question:
    change = f"{cash - total:.2f}"
    steps = (
        f"The total is {total:.2f}, and the cash is {cash:.2f}.",
        f"{cash:.2f} - {total:.2f} = {change}",
        f"Check: the line of the change says {change} as well.",
    )
    asked = "How much change was given back? Answer with a number."
    return Question("receipt_change", asked, change, f"The change is {change}.", steps)


def _draw_receipt(rng: np.random.Generator, receipt: Receipt, cap: float) -> Image.Image:
    """The shop centred, the date, goods with prices on the right, totals below."""
    mono = [face for face in training_faces() if face.style == "mono"]
    face = mono[int(rng.integers(len(mono)))] if rng.random() < 0.5 else sample_face(rng)
    pitch, sheet = float(rng.uniform(1.8, 2.2)) * cap, Sheet()
    names = [_written(name, face, cap) for name, _ in receipt.amounts]
    shop = _written(receipt.shop, face, cap)
    width = max(18 * cap, shop.picture.shape[1], max(name.picture.shape[1] for name in names) + 7 * cap)
    sheet.put(shop, (width - shop.picture.shape[1]) / 2, 0)
    sheet.put(_written(receipt.date, face, cap), 0, 1.2 * pitch)
    for line, (name, (_, amount)) in enumerate(zip(names, receipt.amounts, strict=True)):
        price = _written(f"{amount:.2f}", face, cap)
        top = (2.4 + line + 0.2 * (line >= len(receipt.goods))) * pitch
        sheet.put(name, 0, top)
        sheet.put(price, width - price.picture.shape[1], top)
    return printed(sheet.page("receipt", rng), rng)


def _draw_form(rng: np.random.Generator, form: Form, cap: float) -> Image.Image:
    """Labels, and values in another font on a rule."""
    face, typed, sheet = sample_face(rng), sample_face(rng), Sheet()
    pitch = float(rng.uniform(2.3, 3)) * cap
    top = sheet.put(_written(form.title, sister_face(rng, face), 1.2 * cap), 0, 0) + cap
    for label, filled in form.fields:
        left = max(6.5 * cap, print_field(sheet, _written(f"{label}:", face, cap), 0, top) + 0.7 * cap)
        right = max(left + 11 * cap, print_field(sheet, _written(filled, typed, cap), left, top))
        sheet.rule(left, top + 1.7 * cap, right, top + 1.7 * cap + 1)
        top = round(top + pitch)
    return printed(sheet.page("form", rng), rng)


def _written(text: str, face: Face, cap: float) -> Rendered:
    return set_block([text], face, cap)


def _code(rng: np.random.Generator) -> str:
    letters = (pick(rng, "ABCDEFGHKLMNPRSTUVWXYZ") for _ in range(3))
    return "".join(letters) + str(rng.integers(100, 1000))


_SHOPS = ("shop", "store", "cafe", "mart")
_LABELS = ("TOTAL", "Total", "TOTAL DUE")
_FIELDS: tuple[tuple[str, Callable[[np.random.Generator], str]], ...] = (  # no two have the same kind of value
    ("Name", lambda rng: " ".join(plain_words(rng, 2, 7)).title()),
    ("City", lambda rng: plain_words(rng, 1)[0].title()),
    ("Date", field_samples.date),
    ("Phone", lambda rng: f"{rng.integers(1000):03}-{rng.integers(10_000):04}"),
    ("Price", lambda rng: f"{rng.integers(1, 500)}.{rng.integers(100):02}"),
    ("Age", lambda rng: str(rng.integers(2, 100))),
    ("Code", _code),
)
