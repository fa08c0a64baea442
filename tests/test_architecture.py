"""The house holds: floors, no circles, one sitting a file, one thought a function, and a model that only computes."""

import ast
import re
from collections import Counter
from functools import cache
from itertools import chain
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "demiglace"
PLAN = ROOT / "docs" / "architecture.md"
LARGEST_ROOM = 0.11  # of the lines of the package
MOST_LINES_OF_A_FILE = 300
MOST_LINES_OF_A_FUNCTION = 60
FORBIDDEN_NAMES = {"utils", "util", "common", "helpers", "misc", "base"}


def module_name(file: Path) -> str:
    return ".".join(("demiglace", *file.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__")


FILES = {module_name(file): file for file in sorted(PACKAGE.rglob("*.py"))}
ENTRANCES = {"demiglace", "demiglace.__main__"}  # they stand outside the floors: one hands out, one starts


@cache
def tree(name: str) -> ast.Module:
    return ast.parse(FILES[name].read_text())


@cache
def floors() -> dict[str, int]:
    """Room -> floor, read from the first table in docs/architecture.md."""
    rows = re.findall(r"^\| (\d+) \|(.*)\|$", PLAN.read_text(), re.MULTILINE)
    return {room: int(floor) for floor, cells in rows for room in re.findall(r"`(\w+)`", cells)}


@cache
def inner_floors() -> dict[tuple[str, str], int]:
    """(room, folder or file in it) -> floor inside the room, read from the second table."""
    rows = re.findall(r"^\| `(\w+)` \| (\d+) \|(.*)\|$", PLAN.read_text(), re.MULTILINE)
    return {(room, unit): int(floor) for room, floor, cells in rows for unit in re.findall(r"`(\w+)`", cells)}


def room(name: str) -> str:
    return name.split(".")[1]


def unit(name: str) -> tuple[str, str]:
    """The folder or file of its room that a module belongs to."""
    return room(name), name.split(".")[2]


def rooms_with_folders() -> set[str]:
    return {room(name) for name in FILES if name.count(".") > 2}


def imports(name: str) -> set[str]:
    """Modules of the package that this one imports anywhere, also inside functions."""
    found = set()
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name} imports relatively: name the module in full"
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return {module for module in found if module in FILES and module != name} - ENTRANCES


def test_the_table_knows_every_room() -> None:
    assert {room(name) for name in FILES if name not in ENTRANCES} == floors().keys()


@pytest.mark.parametrize("name", sorted(FILES.keys() - ENTRANCES))
def test_imports_come_from_the_floors_below(name: str) -> None:
    for module in imports(name):
        inside, below = room(module) == room(name), floors()[room(module)] < floors()[room(name)]
        assert inside or below, (
            f"{name} (floor {floors()[room(name)]}) imports {module} (floor {floors()[room(module)]})"
        )


def test_the_second_table_knows_every_room_with_folders() -> None:
    units = {unit(name) for name in FILES if name.count(".") > 1 and room(name) in rooms_with_folders()}
    assert units == inner_floors().keys()


@pytest.mark.parametrize("name", [name for name in sorted(FILES) if name.count(".") > 1])
def test_imports_inside_a_room_come_from_its_floors_below(name: str) -> None:
    for module in imports(name):
        if room(module) == room(name) in rooms_with_folders() and module.count(".") > 1 and unit(module) != unit(name):
            assert inner_floors()[unit(module)] < inner_floors()[unit(name)], f"{name} imports {module}"


def test_no_room_is_most_of_the_house() -> None:
    lines: Counter[str] = Counter()
    for name in FILES.keys() - ENTRANCES:
        lines[room(name)] += len(FILES[name].read_text().splitlines())
    biggest, count = lines.most_common(1)[0]
    assert count <= LARGEST_ROOM * lines.total(), f"{biggest} has {count} of {lines.total()} lines"


def test_no_import_circles() -> None:
    waiting = {name: imports(name) for name in FILES}
    while free := {name for name, needed in waiting.items() if not needed & waiting.keys()}:
        waiting = {name: needed for name, needed in waiting.items() if name not in free}
    assert not waiting, f"modules in or above a circle: {sorted(waiting)}"


def test_every_file_is_read_in_one_sitting() -> None:
    folders = ("src", "tests", "benchmarks", "experiments", "docs")
    lines = {file: len(file.read_text().splitlines()) for folder in folders for file in (ROOT / folder).rglob("*.py")}
    assert lines.keys() > set(FILES.values())
    assert {str(file): count for file, count in lines.items() if count > MOST_LINES_OF_A_FILE} == {}


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_function_is_one_thought(name: str) -> None:
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno - node.lineno < MOST_LINES_OF_A_FUNCTION, f"{name}.{node.name} is too long"


def test_rooms_are_named_after_nouns() -> None:
    assert not FORBIDDEN_NAMES & set(chain.from_iterable(name.split(".") for name in FILES))


def test_tests_stand_where_their_modules_stand() -> None:
    """A file of tests with a module's name lies in the folder of a module of that name."""
    folders: dict[str, set[Path]] = {}
    for file in FILES.values():
        folders.setdefault(file.stem, set()).add(file.parent.relative_to(PACKAGE))
    for file in (ROOT / "tests").rglob("test_*.py"):
        folder = file.parent.relative_to(ROOT / "tests")
        expected = folders.get(file.stem.removeprefix("test_"), {folder})
        assert folder in expected, f"{file} tests a module of {' or '.join(map(str, expected))}"


@pytest.mark.parametrize("name", [name for name in sorted(FILES) if name.startswith("demiglace.model")])
def test_the_model_only_computes(name: str) -> None:
    """Whatever decides an output comes in as an argument: no environment, no `global`, no printing."""
    for node in ast.walk(tree(name)):
        assert not isinstance(node, ast.Global), f"{name}:{node.lineno} uses global"
        assert not (isinstance(node, ast.Name) and node.id == "print"), f"{name}:{node.lineno} prints"
        environment = isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv")
        assert not environment, f"{name}:{node.lineno} reads the environment"


def test_only_the_command_line_prints() -> None:
    for name in FILES:
        if not name.startswith("demiglace.cli"):
            calls = [node for node in ast.walk(tree(name)) if isinstance(node, ast.Name) and node.id == "print"]
            assert not calls, f"{name}:{calls[0].lineno} prints"
