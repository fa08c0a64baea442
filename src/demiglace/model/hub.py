"""A checkpoint's folder: a local one, one from the hub by its id, or one of the two shipped models."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.resources import files
from os import PathLike
from pathlib import Path
from typing import Literal

NANO, NANO_READER = SHIPPED = "nano", "nano-reader"  # in the package: one answers questions, one reads
CONFIG_FILE, ADAPTER_CONFIG_FILE = "config.json", "adapter_config.json"  # of a model, of an adapter
HUB_FILES = ["*.json", "*.safetensors", "*.jinja", "merges.txt"]  # no code, no pickles


def resolve(path_or_id: str | os.PathLike[str]) -> Path:
    """A checkpoint's folder: a local one, or one downloaded from the hub by its id, such as "owner/name".

    Raises ValueError if there is neither, if the folder is another product of training, or if the download fails. In
    that case complete files are kept and incomplete ones are not.
    """
    folder = Path(path_or_id)
    if folder.is_dir():
        _check_holds_model(folder)
        return folder
    if folder.exists() or str(path_or_id).count("/") != 1 or str(path_or_id).startswith((".", "/", "~")):
        raise ValueError(f"{path_or_id} is neither a checkpoint's folder nor a hub id of the form owner/name")
    return _fetched(str(path_or_id), HUB_FILES, "model")


def _check_holds_model(folder: Path) -> None:
    """ValueError for the folder of an adapter, and for a run folder whose model is in a folder inside."""
    if (folder / CONFIG_FILE).exists():
        return
    if (folder / ADAPTER_CONFIG_FILE).exists():
        raise ValueError(
            f"{folder} holds an adapter, not a model: --adapter adds it to its model, and `demiglace merge` makes one "
            "model of both"
        )
    if (folder / "model" / CONFIG_FILE).exists():
        raise ValueError(f"{folder} holds no model, but {folder / 'model'} does")


def dataset_folder(hub_id: str, patterns: Sequence[str]) -> Path:
    """A folder with the files of a hub data set whose paths match one of `patterns`; ValueError as in `resolve`."""
    return _fetched(hub_id, patterns, "dataset")


def _fetched(path_or_id: str, patterns: Sequence[str], kind: Literal["model", "dataset"]) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        with _told_by_us("huggingface_hub"):
            return Path(snapshot_download(path_or_id, repo_type=kind, allow_patterns=list(patterns)))
    except (HFValidationError, HfHubHTTPError, LocalEntryNotFoundError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise ValueError(
            f"{path_or_id} is not a local folder and cannot be downloaded from the hub: {reason}"
        ) from error
    except (
        Exception
    ) as error:  # from the disk, or from the HTTP library, which differs between versions of the hub client
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise ValueError(
            f"{path_or_id} was not downloaded completely: {reason}; complete files are kept, "
            "and the same command downloads the rest"
        ) from error


@contextmanager
def _told_by_us(name: str) -> Iterator[None]:
    """Silences a library's log of failed attempts: the error that it finally raises says the same."""
    logger = logging.getLogger(name)
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)


def folder_of(path_or_id: str | PathLike[str] | None) -> Path:
    """The folder of a checkpoint, local or on the hub.

    None and "nano" mean the nano model in the package, "nano-reader" the other one there; a local folder of that name
    is "./nano". ValueError as in `resolve`, and if the package is installed without its models.
    """
    if path_or_id is not None and path_or_id not in SHIPPED:
        return resolve(path_or_id)
    folder = Path(str(files("demiglace"))) / "checkpoints" / str(path_or_id or NANO)
    if not folder.is_dir():
        raise ValueError("this installation includes no model: give a checkpoint's folder or hub id")
    return folder
