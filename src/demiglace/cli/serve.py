"""`demiglace serve`: OpenAI's API for one model on this machine."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from os.path import abspath, basename
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from demiglace.cli.inference_options import Device, Dtype, Quantize, StaticPatches, with_options
from demiglace.cli.openmp_threads import run_in_own_thread
from demiglace.cli.terminal import note

if TYPE_CHECKING:
    from demiglace.server.limits import Limits

GIB = 2**30


@dataclass(frozen=True)
class Bounds:
    """Limits for requests; None keeps the server's default."""

    max_batch: Annotated[int | None, typer.Option(help="Maximum concurrent requests. [default: 64]")] = None
    max_queue: Annotated[int | None, typer.Option(help="Requests that may wait; others get 429. [default: 256]")] = None
    max_bytes: Annotated[int | None, typer.Option(help="Bytes of a request. [default: 128 MiB]")] = None
    max_pixels: Annotated[int | None, typer.Option(help="Pixels of a picture or frame. [default: 50 million]")] = None
    max_pages: Annotated[int | None, typer.Option(help="Pages of a request's documents. [default: 50]")] = None
    max_frames: Annotated[int | None, typer.Option(help="Frames sampled from a video. [default: 1080]")] = None
    max_seconds: Annotated[float | None, typer.Option(help="Length of a video. [default: 3600]")] = None
    max_tokens: Annotated[int | None, typer.Option(help="Tokens of prompt and answer. [default: the context]")] = None
    decode_seconds: Annotated[float | None, typer.Option(help="Time to open a request's files. [default: 60]")] = None

    def limits(self) -> Limits:
        from demiglace.server.limits import Limits

        return Limits(**{name: value for name, value in asdict(self).items() if value is not None})


@with_options
def serve(
    bounds: Bounds,
    model: Annotated[str | None, typer.Argument(help="Folder or hub id, or nano. [default: nano]")] = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.", min=0, max=65535)] = 8000,
    name: Annotated[str | None, typer.Option(help="Name of the model for clients. [default: its folder or id]")] = None,
    adapter: Annotated[str | None, typer.Option(help="Folder of a LoRA adapter to add to the model.")] = None,
    device: Device = None,
    dtype: Dtype = None,
    quantize: Quantize = None,
    static_patches: StaticPatches = None,
    compile_decode: Annotated[
        bool, typer.Option("--compile", help="Compile decoding, which takes up to a minute at the start.")
    ] = False,
    kv_memory: Annotated[
        float | None, typer.Option(help="KV cache in GiB. [default: 1, or as much as one full context]", min=0)
    ] = None,
    api_key_file: Annotated[
        Path | None, typer.Option(help="File of API keys, one per line; requests need one of them.")
    ] = None,
    api_key: Annotated[
        str | None,
        typer.Option(envvar="DEMIGLACE_API_KEY", help="API keys, separated by commas; better set in the environment."),
    ] = None,
    allow_remote: Annotated[
        bool, typer.Option("--allow-remote", help="Fetch files from public URLs in requests.")
    ] = False,
    media_root: Annotated[Path | None, typer.Option(help="Folder whose files requests may use: file://...")] = None,
    grace: Annotated[float, typer.Option(help="Seconds for running answers to finish at shutdown.", min=0)] = 30.0,
    log_json: Annotated[bool, typer.Option("--log-json", help="Log in JSON lines.")] = False,
) -> None:
    """Serve OpenAI's API for questions about images, PDFs and videos.

    demiglace serve nano --port 8000
    """
    try:
        from demiglace.server import logs, serving
    except ImportError as error:
        raise ValueError(f"{error.name} is missing: pip install 'demiglace[serve]'") from error
    from demiglace.engine.engine import EngineConfig
    from demiglace.inference.demiglace import Demiglace
    from demiglace.server.engine_thread import num_blocks_of
    from demiglace.server.media_sources import MediaSources
    from demiglace.server.remote_media import RemoteMedia
    from demiglace.server.service import Service

    limits, keys = bounds.limits(), serving.read_keys(api_key_file, api_key)
    _check_folder(media_root)
    place = serving.listening(host, port)
    loaded = run_in_own_thread(lambda: Demiglace.load(model, device, dtype, adapter, quantize))
    assistant = loaded.with_static_patches(static_patches)
    num_blocks = None if kv_memory is None else num_blocks_of(assistant.model, int(kv_memory * GIB))
    logs.set_up(log_json)
    sources = MediaSources(limits, media_root, RemoteMedia(limits.max_bytes) if allow_remote else None)
    called = name or model_name(model)
    config = EngineConfig(num_blocks=num_blocks, compile_decode=compile_decode)
    service = Service.of(called, assistant, limits, sources, config, keys)
    shown = f"[{host}]" if ":" in host else host
    note(f"{called} at http://{shown}:{place.getsockname()[1]}, for OpenAI's clients at /v1")
    serving.run(service, place, grace)


def model_name(model: str | None) -> str:
    """The last part of its folder or id; the folder may be "."."""
    return basename(abspath(model or "nano"))


def _check_folder(media_root: Path | None) -> None:
    if media_root is not None and not media_root.is_dir():
        raise ValueError(f"{media_root} is not a folder")
