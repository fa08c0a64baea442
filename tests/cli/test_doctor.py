import json
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from demiglace.cli.doctor import doctor, environment, extras_of
from demiglace.cli.environment_checks import CORE, OPTIONAL, PYTHON, RANGES, Environment, Finding, diagnose

PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]

HEALTHY = Environment(
    system="Linux",
    python=(3, 12, 4),
    versions=dict.fromkeys((*CORE, *OPTIONAL, "demiglace"), "3.0") | {"torch": "2.13.0+cpu", "transformers": "5.23.0"},
    import_errors={},
    device="cpu",
    device_name="a CPU",
    nvidia_driver=False,
    dtype="bfloat16",
    cpus=4,
    threads=4,
    spins_while_waiting=False,
    ffmpeg="8.1",
    checkpoint="checkpoints/nano",
    font_faces=80,
    tesseract="tesseract 5.3.0",
    extras={"eval": {"matplotlib", "rapidfuzz"}},
)


def with_version(name: str, version: str | None) -> Environment:
    versions = {**HEALTHY.versions, name: version or ""}
    return replace(HEALTHY, versions={key: value for key, value in versions.items() if value})


def finding(machine: Environment, subject: str) -> Finding:
    (found,) = [finding for finding in diagnose(machine) if finding.subject == subject]
    return found


def test_a_healthy_machine_is_ok_throughout() -> None:
    assert {found.state for found in diagnose(HEALTHY)} == {"ok"}


@pytest.mark.parametrize(
    ("name", "version", "state"),
    [
        ("torch", "2.10.1", "broken"),
        ("torch", "2.11.0", "ok"),
        ("torch", "2.15.2+cu130", "ok"),
        ("torch", "2.16.0", "broken"),
        ("torch", None, "broken"),
        ("transformers", "5.22.2", "note"),
        ("transformers", "5.23.0", "ok"),
        ("transformers", "5.25.0", "note"),
        ("transformers", None, "missing"),
        ("numpy", "1.26.4", "broken"),
        ("numpy", "2.5.0rc1", "ok"),
        ("rapidfuzz", None, "missing"),
        ("av", None, "broken"),
    ],
)
def test_versions(name: str, version: str | None, state: str) -> None:
    found = finding(with_version(name, version), name)
    assert found.state == state
    assert bool(found.cure) == (state != "ok")


@pytest.mark.parametrize(
    ("python", "state"), [((3, 10, 9), "broken"), ((3, 11, 0), "ok"), ((3, 13, 9), "ok"), ((3, 14, 0), "broken")]
)
def test_python(python: tuple[int, int, int], state: str) -> None:
    assert finding(replace(HEALTHY, python=python), "Python").state == state


@pytest.mark.parametrize(
    ("name", "version", "torch", "error", "cure"),
    [
        (
            "torchvision",
            "0.28.0",
            "2.13.0+cpu",
            "operator torchvision::nms does not exist",
            "pip uninstall torchvision",
        ),
        ("torchvision", "0.20.0", "2.15.0", "undefined symbol", "pip uninstall torchvision"),
        ("torchcodec", "0.14.0", "2.13.0+cpu", "libnvrtc.so.13: cannot open", "torchcodec<0.14"),
        ("torchcodec", "0.13.0", "2.13.0+cpu", "Could not load libtorchcodec", "install FFmpeg"),
        ("torchcodec", "0.17.0", "2.14.0", "Could not load libtorchcodec", "install FFmpeg"),
    ],
)
def test_broken_imports_name_their_cure(name: str, version: str, torch: str, error: str, cure: str) -> None:
    machine = with_version(name, version)
    machine = replace(machine, versions={**machine.versions, "torch": torch}, import_errors={name: error})
    found = finding(machine, name)
    assert found.state == "broken"
    assert error in found.seen
    assert cure in found.cure


def test_a_torch_that_does_not_import_is_to_be_installed_anew() -> None:
    machine = replace(HEALTHY, import_errors={"torch": "libcudart.so.13: cannot open"}, device="none")
    broken = [found for found in diagnose(machine) if found.state == "broken"]
    assert [found.cure for found in broken] == ["pip install --force-reinstall 'torch>=2.11,<2.16'"]


def test_installed_and_importable_is_no_finding() -> None:
    assert "torchvision" not in {found.subject for found in diagnose(with_version("torchvision", "0.28.0+cpu"))}


@pytest.mark.parametrize(
    ("subject", "change", "state"),
    [
        ("system", {"system": "Windows"}, "note"),
        ("system", {"system": "Darwin"}, "note"),
        ("dtype", {"dtype": "float32"}, "note"),
        ("threads", {"threads": 1}, "note"),
        ("threads", {"threads": 2}, "ok"),
        ("threads", {"threads": 9}, "note"),
        ("threads", {"spins_while_waiting": True}, "note"),
        ("device", {"nvidia_driver": True}, "note"),
        ("device", {"nvidia_driver": True, "device": "cuda"}, "ok"),
        ("FFmpeg", {"ffmpeg": None}, "broken"),
        ("nano checkpoint", {"checkpoint": None}, "missing"),
        ("fonts", {"font_faces": None}, "missing"),
        ("tesseract", {"tesseract": None}, "missing"),
    ],
)
def test_machine(subject: str, change: dict, state: str) -> None:
    assert finding(replace(HEALTHY, **change), subject).state == state


def test_dtype_says_why() -> None:
    assert "no units for bfloat16" in finding(replace(HEALTHY, dtype="float32"), "dtype").seen


def test_the_tables_are_those_of_the_project() -> None:
    def bounds(name: str, span: tuple) -> str:
        first, beyond = (".".join(map(str, numbers)) if numbers else "" for numbers in span)
        return f"{name}>={first}" + (f",<{beyond}" if beyond else "")

    dependencies = PROJECT["dependencies"]
    extras = [line for extra in PROJECT["optional-dependencies"].values() for line in extra]
    assert {line.partition(">=")[0] for line in dependencies} == set(CORE)
    assert bounds("", PYTHON) == PROJECT["requires-python"]
    assert {bounds(name, span) for name, span in RANGES.items()} <= {*dependencies, *extras}


def test_this_machine_as_json() -> None:
    app = typer.Typer()
    app.command()(doctor)
    result = CliRunner().invoke(app, ["--json"])
    findings = [Finding(**found) for found in json.loads(result.stdout)]
    assert findings == diagnose(environment())
    assert result.exit_code == any(found.state == "broken" for found in findings)


def test_every_extra_is_known_with_all_that_it_brings() -> None:
    optional = PROJECT["optional-dependencies"]
    required = ["torch>=2.11", *(f"{line}; extra == '{name}'" for name, lines in optional.items() for line in lines)]
    extras = extras_of(required)
    assert extras.keys() == optional.keys()
    assert {"fastapi", "uvicorn", "llguidance"} <= extras["serve"]  # those of `guided` too
    assert "pytest" in extras["dev"] >= extras["train"] > extras["eval"] >= {"rapidfuzz", "matplotlib"}


def test_what_an_extra_lacks_is_named_with_the_cure() -> None:
    lacking = replace(HEALTHY, extras={"eval": {"matplotlib", "one", "two", "three", "four"}})
    found = finding(lacking, "extra eval")
    assert found.state == "missing"
    assert found.seen == "4 of 5 packages are absent: four, one, three and 1 more"
    assert found.cure == "pip install 'demiglace[eval]'"
