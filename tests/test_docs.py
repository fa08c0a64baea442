"""The pages under docs/ tell the truth: contracts, links and imports are those that exist; the index names all."""

import ast
import re
import sys
from importlib import import_module
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "docs"))
sys.path.insert(0, str(Path(__file__).parents[1] / "docs" / "site"))

import assemble
import contracts

import demiglace
from demiglace.evaluation.benchmark_names import BENCHMARKS

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
GUIDES = [ROOT / "README.md", *sorted(page for page in DOCS.glob("*.md") if page.name != "LOG.md")]
PAGES = [*GUIDES, ROOT / "CONTRIBUTING.md", DOCS / "LOG.md", *sorted(ROOT.glob("experiments/*/README.md"))]
PUBLIC = ("demiglace", "demiglace.integrations.transformers")


def by_path(pages: list[Path]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("page", pages, ids=lambda page: str(page.relative_to(ROOT)))


def prose(page: Path) -> str:
    """The page without its fenced blocks."""
    return re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)


def anchors(page: Path) -> set[str]:
    """Of headings, as GitHub and Python-Markdown make them."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


def imports(page: Path) -> list[tuple[str, str | None]]:
    """(module, name) of what its blocks import of this package; no name where the module itself is imported."""
    found: list[tuple[str, str | None]] = []
    for line in re.findall(r"^ *((?:from|import) demiglace\b.*)$", page.read_text(), re.MULTILINE):
        (statement,) = ast.parse(line).body
        module = getattr(statement, "module", None)
        found += [(module, alias.name) if module else (alias.name, None) for alias in statement.names]
    return found


def test_the_contracts_are_those_of_the_code() -> None:
    page = contracts.PAGE.read_text()
    assert page == contracts.updated(page), "run: python docs/contracts.py"


def test_a_contract_that_is_no_longer_there_is_named() -> None:
    with pytest.raises(ValueError, match="chooses Nobody, which the package defines 0 times"):
        contracts.full_name("Nobody")


def test_the_index_has_a_line_for_every_page() -> None:
    lines = re.findall(r"^- \[[^]]+\]\(([^)]+)\): \S.*\.$", (DOCS / "index.md").read_text(), re.MULTILINE)
    assert len(lines) == len(set(lines))
    assert {page.name for page in DOCS.glob("*.md")} - {"index.md"} == {line for line in lines if "/" not in line}


@by_path(PAGES)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        path, _, anchor = target.partition("#")
        if "://" in path:
            continue
        there = (page.parent / path).resolve() if path else page
        assert there.is_file(), f"{page.name} links to {target}"
        assert not anchor or anchor in anchors(there), f"{page.name} links to {target}"


def test_every_experiment_is_linked_from_the_page_of_the_paper() -> None:
    linked = set(re.findall(r"\]\(\.\./experiments/(\w+)/README\.md\)", (DOCS / "paper.md").read_text()))
    assert linked == {page.parent.name for page in ROOT.glob("experiments/*/README.md")}


def test_benchmarks_of_the_paper_that_are_not_implemented_are_not() -> None:
    (row,) = re.findall(r"not implemented: (.*), and Video-MME with subtitles", (DOCS / "paper.md").read_text())
    assert not {*row.split(", ")} & {*BENCHMARKS}


def test_there_are_links_and_imports_to_hold() -> None:
    assert sum(len(re.findall(r"\]\(", prose(page))) for page in PAGES) > 40
    assert sum(len(imports(page)) for page in GUIDES) >= 10


@by_path(GUIDES)
def test_guides_import_public_names_alone(page: Path) -> None:
    for module, name in imports(page):
        assert module in PUBLIC, f"{page.name} imports {module}, which is not public"
        if module != "demiglace":
            pytest.importorskip("transformers")
        assert not name or name in import_module(module).__all__, f"{page.name} imports {name}, which is not public"


def test_public_names_have_no_underscore() -> None:
    assert [name for name in demiglace.__all__ if name.startswith("_")] == ["__version__"]


def test_the_reference_has_every_module_once(tmp_path: Path) -> None:
    assemble.assemble(tmp_path)
    shown = re.findall(r"^::: (\S+)$", "\n".join(assemble.reference().values()), re.MULTILINE)
    files = [file for file in assemble.PACKAGE.rglob("*.py") if not file.name.startswith("__")]
    assert len(shown) == len(set(shown)) == len(files)
    assert all((tmp_path / "pages" / page).is_file() for page in listed(assemble.order()))


def test_the_site_lists_what_the_index_lists() -> None:
    site = set(listed(assemble.order()))
    assert {f"docs/{page.name}" for page in DOCS.glob("*.md")} <= site
    assert {"README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/reference/demiglace.model.md"} <= site


def listed(entries: object) -> list[str]:
    """Pages of a list as mkdocs has it, at any depth."""
    if isinstance(entries, str):
        return [entries]
    inner = entries.values() if isinstance(entries, dict) else entries
    return [page for entry in inner for page in listed(entry)]
