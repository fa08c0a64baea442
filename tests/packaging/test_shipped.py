"""Licences and bill of materials are those of what is shipped; container files name what is there."""

import json
import re
import runpy
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SHIPPED = runpy.run_path(str(ROOT / "packaging" / "shipped.py"), run_name="shipped")


def test_everything_shipped_that_is_no_code_has_a_licence() -> None:
    assert SHIPPED["unlisted"]() == []
    for entry in SHIPPED["SHIPPED"]:
        assert SHIPPED["files_of"](entry), f"{entry.pattern} matches nothing"


def test_the_sdist_has_every_folder_that_tests_read() -> None:
    """Those of the layout in the readme, and files that are read by name."""
    build = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["sdist"]
    folders = re.findall(r"^([a-z]+)/", (ROOT / "README.md").read_text().partition("## Repository layout")[2], re.M)
    assert {"tests", "experiments"} <= set(folders)
    files = (".dockerignore", "Dockerfile", "compose.yaml", "Makefile", "constraints.txt", "CHANGELOG.md")
    assert {f"/{name}" for name in (*folders, *files) if name != "docs"} <= set(build["include"])


def test_type_checkers_read_the_types_that_the_classifier_promises() -> None:
    assert "Typing :: Typed" in tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["classifiers"]
    assert (ROOT / "src" / "demiglace" / "py.typed").read_text() == ""


def test_the_written_files_are_up_to_date() -> None:
    assert SHIPPED["outdated"]() == [], "run packaging/shipped.py"


def test_the_bill_has_every_weight_and_direct_dependency() -> None:
    listed = json.loads(SHIPPED["SBOM"].read_text())["components"]
    weights = {str(path.relative_to(ROOT)) for path in (ROOT / "src").rglob("*.safetensors")}
    assert weights == {one["name"] for one in listed if one["type"] == "machine-learning-model"}
    packages = {one["name"]: one["version"] for one in listed if one["type"] == "library"}
    assert packages == SHIPPED["dependencies"]()
    assert all(packages.values())


def test_each_dependency_states_a_licence() -> None:
    stated = {name: SHIPPED["stated_licence"](name) for name in SHIPPED["dependencies"]()}
    assert stated.keys() == SHIPPED["recorded_licences"]().keys()
    assert "installed" not in " ".join(SHIPPED["recorded_licences"]().values())
    with pytest.raises(ValueError, match="no-such-package is not installed"):
        SHIPPED["stated_licence"]("no-such-package")


def test_the_image_is_made_of_files_that_are_let_in() -> None:
    let_in = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    assert all((ROOT / name).exists() for name in let_in)
    assert {"src", "pyproject.toml", "constraints.txt", "README.md", "LICENSE"} <= set(let_in)
