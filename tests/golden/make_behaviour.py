"""What Demiglace does, in figures: `behaviour.json`, to tell whether a change that should change nothing did.

    python tests/golden/make_behaviour.py              # writes behaviour.json
    python tests/golden/make_behaviour.py --compare    # recomputes it; exit status 1 where something differs
    python tests/golden/make_behaviour.py --compare sft    # this part alone

Texts, token ids and counts must be the same everywhere. Pixels, losses, weights and answers must be the same in the
same surroundings (versions and processor, which the file holds); elsewhere losses alone are compared, within
`TOLERANCE`. The later losses of the nano recipe are the same within `ROUGH` alone.
Parts that draw need the fonts and the prose with which the file was written.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import asdict
from hashlib import sha256
from math import isclose
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(Path(__file__).parent), str(ROOT / "tests"), str(ROOT / "tests" / "data")]

import behaviour_runs as runs  # noqa: E402
import behaviour_sources as sources  # noqa: E402
import torch  # noqa: E402
from behaviour_figures import ROUGH, TOLERANCE, Make, drawing, surroundings  # noqa: E402

FILE = Path(__file__).with_name("behaviour.json")
DRAWS = 50
PARTS: dict[str, Make] = {
    "drawn sources": sources.drawn_sources,
    "questions": sources.questions,
    "clips": sources.clips,
    "examinations": sources.examinations,
    "file sources": sources.file_sources,
    "loader": sources.loader,
    "data set": sources.data_set,
    "nano": runs.nano,
    "pretraining": runs.pretraining,
    "sft": runs.sft,
    "finetuning": runs.finetuning,
    "answers": runs.answers,
    "verdicts": runs.verdicts,
}
DRAWING = ("drawn sources", "questions", "clips", "examinations", "loader", "nano")


def computed(part: str, count: int) -> dict[str, dict[str, Any]]:
    """The figures of a part, as JSON has them."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with TemporaryDirectory() as folder:
            return json.loads(json.dumps(asdict(PARTS[part](Path(folder), count))))
    finally:
        torch.set_num_threads(threads)


def recorded() -> dict[str, Any]:
    return json.loads(FILE.read_text())


def differences(part: dict[str, Any], found: dict[str, Any], is_here: bool) -> list[str]:
    """Names of figures in `found` that are not the recorded ones of `part`."""
    wrong = [name for name, value in found["exact"].items() if part["exact"].get(name) != value]
    if is_here:
        both = {**part["here"], **part["losses"]}
        wrong += [name for name, value in {**found["here"], **found["losses"]}.items() if both.get(name) != value]
        return wrong + _far(part["rough"], found["rough"], ROUGH)
    return wrong + _far(part["losses"], found["losses"], TOLERANCE)


def _far(part: dict[str, list[float]], found: dict[str, list[float]], tolerance: float) -> list[str]:
    def is_near(expected: list[float], losses: list[float]) -> bool:
        pairs = zip(expected, losses, strict=False)
        return len(expected) == len(losses) and all(isclose(one, other, rel_tol=tolerance) for one, other in pairs)

    return [f"{name} ({tolerance:.0%})" for name, losses in found.items() if not is_near(part.get(name, []), losses)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", help="all without any", metavar="PART")
    parser.add_argument("--compare", action="store_true")
    asked = parser.parse_args()
    if strange := set(asked.parts) - PARTS.keys():
        parser.error(f"no part {min(strange)!r}; there are {', '.join(PARTS)}")
    parts = {}
    for name in asked.parts or PARTS:
        started = time.perf_counter()
        parts[name] = computed(name, DRAWS)
        print(f"{name}: {time.perf_counter() - started:.1f} s", file=sys.stderr, flush=True)
    return _compare(parts) if asked.compare else _write(parts)


def digest_of(parts: dict[str, Any]) -> str:
    """Of all figures but the rough ones."""
    firm = {name: {kind: held for kind, held in part.items() if kind != "rough"} for name, part in parts.items()}
    return sha256(json.dumps(firm, sort_keys=True).encode()).hexdigest()


def _write(parts: dict[str, Any]) -> int:
    """Parts that are not among these stay as they were."""
    kept = recorded()["parts"] if FILE.exists() else {}
    parts = {name: figures for name in PARTS if (figures := parts.get(name, kept.get(name)))}
    draws = f"{DRAWS // sources.SLOW} draws of whole pages and clips, which are slow, {DRAWS} of all else"
    held = {"draws": draws, "surroundings": surroundings(), "drawing": drawing(), "digest": digest_of(parts)}
    FILE.write_text(json.dumps({**held, "parts": parts}, indent=1, ensure_ascii=False) + "\n")
    print(held["digest"])
    return 0


def _compare(parts: dict[str, Any]) -> int:
    held = recorded()
    if not (is_here := held["surroundings"] == surroundings()):
        print("other surroundings: of pixels, weights and answers nothing is told")
    if held["drawing"] != drawing():
        print("other fonts or prose: parts that draw differ for that alone")
    status = 0
    for name, found in parts.items():
        wrong = differences(held["parts"][name], found, is_here)
        wrong += sorted({*held["parts"][name]["exact"]} - {*found["exact"]})  # no longer there
        print(f"{name}: {'different: ' + ', '.join(wrong) if wrong else 'equal'}")
        status |= bool(wrong)
    overall = digest_of({**held["parts"], **parts})
    print(f"{overall} ({'the recorded one' if overall == held['digest'] else 'recorded: ' + held['digest']})")
    return status


if __name__ == "__main__":
    sys.exit(main())
