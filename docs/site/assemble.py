"""Puts the pages of the site into a folder for mkdocs: `python docs/site/assemble.py site`.

Pages and what they link to keep the places that they have in the repository, so that their links hold as they are; one
that leads nowhere is found by mkdocs. Beside them come the pages of the API reference, one for each room, and the
order of all pages, which is that of docs/index.md.
"""

import ast
import json
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import demiglace

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "demiglace"
REFERENCE = Path("docs/reference")


def linked(page: Path) -> Iterator[Path]:
    """Files of the repository that a page links to."""
    for target in re.findall(r"\]\(([^)\s#]+)", page.read_text()):
        if "://" not in target:
            yield (page.parent / target).resolve()


def pages() -> set[Path]:
    """README, all under docs/, and what can be reached from these by links."""
    waiting, found = [ROOT / "README.md", *ROOT.glob("docs/*.md")], set()
    while waiting:
        file = waiting.pop()
        if file.is_file() and file not in found:
            found.add(file)
            waiting += linked(file) if file.suffix == ".md" else []
    return found


def rooms() -> dict[str, list[str]]:
    """Room -> the modules in it by their full names; what stands beside the rooms is `demiglace` itself."""
    found: dict[str, list[str]] = {}
    for file in sorted(PACKAGE.rglob("*.py")):
        module = ("demiglace", *file.relative_to(PACKAGE).with_suffix("").parts)
        if module[-1] not in ("__init__", "__main__"):
            found.setdefault(".".join(module[:-1]), []).append(".".join(module))
    return found


def purpose(room: str) -> str:
    """What a room is for: the docstring of its `__init__.py`."""
    source = (PACKAGE.parent / room.replace(".", "/") / "__init__.py").read_text()
    return ast.get_docstring(ast.parse(source)) or ""


def reference() -> dict[Path, str]:
    """The pages of the API reference by their places."""
    public = "\n".join(f"- [`{name}`][{home}.{name}]" for name, home in demiglace._HOMES.items())
    written = {
        REFERENCE / f"{room}.md": "\n\n".join([f"# {room}", purpose(room), *(f"::: {module}" for module in modules)])
        for room, modules in rooms().items()
    }
    index = f"# API reference\n\nA page for each room. What guides import, `from demiglace import ...`:\n\n{public}\n"
    return {REFERENCE / "index.md": index, **written}


def order() -> list[dict[str, object]]:
    """The pages as mkdocs lists them: headings and lines of docs/index.md, then the reference."""
    index = (ROOT / "docs" / "index.md").read_text()
    listed: list[dict[str, object]] = [{"Documentation": "docs/index.md"}]
    for heading, section in re.findall(r"^## ([^\n]+)\n(.*?)(?=^## |\Z)", index, re.MULTILINE | re.DOTALL):
        entries = re.findall(r"^- \[([^]]+)\]\(([^)]+)\): ", section, re.MULTILINE)
        if entries:
            listed.append({heading: [{title: place(target)} for title, target in entries]})
    return [*listed, {"API": [str(page) for page in reference()]}]


def place(target: str) -> str:
    """Where a link of docs/index.md leads, from the root of the repository."""
    return str((ROOT / "docs" / target).resolve().relative_to(ROOT))


def assemble(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    for file in pages():
        copy = folder / "pages" / file.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copy)
    for path, text in reference().items():
        (folder / "pages" / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / "pages" / path).write_text(text)
    # JSON is YAML.
    settings = {"INHERIT": "../docs/site/mkdocs.yml", "nav": order()}
    (folder / "mkdocs.yml").write_text(json.dumps(settings, indent=2))


if __name__ == "__main__":
    assemble(Path(sys.argv[1]))
