"""Every result file says what it was made with, and those made with other weights than the shipped ones are listed."""

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("rapidfuzz", reason="the extra `eval` is not installed")
sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

import answering
import page_turns
import reading
import seeing
import video_efficiency
import vllm_packages
from results_file import weights_of

from demiglace.model.hub import SHIPPED

ROOT = Path(__file__).parents[1]
FOLDERS = ("benchmarks/results", "experiments/*", "docs/pictures")
RESULTS = sorted(path for folder in FOLDERS for path in ROOT.glob(f"{folder}/*.json"))
LISTED = ROOT / "benchmarks" / "results" / "README.md"
PAGES = [  # what tells of results; the log and the changelog are dated
    ROOT / "README.md",
    *ROOT.glob("src/demiglace/checkpoints/*/README.md"),
    *(page for page in ROOT.glob("docs/*.md") if page.name != "LOG.md"),
    *ROOT.glob("experiments/*/README.md"),
]
FIELDS = {"command": str, "date": str, "machine": dict, "versions": dict, "weights": dict}
DIGITS = 12  # of a hash, where people read it

each_result = pytest.mark.parametrize("path", RESULTS, ids=lambda path: str(path.relative_to(ROOT)))


def content(path: Path) -> dict:
    return json.loads(path.read_text())


@pytest.fixture(scope="module")
def stale() -> dict[str, str]:
    """Path -> digits of the weights, of results whose weights are none of those shipped now."""
    shipped = {weights_of(name).sha256 for name in SHIPPED}
    known = {str(path.relative_to(ROOT)): content(path)["weights"] for path in RESULTS}
    return {path: one["sha256"][:DIGITS] for path, one in known.items() if one and one["sha256"] not in shipped}


def test_there_are_results() -> None:
    assert len(RESULTS) >= 15


@each_result
def test_a_result_says_what_it_was_made_with(path: Path) -> None:
    result = content(path)
    assert set(FIELDS) <= set(result)
    for field, kind in FIELDS.items():
        if field == "weights" and result[field] is None:
            assert len(result["why_no_weights"].split()) > 2
        elif result[field] is None:
            assert "recorded_later" in result, f"{field} is null, and the script would have written it"
        else:
            assert isinstance(result[field], kind), field
    assert re.fullmatch(r"20\d\d-\d\d-\d\d", result["date"])


@each_result
def test_weights_are_known_by_their_whole_hash(path: Path) -> None:
    if weights := content(path)["weights"]:
        assert set(weights) == {"name", "sha256", "parameters"}
        assert re.fullmatch(r"[0-9a-f]{64}", weights["sha256"])
        assert weights["parameters"] > 1_000_000


@each_result
def test_the_script_of_a_result_writes_all_that(path: Path) -> None:
    found = re.search(r"(?:benchmarks|experiments|docs)/[\w/]+\.py", content(path)["command"] or "")
    script = found[0] if found else f"benchmarks/{path.stem.removesuffix('_no_upscale')}.py"
    if job := re.search(r"runs/gpu\.py (\w+)", content(path)["command"] or ""):
        script = {"efficiency": "benchmarks/video_gpu.py", "decode": "benchmarks/decoding.py"}.get(
            job[1], f"runs/{job[1]}_job.py"
        )
    assert "write_result(" in (ROOT / script).read_text()


def test_what_is_stale_is_listed_and_nothing_else(stale: dict[str, str]) -> None:
    rows = re.findall(r"^\| `([\w/.]+\.json)` \| `([0-9a-f]+)` \| (\S.*) \|$", LISTED.read_text(), re.MULTILINE)
    assert {path: digits for path, digits, _ in rows} == stale


def test_a_page_that_shows_stale_figures_says_of_which_weights(stale: dict[str, str]) -> None:
    for path, digits in stale.items():
        for page in PAGES:
            if shows(page, path):
                assert digits in page.read_text(), f"{page} shows figures of {path} without its weights {digits}"


def shows(page: Path, result: str) -> bool:
    """Whether a page names a result of a benchmark, or an experiment with a result, or stands beside that."""
    folder = str(Path(result).parent)
    if folder == "benchmarks/results":
        return result in page.read_text() or f"benchmarks/{Path(result).stem}.py" in page.read_text()
    return page.parent == ROOT / folder or f"`{folder}`" in page.read_text()


@pytest.mark.parametrize(
    ("name", "table"),
    [
        ("reading", reading.markdown),
        ("reading_no_upscale", reading.markdown),
        ("answering", answering.table),
        ("video_efficiency", video_efficiency.markdown),
        ("page_turns", page_turns.table),
        ("seeing", seeing.table),
        ("vllm_packages", vllm_packages.table),
    ],
)
def test_a_table_is_that_of_its_figures(name: str, table: Callable[[dict], str]) -> None:
    path = ROOT / "benchmarks" / "results" / f"{name}.json"
    assert path.with_suffix(".md").read_text() == table(content(path))


@pytest.mark.parametrize(("name", "page"), [("page_turns", "reading"), ("vllm_packages", "vllm")])
def test_a_table_is_in_its_guide(name: str, page: str) -> None:
    assert (LISTED.parent / f"{name}.md").read_text() in (ROOT / "docs" / f"{page}.md").read_text()
