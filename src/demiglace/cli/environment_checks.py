"""Facts about a machine -> what works, what is broken, and the fix. Pure: nothing here inspects the machine."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "note", "missing", "broken"]
Versions = Mapping[str, str]  # name of an installed distribution -> its version

MOST_ABSENT = 3  # packages of an extra that are named
PYTHON = ((3, 11), (3, 14))  # first supported version, first unsupported one
RANGES = {"torch": ((2, 11), (2, 16)), "transformers": ((5, 23), (5, 25)), "numpy": ((2, 0), None)}

CORE = {
    "torch": "the model",
    "numpy": "pictures as arrays",
    "safetensors": "checkpoints",
    "tokenizers": "text to ids",
    "pillow": "pictures",
    "av": "videos",
    "pypdfium2": "PDF pages",
    "huggingface_hub": "checkpoints by hub id",
    "filelock": "one process at a time in a folder",
    "rich": "the terminal",
    "typer": "the command line",
}
OPTIONAL = {
    "rapidfuzz": "scores of reading (extra eval)",
    "matplotlib": "plots (extra eval)",
    "openai": "servers that are evaluated (extra eval)",
    "llguidance": "answers by a schema (extra guided)",
    "pillow-heif": "HEIC pictures (extra photos)",
    "pillow-jxl-plugin": "JPEG XL pictures (extra photos)",
    "transformers": "the reference in parity tests (extra parity)",
    "mlx": "the reference in parity tests (extra parity)",
    "pytest": "the tests (extra dev)",
}


@dataclass(frozen=True)
class Finding:
    """One verdict: `missing` is something optional, `broken` must be fixed first."""

    subject: str
    state: State
    seen: str
    cure: str = ""


@dataclass(frozen=True)
class Environment:
    """Facts about a machine.

    system: "Linux", "Darwin", "Windows", as `platform.system` gives it.
    import_errors: distribution -> first line of the error that its import raised, for imports tried that failed.
    device, dtype: the defaults for loading a model.
    spins_while_waiting: whether threads spin while they wait for others.
    ffmpeg: version of the FFmpeg inside PyAV, None if PyAV cannot be imported.
    checkpoint: the shipped checkpoint's folder, None if it is absent.
    extras: extra of the installation -> distributions that it installs.
    font_faces, tesseract: used by training and the reading benchmark; None if absent.
    """

    system: str
    python: tuple[int, int, int]
    versions: Versions
    import_errors: Mapping[str, str]
    device: str
    device_name: str
    nvidia_driver: bool
    dtype: str
    cpus: int
    threads: int
    spins_while_waiting: bool
    ffmpeg: str | None
    checkpoint: str | None
    font_faces: int | None
    tesseract: str | None
    extras: Mapping[str, Collection[str]]


def diagnose(machine: Environment) -> list[Finding]:
    """All verdicts, in a sensible reading order."""
    return [
        _system(machine.system),
        _python(machine),
        *_packages(machine.versions),
        *_broken_imports(machine),
        _device(machine),
        _dtype(machine),
        _threads(machine),
        _ffmpeg(machine),
        _checkpoint(machine),
        *_learning(machine),
        *(_extra(name, needed, machine.versions) for name, needed in machine.extras.items()),
    ]


def _system(name: str) -> Finding:
    if name == "Linux":
        return Finding("system", "ok", name)
    if name == "Windows":
        return Finding("system", "note", "Windows: training and evaluation need a POSIX system", "run them in WSL 2")
    return Finding("system", "note", f"{name or 'unknown'}: tested on Linux only")


def _python(machine: Environment) -> Finding:
    seen, (first, beyond) = ".".join(map(str, machine.python)), PYTHON
    if first <= machine.python[:2] < beyond:
        return Finding("Python", "ok", seen)
    return Finding("Python", "broken", seen, f"make the environment with a Python {_span(first, beyond)}")


def _packages(versions: Versions) -> Iterator[Finding]:
    yield Finding("demiglace", "ok", versions.get("demiglace", "not installed, run from its source"))
    for name, purpose in (CORE | OPTIONAL).items():
        yield _package(name, purpose, versions.get(name))


def _package(name: str, purpose: str, version: str | None) -> Finding:
    install = f"pip install '{name}{_requirement(name)}'"
    if version is None:
        return Finding(name, "broken" if name in CORE else "missing", f"for {purpose}", install)
    first, beyond = RANGES.get(name, ((0,), None))
    if _numbers(version) < first or (beyond and _numbers(version) >= beyond):
        return Finding(
            name, "broken" if name in CORE else "note", f"{version}, tested: {_span(first, beyond)}", install
        )
    return Finding(name, "ok", f"{version}, for {purpose}")


def _broken_imports(machine: Environment) -> Iterator[Finding]:
    """Installed packages that cannot be imported; those that Demiglace never imports itself break others that do."""
    for name, error in machine.import_errors.items():
        seen = f"{machine.versions.get(name, '?')} does not import: {error}"
        yield Finding(name, "broken", seen, _import_cure(name, machine.versions))


def _import_cure(name: str, versions: Versions) -> str:
    cpu_torch = versions.get("torch", "").endswith("+cpu")
    if name == "torchvision":
        why = "a CUDA build beside a CPU torch" if cpu_torch else "not the build that belongs to this torch"
        return f"{why}; Demiglace does not need it: pip uninstall torchvision"
    if name == "torchcodec" and cpu_torch and _numbers(versions.get(name, "0")) >= (0, 14):
        return "linked to CUDA from 0.14 on; beside a CPU torch: pip install 'torchcodec<0.14', or uninstall it"
    if name == "torchcodec":
        return "it needs FFmpeg's libraries on the system: install FFmpeg, or pip uninstall torchcodec"
    return f"pip install --force-reinstall '{name}{_requirement(name)}'"


def _device(machine: Environment) -> Finding:
    seen = f"{machine.device} ({machine.device_name})"
    if machine.device == "cpu" and machine.nvidia_driver:
        return Finding("device", "note", f"{seen}, but a GPU's driver is there", "install the CUDA build of torch")
    return Finding("device", "ok", seen)


def _dtype(machine: Environment) -> Finding:
    if machine.device == "cpu" and machine.dtype == "float32":
        reason = "this CPU has no units for bfloat16; weights take twice the memory"
        return Finding("dtype", "note", f"float32: {reason}")
    return Finding("dtype", "ok", f"{machine.dtype}: {machine.device} computes in it")


def _threads(machine: Environment) -> Finding:
    seen = f"{machine.threads} for {machine.cpus} CPUs"
    # torch counts cores; the system counts each core twice if it runs two threads.
    if machine.threads * 2 < machine.cpus:
        return Finding("threads", "note", seen, f"too few: unset OMP_NUM_THREADS, or set it to {machine.cpus // 2}")
    if machine.threads > machine.cpus:
        return Finding(
            "threads", "note", seen, f"too many, they will wait on each other: OMP_NUM_THREADS={machine.cpus}"
        )
    if machine.spins_while_waiting:
        cure = "unset OMP_WAIT_POLICY: beside other work on these CPUs this takes several times as long"
        return Finding("threads", "note", f"{seen}, waiting actively", cure)
    return Finding("threads", "ok", seen)


def _ffmpeg(machine: Environment) -> Finding:
    if machine.ffmpeg is None:
        return Finding("FFmpeg", "broken", "PyAV does not import", "pip install --force-reinstall --no-deps av")
    return Finding("FFmpeg", "ok", f"{machine.ffmpeg}, inside PyAV")


def _checkpoint(machine: Environment) -> Finding:
    if machine.checkpoint is None:
        cure = "name one: `--model` takes a folder or a hub id; or train one: demiglace train"
        return Finding("nano checkpoint", "missing", "none is shipped with this installation", cure)
    return Finding("nano checkpoint", "ok", machine.checkpoint)


def _learning(machine: Environment) -> Iterator[Finding]:
    if machine.font_faces is None:
        yield Finding("fonts", "missing", "too few to train on", "pip install 'demiglace[train]'")
    else:
        yield Finding("fonts", "ok", f"{machine.font_faces} faces to train on")
    if machine.tesseract is None:
        yield Finding("tesseract", "missing", "for the reading benchmark", "apt-get install tesseract-ocr")
    else:
        yield Finding("tesseract", "ok", f"{machine.tesseract}, for the reading benchmark")


def _extra(name: str, needed: Collection[str], versions: Versions) -> Finding:
    absent = sorted(set(needed) - versions.keys())
    if not absent:
        return Finding(f"extra {name}", "ok", f"all {len(needed)} packages")
    more = f" and {len(absent) - MOST_ABSENT} more" if len(absent) > MOST_ABSENT else ""
    seen = f"{len(absent)} of {len(needed)} packages are absent: {', '.join(absent[:MOST_ABSENT])}{more}"
    return Finding(f"extra {name}", "missing", seen, f"pip install 'demiglace[{name}]'")


def _numbers(version: str) -> tuple[int, ...]:
    """The leading numbers: "2.13.0+cpu" -> (2, 13, 0)."""
    numbers = []
    for piece in version.partition("+")[0].split("."):
        if not piece.isdigit():
            break
        numbers.append(int(piece))
    return tuple(numbers)


def _span(first: tuple[int, ...], beyond: tuple[int, ...] | None) -> str:
    return f">={_dotted(first)}" + (f",<{_dotted(beyond)}" if beyond else "")


def _requirement(name: str) -> str:
    return _span(*RANGES[name]) if name in RANGES else ""


def _dotted(numbers: tuple[int, ...]) -> str:
    return ".".join(map(str, numbers))
