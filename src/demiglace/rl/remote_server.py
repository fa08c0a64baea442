"""A server that samples answers, and how it loads new weights.

vLLM loads them through its own routes, which exist if it is started with VLLM_SERVER_DEV_MODE=1: it reads a folder on
its disk, in place. Any other server loads them by a command that the user gives.
"""

from __future__ import annotations

import asyncio
import shlex
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

from demiglace.evaluation.backends.openai_server import OpenAIServer
from demiglace.rl.server_address import check_address

RETRIES = 12  # ours: with the pauses of `OpenAIServer` about four minutes, in which a server may restart
TIMEOUT_S = 600.0  # of one try; ours
NEEDED = "vLLM takes new weights where it is started with VLLM_SERVER_DEV_MODE=1; others need --generator-update"


@dataclass(frozen=True)
class RemoteServer:
    """url: such as http://127.0.0.1:8000/v1. folder: of the weights, visible to the server too.

    update: a command, to which the folder is added; when it ends, the server uses the new weights, or is about to start
    with them. None for vLLM, which loads them itself.
    """

    url: str
    update: str | None
    folder: Path
    retries: int = RETRIES

    def __post_init__(self) -> None:
        """ValueError for an invalid address, or without openai."""
        check_address(self.url)
        if find_spec("openai") is None:
            raise ValueError(f"asking {self.url} takes openai: pip install 'demiglace[eval]'")

    def take(self, label: str) -> None:
        """Make the server load the weights in the folder; ValueError if it does not.

        label: unique name of these weights.
        """
        if self.update is not None:
            return self._run(self.update)
        try:
            asyncio.run(self._reload(label))
        except ValueError as error:
            raise ValueError(f"{error} ({NEEDED})") from error

    def lacks(self, label: str) -> bool:
        """Whether vLLM has restarted since it loaded these weights, with others; ValueError if it cannot be reached.

        For other servers this is False: the update command starts them with the folder.
        """
        return self.update is None and asyncio.run(self._label()) != label

    @property
    def answers(self) -> OpenAIServer:
        return OpenAIServer(self.url, "", timeout=TIMEOUT_S, retries=self.retries)

    def _run(self, update: str) -> None:
        command = [*shlex.split(update), str(self.folder)]
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        except OSError as error:
            raise ValueError(f"the command that updates the server cannot be run: {error}") from error
        if done.returncode:
            message = (done.stderr.strip().splitlines() or ["nothing"])[-1]
            raise ValueError(f"{shlex.join(command)} ended with status {done.returncode} and said {message:.300}")

    async def _reload(self, label: str) -> None:
        """Pausing ends answers in progress and clears the caches of prompts, pictures and visual tokens, which stay
        empty until the end. If the weights cannot be read, the server stays paused, so that nobody gets answers from
        half-loaded weights."""
        reload = {"method": "reload_weights", "kwargs": {"weights_path": str(self.folder.absolute())}}
        async with self._calls.client() as client:
            await self._calls.post(client, "/pause", {})
            await self._calls.post(client, "/collective_rpc", reload)
            await self._calls.post(client, "/update_weight_version", {"new_version": label})
            await self._calls.post(client, "/resume", {})

    async def _label(self) -> object:
        async with self._calls.client() as client:
            body = await self._calls.get(client, "/weight_info")
        return body.get("weight_version") if isinstance(body, Mapping) else None

    @property
    def _calls(self) -> OpenAIServer:
        """The base URL of vLLM's own routes."""
        return replace(self.answers, url=self.url.rstrip("/").removesuffix("/v1"))
