"""What wheel and sdist ship beside code, whose it is, and the bill of materials: LICENCES.md and sbom.cdx.json.

    python packaging/shipped.py            writes both; needs cyclonedx-python-lib[json-validation]
    python packaging/shipped.py --check    exits with 1 where one is out of date; needs nothing

Components are the files that are no code, by SHA-256, and the packages that `pip install demiglace` takes directly, at
the versions of constraints.txt, with the licences that they state: all of them must be installed.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
import tomllib
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
SBOM, LICENCES = ROOT / "packaging" / "sbom.cdx.json", ROOT / "packaging" / "LICENCES.md"
TOP = "demiglace"
SUFFIXES_OF_CODE = (".py", ".pyc", ".typed")


@dataclass(frozen=True)
class Shipped:
    """pattern: of files from the root. licence: its SPDX identifier. inside: wheel, or sdist alone."""

    what: str
    pattern: str
    licence: str
    origin: str
    inside: str = "wheel"


SHIPPED = (
    Shipped("weights, vocabulary and settings of nano and nano-reader", "src/demiglace/checkpoints/nano*/*",
            "Apache-2.0", "trained by the project on what it draws; docs/nano.md"),
    Shipped("heads that help while learning", "src/demiglace/checkpoints/heads.safetensors", "Apache-2.0",
            "trained by the project; docs/nano.md"),
    Shipped("the server's page", "src/demiglace/server/page/*", "Apache-2.0",
            "written by the project; nothing of others"),
    Shipped("a drawn clip", "samples/flash.mp4", "Apache-2.0", "drawn by the project", "sdist"),
    Shipped("a photographed page and parts of it", "samples/*.png", "BSD-3-Clause",
            "scikit-image 0.26.0; samples/SOURCES.md", "sdist"),
    Shipped("pictures of the pages", "docs/pictures/*.*", "Apache-2.0",
            "made by the project; some show the page of samples/ (BSD-3-Clause)", "sdist"),
    Shipped("curves of runs", "experiments/*/*.png", "Apache-2.0", "measured and drawn by the project", "sdist"),
)  # fmt: skip


def files_of(entry: Shipped) -> list[Path]:
    return sorted(path for path in ROOT.glob(entry.pattern) if path.is_file())


def unlisted() -> list[str]:
    """Files of the package that are no code and that no entry covers."""
    listed = {path for entry in SHIPPED for path in files_of(entry)}
    package = (path for path in (ROOT / "src").rglob("*") if path.is_file() and path.suffix not in SUFFIXES_OF_CODE)
    return sorted(str(path.relative_to(ROOT)) for path in package if path not in listed)


def dependencies() -> dict[str, str]:
    """Name -> version of constraints.txt, of what the package needs directly."""
    pinned = dict(re.findall(r"^([\w.-]+)==(\S+)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    versions = {name.lower().replace("_", "-"): version for name, version in pinned.items()}
    names = [re.match(r"[\w.-]+", line)[0].lower().replace("_", "-") for line in project["dependencies"]]  # type: ignore[index]
    return {name: versions.get(name, "") for name in sorted(names)}


def stated_licence(name: str) -> str:
    """What a package says of itself: an expression, else its words in one line.

    Raises ValueError where it is not installed.
    """
    try:
        found = metadata.metadata(name)
    except metadata.PackageNotFoundError:
        raise ValueError(f"{name} is not installed, so its licence cannot be read: run this in .venv") from None
    classified = [line.rpartition(" :: ")[2] for line in found.get_all("Classifier", []) if line.startswith("License")]
    words = (found.get("License") or "").strip().splitlines()
    return found.get("License-Expression") or ", ".join(classified) or (words[0] if words else "not stated")


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def page(licences: dict[str, str]) -> str:
    rows = [f"| {e.what} | `{e.pattern}` | {e.inside} | {e.licence} | {e.origin} |" for e in SHIPPED]
    needed = [f"| {name} | {version} | {licences[name]} |" for name, version in dependencies().items()]
    return "\n".join([
        "# Licences of what is shipped", "",
        "Written by `python packaging/shipped.py`. The code is under Apache-2.0 (LICENSE). Fonts, prose and words are",
        "not shipped: the extra `train` installs them as packages of their own, with licences in `docs/fonts.md`.", "",
        "| what | files | in | licence | origin |", "|---|---|---|---|---|", *rows, "",
        "What `pip install demiglace` takes directly, at the versions of `constraints.txt`:", "",
        "| package | version | licence, as it states |", "|---|---|---|", *needed, "",
    ])  # fmt: skip


def document(licences: dict[str, str]) -> dict[str, Any]:
    """A CycloneDX 1.6 document, the same for the same files."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    packages = [
        {"type": "library", "bom-ref": f"pkg:pypi/{name}@{number}", "name": name, "version": number,
         "purl": f"pkg:pypi/{name}@{number}", "licenses": [{"license": {"name": licences[name]}}]}
        for name, number in dependencies().items()
    ]  # fmt: skip
    files = [
        {"type": "machine-learning-model" if path.suffix == ".safetensors" else "file",
         "bom-ref": str(path.relative_to(ROOT)), "name": str(path.relative_to(ROOT)),
         "hashes": [{"alg": "SHA-256", "content": sha256(path)}], "licenses": [{"license": {"id": entry.licence}}],
         "description": entry.what}
        for entry in SHIPPED if entry.inside == "wheel" for path in files_of(entry)
    ]  # fmt: skip
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json", "bomFormat": "CycloneDX", "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {"type": "library", "bom-ref": TOP, "name": TOP, "version": version,
                                   "purl": f"pkg:pypi/{TOP}@{version}",
                                   "licenses": [{"license": {"id": "Apache-2.0"}}]}},
        "components": packages + files,
        "dependencies": [{"ref": TOP, "dependsOn": [one["bom-ref"] for one in packages]}],
    }  # fmt: skip


def recorded_licences() -> dict[str, str]:
    """Of the packages, as the written document has them: an environment may have another version."""
    written = json.loads(SBOM.read_text())["components"]
    return {one["name"]: one["licenses"][0]["license"].get("name", "") for one in written if "purl" in one}


def outdated() -> list[str]:
    """Names of the files that are not what the sources say."""
    licences = dict.fromkeys(dependencies(), "") | recorded_licences()
    wanted = {SBOM: json.dumps(document(licences), indent=2) + "\n", LICENCES: page(licences)}
    return [path.name for path, text in wanted.items() if path.read_text() != text]


def write() -> None:
    """ValueError where the document breaks CycloneDX's schema."""
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    licences = {name: stated_licence(name) for name in dependencies()}
    text = json.dumps(document(licences), indent=2) + "\n"
    if error := JsonStrictValidator(SchemaVersion.V1_6).validate_str(text):
        raise ValueError(str(error))
    SBOM.write_text(text)
    LICENCES.write_text(page(licences))


if __name__ == "__main__":
    if missing := unlisted():
        sys.exit(f"no licence is given for {', '.join(missing)}")
    if "--check" in sys.argv:
        sys.exit(f"out of date: {', '.join(found)}; run packaging/shipped.py" if (found := outdated()) else 0)
    write()
