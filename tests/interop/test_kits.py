"""Our rules of the two kits say what the kits' own functions say. Needs their environment: `make kits`."""

import json
import random
import subprocess
from pathlib import Path

import pytest

pytest.importorskip("rapidfuzz", reason="the extra `eval` is not installed")

from demiglace.scoring.rules.rule_sets import as_scored, scorer
from demiglace.scoring.verdict import Expected

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv-kits" / "bin" / "python"
NUM_CASES = 300  # of each family
SLOW_CASES = 50  # of OCRBench, which VLMEvalKit scores from a file
KITS = ("lmms-eval-0.7.3", "vlmevalkit-2026-08")
RECORDED = ROOT / "tests" / "scoring" / "rules" / "kit_verdicts.jsonl"

needs_kits = pytest.mark.skipif(not PYTHON.exists(), reason="the kits have an environment of their own: make kits")

LETTERS = ["A", "B", "C", "D", "E", "Z", "a", "b", "(A)", "(B)", "B.", "C.", "D:", "A)", "B,", "**C**", "$D$", "C'"]
WORDS = "red green blue yellow dark of the answer is so it Answer: Option: option correct best not or and final"
PHRASES = [
    "The answer is", "the best answer is", "The best option is", "Best answer:", "my choice is", "i pick", "答案是",
    "I'm sorry, but without the image provided", "Failed to obtain answer via API.", "Cannot determine the answer",
]  # fmt: skip
NUMBERS = "12 12.0 12.5 12.61 1,200 1200 12% 0.12 -5 5 1e3 1_000 inf nan [6,12] [6, 12] 2009 1950 .5 12. 10:30 $5.99"
YES_NO = "yes no Yes No YES y n not nothing Yes. No, there is none know yes/no unknown"
TEXTS = (
    "don't dont its it's it 's johns john's st. the a an one two none ten coca-cola 24/7 (x) x+1 X+1 １２ \\frac{1}{2}"
)
SIGNS = [".", ",", "!", "?", ";", ":", "'", '"', "%", "...", "\n", " ", "  ", "\t"]
CELLS = [
    *["007", "12", "-3", "+5", "0.10", "1e3", ".5", "5.", "inf", "None"],
    *["N/A", "", "nan", "null", "NA", "True", "false", "TRUE", "1,234", "12%", "B", "yes", "-", "5 cm", "0", "1_000"],
]
CHOICES = [
    {"A": "red", "B": "green", "C": "blue", "D": "yellow"},
    {"A": "dark red", "B": "red", "C": "The red one", "D": "none"},
    {"A": "12", "B": "12.5", "C": "1,200", "D": "5"},
]


def text(rng, pieces):
    """Some pieces, in most cases with spaces between them, signs at places."""
    count = rng.choice([0, 1, 1, 1, 2, 2, 3, 4, 6, 9, 12])
    said = [rng.choice(pieces) + (rng.choice(SIGNS) if rng.random() < 0.25 else "") for _ in range(count)]
    return rng.choice([" ", " ", " ", "", "\n"]).join(said)


def choice_cases(family, rng):
    pieces = [*LETTERS, *LETTERS, *WORDS.split(), *PHRASES, *NUMBERS.split()[:6]]
    choices = rng.choice(CHOICES)
    return family, text(rng, pieces), [rng.choice("ABCD")], choices


def yes_no_cases(family, rng):
    return family, text(rng, YES_NO.split()), [rng.choice(["yes", "no"])], {}


def text_cases(family, rng):
    """Half of the responses are the answer, or begin with it."""
    pieces = [*NUMBERS.split(), *TEXTS.split(), *WORDS.split()[:8]]
    pieces = [piece for piece in pieces if "[" not in piece]  # one answer that is a list stops VLMEvalKit here
    answers = [text(rng, pieces) or "x" for _ in range(rng.choice([1, 1, 2, 10]))]
    if family == "VQA accuracy":
        answers = [rng.choice(answers) for _ in range(10)]
    response = rng.choice([text(rng, pieces), rng.choice(answers), rng.choice(answers) + rng.choice(SIGNS)])
    return family, response, answers, {}


def number_cases(family, rng):
    """One piece is the answer, since most texts of several are no numbers."""
    pieces = [*NUMBERS.split(), "yes", "Yes", "12 %", "[2018, 2020]", "['Yes', 'No']", "1000", "2019", "2018", "twelve"]
    edges = ["", "", "", " ", ".", "%", "\n", "$", " kg", "The answer is "]
    said = rng.choice(edges) + rng.choice(pieces) + rng.choice(edges)
    return family, said, [rng.choice(pieces)], {}


MAKERS = {
    "choice": choice_cases,
    "choice of MMMU": choice_cases,
    "choice of a video": choice_cases,
    "open question of MMMU": number_cases,
    "yes or no": yes_no_cases,
    "yes or no of POPE": yes_no_cases,
    "relaxed number": number_cases,
    "ANLS": text_cases,
    "VQA accuracy": text_cases,
    "contained text": text_cases,
    "contained formula": text_cases,
}


def asked(cases, folder):
    """The verdicts of both kits on each case."""
    (folder / "cases.json").write_text(json.dumps(cases))
    command = [PYTHON, Path(__file__).with_name("ask_kits.py"), folder / "cases.json", folder / "verdicts.json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads((folder / "verdicts.json").read_text())


def by_rules(kit, family, response, answers, choices):
    """The verdict by our copy of the kit's rules; OCRBench's is of a sheet with one row."""
    said = as_scored([response], kit)[0] if family.startswith("contained") else response
    return scorer(family, kit)(said, Expected(tuple(answers), choices)).score


@needs_kits
def test_rules_say_what_the_kits_say(tmp_path):
    rng = random.Random(0)
    counts = {family: SLOW_CASES if family.startswith("contained") else NUM_CASES for family in MAKERS}
    cases = [maker(family, rng) for family, maker in MAKERS.items() for _ in range(counts[family])]
    different = [
        (kit, *case, theirs)
        for case, said in zip(cases, asked(cases, tmp_path), strict=True)
        for kit, theirs in zip(KITS, said, strict=True)
        if by_rules(kit, *case) != (theirs if theirs is None else pytest.approx(theirs, abs=1e-9))
    ]
    assert different == []


@needs_kits
def test_the_recorded_verdicts_are_those_of_the_kits(tmp_path):
    rows = [json.loads(line) for line in RECORDED.read_text().splitlines()]
    told = asked([row[:4] for row in rows], tmp_path)
    assert [[said if said is None else round(said, 6) for said in pair] for pair in told] == [row[4] for row in rows]


@needs_kits
def test_a_sheet_gives_back_what_vlmevalkit_scores(tmp_path):
    rng = random.Random(0)
    columns = [[rng.choice(CELLS) for _ in range(rng.choice([1, 1, 2, 3]))] for _ in range(150)]
    columns += [[rng.choice(CELLS[:10]) for _ in range(3)] for _ in range(50)]
    told = asked([("column", column, [], {}) for column in columns], tmp_path)
    assert [as_scored(column, KITS[1]) for column in columns] == [column for _, column in told]
