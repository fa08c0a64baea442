"""`demiglace doctor`: checks this machine and prints what works, what is broken, and the fix."""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from importlib import import_module, metadata
from itertools import chain
from pathlib import Path
from typing import Annotated

import typer

import demiglace
from demiglace.cli.environment_checks import CORE, OPTIONAL, Environment, Finding, State, diagnose
from demiglace.cli.openmp_threads import spins_while_waiting
from demiglace.cli.terminal import check_open

EXTRA = re.compile(r"""extra == ['"]([\w-]+)""")
OWN_EXTRAS = re.compile(r"demiglace\[([\w, -]+)\]")
OFTEN_BROKEN = ("torch", "torchvision", "torchcodec")
MARKS: dict[State, str] = {
    "ok": "[green]ok[/]",
    "note": "[yellow]note[/]",
    "missing": "[dim]-[/]",
    "broken": "[red]broken[/]",
}


def doctor(as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False) -> None:
    """Check this machine: versions, device, dtype, known broken combinations. Exits with 1 if something is broken."""
    check_open("stdout")
    findings = diagnose(environment())
    if as_json:
        typer.echo(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        _show(findings)
    if any(finding.state == "broken" for finding in findings):
        raise typer.Exit(1)


def environment() -> Environment:
    """Facts about this machine; what cannot be determined counts as absent, without an error."""
    extras = extras_of(_required())
    versions = _versions({"demiglace", *CORE, *OPTIONAL, *OFTEN_BROKEN, *chain.from_iterable(extras.values())})
    import_errors = _import_errors(name for name in OFTEN_BROKEN if name in versions)
    has_torch = "torch" in versions and "torch" not in import_errors
    device, device_name, dtype, threads = _torch_facts() if has_torch else ("none", "no torch", "none", 1)
    return Environment(
        system=platform.system(),
        python=sys.version_info[:3],
        versions=versions,
        import_errors=import_errors,
        device=device,
        device_name=device_name,
        nvidia_driver=Path("/proc/driver/nvidia/version").exists(),
        dtype=dtype,
        cpus=_usable_cpus(),
        threads=threads,
        spins_while_waiting=spins_while_waiting(os.environ),
        ffmpeg=_ffmpeg_version() if "av" in versions else None,
        checkpoint=_shipped_checkpoint() if has_torch else None,
        font_faces=_font_faces() if {"numpy", "pillow"} <= versions.keys() else None,
        tesseract=_tesseract_version(),
        extras=extras,
    )


def _required() -> list[str]:
    """Requirements of the installed distribution; empty if it is not installed."""
    try:
        return metadata.requires("demiglace") or []
    except metadata.PackageNotFoundError:
        return []


def extras_of(required: Iterable[str]) -> dict[str, set[str]]:
    """Extra -> its distributions, from requirements with markers, including those of extras that it refers to."""
    own: dict[str, set[str]] = {}
    for line in required:
        name, _, marker = line.partition(";")
        if found := EXTRA.search(marker):
            own.setdefault(found[1], set()).add(name.strip())
    return {extra: _distributions(extra, own) for extra in sorted(own)}


def _distributions(extra: str, own: Mapping[str, set[str]]) -> set[str]:
    found: set[str] = set()
    for requirement in own[extra]:
        if named := OWN_EXTRAS.match(requirement):
            found = found.union(*(_distributions(name.strip(), own) for name in named[1].split(",")))
        else:
            found.add(re.match(r"[\w.-]+", requirement)[0])  # type: ignore[index]
    return found


def _versions(names: Iterable[str]) -> dict[str, str]:
    versions = {}
    for name in names:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions


def _import_errors(names: Iterable[str]) -> dict[str, str]:
    errors = {}
    for name in names:
        try:
            import_module(name)
        except Exception as error:  # a broken package may raise anything, and this is what we look for
            errors[name] = str(error).strip().partition("\n")[0][:200]
    return errors


def _torch_facts() -> tuple[str, str, str, int]:
    """The default device, its name, the default dtype and the number of threads."""
    import torch

    from demiglace.model.placement import default_dtype, device_named

    device = device_named(None)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor() or platform.machine()
    return device.type, name, str(default_dtype(device)).removeprefix("torch."), torch.get_num_threads()


def _usable_cpus() -> int:
    # A container may have fewer CPUs than the machine; only Linux reports it.
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _ffmpeg_version() -> str | None:
    try:
        import av
    except ImportError:
        return None
    return av.ffmpeg_version_info


def _shipped_checkpoint() -> str | None:
    from demiglace.model.hub import folder_of

    try:
        return str(folder_of(None))
    except ValueError:
        return None


def _font_faces() -> int | None:
    from demiglace.typography.fonts import training_faces

    try:
        return len(training_faces())
    except ValueError:
        return None


def _tesseract_version() -> str | None:
    if shutil.which("tesseract") is None:
        return None
    process = subprocess.run(["tesseract", "--version"], capture_output=True, text=True, timeout=20, check=False)
    return " ".join((process.stdout or process.stderr).split()[:2])


def _show(findings: list[Finding]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table("", "what", "seen", "cure", title=f"demiglace {demiglace.__version__}", title_justify="left")
    for finding in findings:
        table.add_row(MARKS[finding.state], *map(Text, (finding.subject, finding.seen, finding.cure)))
    Console().print(table)
