"""Company, date and total of scanned receipts: exact match before and after fine-tuning, on receipts not learned from.

    python experiments/sroie_receipts/run.py RECEIPTS [--rounds 1] [--routes transcript,picture,read]

RECEIPTS holds NNN.jpg, NNN.key.json (company, date, total) and NNN.box.csv (lines as people wrote them down). What the
model is shown is one of three things: the `picture`; the text that it has `read` itself, page cutting and all; the
`transcript` of people, which is what perfect reading would give. The receipts are dealt into four parts, no shop in two
of them; in each round three parts are learned from and the fourth is examined.

All that is made goes to `--folder`, where a stopped run goes on; figures alone go to `results.json` beside this file.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from difflib import SequenceMatcher
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from results_file import machine_of, weights_of, write_result

from demiglace import Demiglace, SamplingParams
from demiglace.model.hub import folder_of
from demiglace.safe_files import write_whole
from demiglace.typography.words import plain_words

HERE = Path(__file__).parent
ROUTES = ("transcript", "picture", "read")
QUESTIONS = {  # as the model is taught to be asked about receipts
    "company": "Which shop is this receipt from?",
    "date": "What is the date on this receipt?",
    "total": "What is the total? Answer with a number.",
}
PARTS = 4
ONE_SHOP = 0.85  # names more alike than this are one name, spelled in two ways
SHORTEST_NAME = 4  # letters of a word that tells one company from another; not SDN, BHD, &
LENGTH = 2048  # tokens of a row
MOST_TOKENS = 64  # of an answer


@dataclass(frozen=True)
class Receipt:
    """key: the wanted answer to each question. texts: what the routes show in the place of the picture."""

    picture: Path
    key: dict[str, str]
    texts: dict[str, str] = field(default_factory=dict)


def load(folder: Path) -> list[Receipt]:
    """All receipts, with people's transcripts."""
    receipts = []
    for picture in sorted(folder.glob("*.jpg")):
        key = json.loads(picture.with_suffix(".key.json").read_text())
        lines = picture.with_suffix(".box.csv").read_text(errors="replace").splitlines()
        transcript = "\n".join(line.split(",", 8)[8] for line in lines if line.count(",") >= 8)
        key = {name: plain(name, key[name]) if name == "total" else key[name] for name in QUESTIONS}
        receipts.append(Receipt(picture, key, {"transcript": transcript}))
    if not receipts:
        raise SystemExit(f"{folder} holds no receipts")
    return receipts


def read(receipts: Sequence[Receipt], model: str, folder: Path) -> list[Receipt]:
    """The same with what `model` reads; what was read before is not read again."""
    pictures = [str(receipt.picture) for receipt in receipts]
    demiglace("read", *pictures, "--out", folder, "--model", folder_of(None) if model == "nano" else model)
    texts = [(folder / f"{receipt.picture.stem}.txt").read_text().strip() for receipt in receipts]
    pairs = zip(receipts, texts, strict=True)
    return [replace(receipt, texts=receipt.texts | {"read": text}) for receipt, text in pairs]


def deal(receipts: Sequence[Receipt], seed: int) -> list[list[Receipt]]:
    """Parts of about equal size; receipts of one shop stay together."""
    shops: list[list[Receipt]] = []
    for receipt in receipts:
        company = receipt.key["company"]
        known = (shop for shop in shops if _alike(shop[0].key["company"], company))
        if (shop := next(known, None)) is None:
            shops.append(shop := [])
        shop.append(receipt)
    parts: list[list[Receipt]] = [[] for _ in range(PARTS)]
    for number in np.random.default_rng(seed).permutation(len(shops)):
        min(parts, key=len).extend(shops[number])
    return parts


def records(receipts: Sequence[Receipt], route: str, variants: int, seed: int) -> Iterator[dict]:
    """As `demiglace finetune` takes them: every question to every receipt; to every variant of its text."""
    rng = np.random.default_rng((seed, 1))
    for variant in range(1 if route == "picture" else variants):
        for receipt in receipts:
            text, key = receipt.texts.get(route), receipt.key
            if variant and text is not None:
                text, key = disguised(text, key, rng)
            for name, question in QUESTIONS.items():
                asked = f"<image>{question}" if text is None else posed(text, question)
                answer = {"role": "assistant", "content": key[name]}
                shown = {"images": [receipt.picture.name]} if text is None else {}
                yield {"messages": [{"role": "user", "content": asked}, answer], **shown}


def disguised(text: str, key: dict[str, str], rng: np.random.Generator) -> tuple[str, dict[str, str]]:
    """Other digits and another company, alike in the text and the answers: where to look is left, what it said is not.

    Digits are exchanged for each other, and half of the company's words for words of a dictionary.
    """
    digits = str.maketrans("0123456789", "".join(rng.permutation(list("0123456789"))))
    company = key["company"]
    for word in sorted(set(re.findall(rf"[A-Za-z]{{{SHORTEST_NAME},}}", company))):
        if rng.random() < 0.5:
            pattern = re.compile(rf"\b{word}\b", re.IGNORECASE)
            other = plain_words(rng, 1)[0].upper()
            text, company = pattern.sub(other, text), pattern.sub(other, company)
    return text.translate(digits), {name: said.translate(digits) for name, said in (key | {"company": company}).items()}


def posed(text: str, question: str) -> str:
    return f"{text}\n\n{question}"


