"""Options of `demiglace eval`: the backend that answers, and the sampling of videos."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from demiglace.cli import inference_options
from demiglace.conversation import VideoSampling

if TYPE_CHECKING:
    from demiglace.evaluation.backends.backend import Backend
    from demiglace.evaluation.benchmark import Benchmark
    from demiglace.inference.demiglace import Demiglace

TIMEOUT, RETRIES, CONCURRENCY = 600.0, 2, 32  # ours
Rules = Annotated[str, typer.Option(help="Scoring rules: demiglace, lmms-eval-0.7.3 or vlmevalkit-2026-08.")]


@dataclass(frozen=True)
class Frames:
    """Sampling of videos; None leaves it to the benchmark."""

    fps: inference_options.Fps = None
    max_packages: inference_options.MaxPackages = None
    package_frames: inference_options.PackageFrames = None

    def check(self, benchmarks: Sequence[Benchmark]) -> None:
        """ValueError for an option if no benchmark has videos."""
        if not any(one.has_videos for one in benchmarks):
            options = {"--fps": self.fps, "--max-packages": self.max_packages, "--package-frames": self.package_frames}
            _refuse("videos", f"there are none in {', '.join(one.name for one in benchmarks)}", options)

    def of(self, preset: VideoSampling | None) -> VideoSampling | None:
        names = ("fps", "max_packages", "package_frames")
        given = {name: value for name in names if (value := getattr(self, name)) is not None}
        if not given:
            return preset
        return replace(preset or VideoSampling(), **given, force_package_frames="package_frames" in given)


@dataclass(frozen=True)
class Answering:
    """The backend that answers: our engine, transformers, or a server."""

    backend: Annotated[
        Literal["engine", "transformers"], typer.Option(help="Backend for a model that is not on a server.")
    ] = "engine"
    server: Annotated[
        str | None, typer.Option(help="Ask this OpenAI-compatible server, such as http://host:8000/v1, for MODEL.")
    ] = None
    api_key_file: Annotated[Path | None, typer.Option(help="File with the key of the server.", exists=True)] = None
    timeout: Annotated[
        float | None, typer.Option(help=f"Seconds to wait for an answer of a server: {TIMEOUT:g} by default.", min=0.1)
    ] = None
    retries: Annotated[
        int | None, typer.Option(help=f"Retries of a failed request to a server: {RETRIES} by default.", min=0)
    ] = None
    plain_server: Annotated[
        bool, typer.Option("--plain-server", help="Send the server only what OpenAI's own API has.")
    ] = False
    frames_as_pictures: Annotated[
        bool, typer.Option("--frames-as-pictures", help="Send the server videos as pictures of their frames.")
    ] = False
    concurrency: Annotated[int | None, typer.Option(help=f"Concurrent questions: {CONCURRENCY} by default.", min=1)] = (
        None
    )
    adapter: Annotated[str | None, typer.Option(help="Folder of a LoRA adapter to add to the model.")] = None
    device: inference_options.Device = None
    dtype: inference_options.Dtype = None
    quantize: inference_options.Quantize = None

    def of(self, model: str, slicing: Mapping[str, Any], is_judged: bool) -> Backend:
        """ValueError if an option is for another backend. is_judged: whether a judge on a server is asked too."""
        if self.server is not None:
            return self._server(model, slicing)
        if not is_judged:
            _refuse("a server", "--server was not given", {"--timeout": self.timeout, "--retries": self.retries})
        own = {"--api-key-file": self.api_key_file, "--plain-server": self.plain_server or None}
        _refuse("a server", "--server was not given", own | {"--frames-as-pictures": self.frames_as_pictures or None})
        if self.backend == "transformers":
            from demiglace.evaluation.backends.transformers_model import TransformersBackend

            options = {"--adapter": self.adapter, "--quantize": self.quantize, **slicing}
            options["--concurrency"] = None if is_judged else self.concurrency
            _refuse("our engine", "--backend transformers was chosen", options)
            return TransformersBackend(model, self.device, self.dtype)
        return self._engine(model, slicing)

    @property
    def patience(self) -> tuple[float, int]:
        """Seconds to wait for a server's answer, and retries."""
        return TIMEOUT if self.timeout is None else self.timeout, RETRIES if self.retries is None else self.retries

    @property
    def at_once(self) -> int:
        return self.concurrency or CONCURRENCY

    def _engine(self, model: str, slicing: Mapping[str, Any]) -> Backend:
        from demiglace.evaluation.backends.engine import EngineBackend, weights_hash
        from demiglace.model.hub import folder_of

        def load() -> Demiglace:
            from demiglace.inference.demiglace import Demiglace

            assistant = Demiglace.load(model, self.device, self.dtype, self.adapter, self.quantize)
            return assistant.sliced(**slicing)

        changes = {"adapter": self.adapter, "quantize": self.quantize, "dtype": self.dtype, **slicing}
        name = _named(model, [f"{name} {value}" for name, value in changes.items() if value is not None])
        return EngineBackend(load, name, weights_hash(folder_of(model), self.adapter), self.at_once)

    def _server(self, model: str, slicing: Mapping[str, Any]) -> Backend:
        from demiglace.evaluation.backends.openai_server import OpenAIServer, ServerBackend

        options = {"--adapter": self.adapter, "--device": self.device, "--dtype": self.dtype}
        options["--backend"] = None if self.backend == "engine" else self.backend
        _refuse("our engine", "--server was chosen", options | {"--quantize": self.quantize, **slicing})
        assert self.server is not None
        own = {"plain": self.plain_server, "frames as pictures": self.frames_as_pictures}
        server = OpenAIServer(self.server, model, read_key(self.api_key_file), *self.patience, *own.values())
        backend = ServerBackend(server, self.at_once)
        backend.name = _named(model, [name for name, is_set in own.items() if is_set])
        return backend


def _named(model: str, changes: list[str]) -> str:
    """The model's name in settings and reports, with what else decides its answers."""
    return f"{model} ({', '.join(changes)})" if changes else model


def check_installed(*packages: str) -> None:
    """ValueError if one of these packages of the extra `eval` is missing."""
    if missing := [name for name in packages if find_spec(name) is None]:
        raise ValueError(
            f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing: pip install 'demiglace[eval]'"
        )


def read_key(file: Path | None) -> str | None:
    """The API key in a file, if one is given."""
    return file.read_text(encoding="utf-8-sig").strip() if file else None


def _refuse(owner: str, reason: str, options: Mapping[str, Any]) -> None:
    if given := [name for name, value in options.items() if value is not None]:
        raise ValueError(f"{given[0]} is for {owner}, and {reason}")