def finetune(options: argparse.Namespace, learned: Sequence[Receipt], route: str, folder: Path) -> tuple[Path, float]:
    """The adapter, and the seconds that it took; kept in `folder`."""
    adapter, took = folder / "run" / "adapter", folder / "seconds.json"
    if not took.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        data = folder / "learn.jsonl"
        lines = (json.dumps(record) for record in records(learned, route, options.variants, options.seed))
        data.write_text("".join(f"{line}\n" for line in lines))
        began = time.perf_counter()
        demiglace(
            "finetune", options.model, data, "--out", folder / "run", "--media", options.receipts.resolve(), "--lora",
            "--learn", "encoder,decoder" if route == "picture" else "decoder",
            "--epochs", options.variants if route == "picture" else 1,
            "--batch-rows", 1, "--length", LENGTH, "--held-out", 0, "--seed", options.seed,
        )  # fmt: skip
        write_whole(took, json.dumps(time.perf_counter() - began))
    return adapter, json.loads(took.read_text())


def examine(assistant: Demiglace, receipts: Sequence[Receipt], route: str) -> dict[str, int]:
    """How many of the answers are right, for each question."""
    asked = [(receipt, name) for receipt in receipts for name in QUESTIONS]
    requests = []
    for receipt, name in asked:
        text = receipt.texts.get(route)
        question = QUESTIONS[name] if text is None else posed(text, QUESTIONS[name])
        requests.append((question, [receipt.picture] if text is None else []))
    answers = assistant.batch(requests, SamplingParams.greedy(MOST_TOKENS), batch_rows=6)
    right = dict.fromkeys(QUESTIONS, 0)
    for (receipt, name), answer in zip(asked, answers, strict=True):
        right[name] += plain(name, answer.text) == plain(name, receipt.key[name])
    return right


def ceiling(receipts: Sequence[Receipt], route: str) -> dict[str, int] | None:
    """In how many of the texts the wanted answer stands, letter by letter."""
    if route == "picture":
        return None
    return {
        name: sum(plain(name, receipt.key[name]) in plain("text", receipt.texts[route]) for receipt in receipts)
        for name in QUESTIONS
    }


def plain(name: str, said: str) -> str:
    """Without case and double spaces; commas between digits go, and all but digits and points from totals."""
    squeezed = re.sub(r"(?<=\d),(?=\d{3}\b)", "", " ".join(said.lower().split()))
    return re.sub(r"[^\d.]", "", squeezed) if name == "total" else squeezed


def figures(
    options: argparse.Namespace, parts: Sequence[list[Receipt]], route: str, number: int, folder: Path
) -> dict[str, object]:
    """Of one round, kept in its folder."""
    kept = folder / "figures.json"
    if not kept.is_file():
        examined = parts[number]
        learned = [receipt for part in parts if part is not examined for receipt in part]
        model = None if options.model == "nano" else options.model
        adapter, seconds = finetune(options, learned, route, folder)
        found = {
            "learned_from": len(learned),
            "examined": len(examined),
            "before": examine(Demiglace.load(model), examined, route),
            "after": examine(Demiglace.load(model, adapter=adapter), examined, route),
            "ceiling": ceiling(examined, route),
            "seconds_of_finetuning": round(seconds),
        }
        write_whole(kept, json.dumps(found))
    return json.loads(kept.read_text())


def total(rounds: Sequence[dict]) -> dict[str, object]:
    """Sums over rounds."""
    sums: dict[str, object] = {"rounds": len(rounds), "examined": sum(one["examined"] for one in rounds)}
    for key in ("before", "after", "ceiling"):
        if rounds[0][key] is not None:
            sums[key] = {name: sum(one[key][name] for one in rounds) for name in QUESTIONS}
    return sums | {"seconds_of_finetuning": [one["seconds_of_finetuning"] for one in rounds]}


def demiglace(*words: object) -> None:
    subprocess.run([sys.executable, "-m", "demiglace", *map(str, words)], check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("receipts", type=Path, help="folder of pictures, keys and transcripts")
    parser.add_argument("--model", default="nano", help='folder of a checkpoint; "nano" is the shipped one')
    parser.add_argument("--routes", default=",".join(ROUTES), help="what is shown, in this order")
    parser.add_argument(
        "--rounds", type=int, default=PARTS, choices=range(1, PARTS + 1), help="parts that are examined"
    )
    parser.add_argument(
        "--variants", type=int, default=8, help="of each text that is learned from; passes over pictures"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, default=Path("runs/sroie_receipts"))
    options = parser.parse_args()
    routes = options.routes.split(",")
    if strange := set(routes) - set(ROUTES):
        parser.error(f"no route {', '.join(strange)}; there are {', '.join(ROUTES)}")
    model = None if options.model == "nano" else options.model
    weights, machine = weights_of(model), machine_of(Demiglace.load(model))
    folder = options.folder / weights.sha256[:12]
    receipts, results = load(options.receipts), {}
    for route in routes:
        if route == "read":
            receipts = read(receipts, options.model, folder / "texts")
        parts = deal(receipts, options.seed)
        results[route] = []
        for number in range(options.rounds):
            own = folder / f"{route}-{options.variants}-{options.seed}-{number + 1}"
            results[route].append(figures(options, parts, route, number, own))
            told = {"receipts": len(receipts), "routes": {name: total(rounds) for name, rounds in results.items()}}
            write_result(HERE / "results.json", told, weights, machine)
            print(route, json.dumps(total(results[route])))


def _alike(one: str, other: str) -> bool:
    return SequenceMatcher(None, one, other).ratio() > ONE_SHOP


if __name__ == "__main__":
    main()
