"""A fuzzer of files: valid pictures, documents and clips are damaged, and a server is asked about them.

    python benchmarks/fuzz_files.py [--count 10000] [--seconds 480] [--first 0] [--go-on] [--out FILE]

Whatever the file, the server must answer by status 200 or 400, in time, without a traceback, go on, and lose nothing.
A file is made of its number, the same each time: one that is not answered so is told by its number alone, and
`--first NUMBER --count 1` sends it again. After every 500 files the result is written and a new server started;
`--go-on` begins where the result file ends. A file that was under way while this process was stopped (SIGSTOP) is sent
again, as its time says nothing. The exit status is 1 where a file failed. Needs the extras `serve` and `eval`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from asked_cases import CHAT, asked, part_of
from results_file import machine_here, weights_of, write_result
from sample_files import SampleFile, sample_files
from server_process import ours, running
from server_state import settled

RESULT = Path(__file__).parent / "results" / "fuzz_files.json"
SEED = 17
DECODE_S = 5  # that the files of a request may take
MARGIN_S = 15  # beyond that: for the queue before the workers, and a process that is started anew
CLIENTS = 4
EACH = 500  # files to a server
OPTIONS = ("--decode-seconds", str(DECODE_S), "--kv-memory", "0.125")
OURS = ("Traceback", 'File "', ".py", "site-packages", "errno", "Errno")  # what a client has no business to see
EXTREMES = (0, 1, 0x7F, 0x80, 0xFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
ENDED = ("the files took longer", "the files cannot be opened", "the files take more than")
MOST_CHANGES = 6

Bytes = np.ndarray  # uint8 (length,)
Mutation = Callable[[Bytes, np.random.Generator], Bytes]


def flip_bits(content: Bytes, rng: np.random.Generator) -> Bytes:
    places = rng.integers(len(content), size=rng.integers(1, 9))
    content[places] ^= (1 << rng.integers(8, size=len(places))).astype(np.uint8)
    return content


def set_bytes(content: Bytes, rng: np.random.Generator) -> Bytes:
    content[rng.integers(len(content), size=rng.integers(1, 17))] = rng.integers(256)
    return content


def set_number(content: Bytes, rng: np.random.Generator) -> Bytes:
    """An extreme number of 1, 2 or 4 bytes, in either order."""
    length, order = int(rng.choice([1, 2, 4])), str(rng.choice(["little", "big"]))
    value = int(rng.choice(EXTREMES)) & (256**length - 1)
    start = rng.integers(len(content))
    given = np.frombuffer(value.to_bytes(length, order), np.uint8)[: len(content) - start]
    content[start : start + len(given)] = given
    return content


def cut(content: Bytes, rng: np.random.Generator) -> Bytes:
    return content[: rng.integers(1, len(content) + 1)]


def remove(content: Bytes, rng: np.random.Generator) -> Bytes:
    start, end = _span(content, rng)
    return np.concatenate([content[:start], content[end:]]) if end - start < len(content) else content


def repeat(content: Bytes, rng: np.random.Generator) -> Bytes:
    start, end = _span(content, rng)
    return np.concatenate([content[:end], content[start:end], content[end:]])


def shuffle(content: Bytes, rng: np.random.Generator) -> Bytes:
    start, end = _span(content, rng)
    content[start:end] = rng.permutation(content[start:end])
    return content


def insert(content: Bytes, rng: np.random.Generator) -> Bytes:
    place = rng.integers(len(content) + 1)
    added = rng.integers(256, size=rng.integers(1, 65), dtype=np.uint8)
    return np.concatenate([content[:place], added, content[place:]])


def set_digits(content: Bytes, rng: np.random.Generator) -> Bytes:
    """Of a run of digits, as PDFs write lengths, offsets and sizes."""
    digits = np.flatnonzero((content >= ord("0")) & (content <= ord("9")))
    if len(digits):
        start = int(rng.choice(digits))
        run = digits[(digits >= start) & (digits < start + 6)]
        content[run] = rng.integers(ord("0"), ord("9") + 1, size=len(run))
    return content


def _span(content: Bytes, rng: np.random.Generator) -> tuple[int, int]:
    start = int(rng.integers(len(content)))
    return start, min(len(content), start + int(2 ** rng.uniform(0, 10)))


MUTATIONS: Sequence[Mutation] = (
    *(flip_bits, flip_bits, set_bytes, set_number, set_number, set_digits),
    *(cut, remove, repeat, shuffle, insert),
)


def mutated(files: Sequence[SampleFile], number: int) -> SampleFile:
    """File `number`: one of `files`, changed once or more, two in five in their first bytes, where headers stand."""
    rng = np.random.default_rng([SEED, number])
    file = files[number % len(files)]
    content = np.frombuffer(file.content, np.uint8).copy()
    head = int(rng.choice([64, 1024, len(content), len(content), len(content)]))
    first, rest = content[:head].copy(), content[head:]
    for _ in range(min(rng.geometric(0.5), MOST_CHANGES)):
        first = MUTATIONS[rng.integers(len(MUTATIONS))](first, rng)
    return replace(file, content=np.concatenate([first, rest]).tobytes())


def request_of(file: SampleFile, number: int) -> tuple[str, dict[str, Any]]:
    """Route and body. One in four goes through the model; the others show what it would see."""
    messages = asked([part_of(file)])
    if number % 4:
        return "/v1/preview", {"messages": messages, "pictures": bool(number % 8 == 1)}
    return CHAT, {"messages": messages, "temperature": 0, "max_tokens": 1}


@dataclass
class Findings:
    """statuses: files by status. failures: a line for each that was not answered as it must be. ended: a line for each
    whose decoder was ended, by time or by itself, and each that met an error of ours. seconds: of the work alone."""

    statuses: Counter[str] = field(default_factory=Counter)
    messages: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    slowest_s: float = 0.0
    seconds: float = 0.0
    most_growth: float = 0.0

    @classmethod
    def of(cls, path: Path) -> Findings:
        """Those of a result file."""
        told = json.loads(path.read_text())
        found = cls(**{one.name: told[one.name] for one in fields(cls)})
        found.statuses, found.messages = Counter(found.statuses), Counter(found.messages)
        return found

    def add(self, name: str, number: int, status: int, text: str, seconds: float) -> None:
        self.statuses[str(status)] += 1
        self.slowest_s = max(self.slowest_s, seconds)
        if wrong := wrong_with(status, text, seconds):
            self.failures.append(f"file {number} ({name}): {wrong}")
        elif status == 400:
            message = json.loads(text)["error"]["message"]
            self.messages[message[:40]] += 1
            if message.startswith(ENDED):
                self.ended.append(f"file {number} ({name}): {message}")


def wrong_with(status: int, text: str, seconds: float) -> str:
    """Empty where all is well."""
    if status not in (200, 400):
        return f"status {status}: {text[:200]}"
    if seconds > DECODE_S + MARGIN_S:
        return f"took {seconds:.1f} s"
    if status == 400:
        error = json.loads(text).get("error", {})
        if set(error) != {"message", "type", "param", "code"} or not error["message"]:
            return f"no error of OpenAI's form: {text[:200]}"
        if any(word in error["message"] for word in OURS):
            return f"tells of our code: {error['message'][:200]}"
    return ""


async def undamaged(address: str) -> Findings:
    """Every file as it is, which must be answered by 200; several at a time, so that pools are full afterwards."""
    findings = Findings()
    coming = iter([(file, number) for file in sample_files() for number in range(2)])

    async def one_client(client: httpx.AsyncClient) -> None:
        for file, number in coming:
            path, body = request_of(file, number)
            began, answer = time.monotonic(), await client.post(path, json=body)
            findings.add(file.name, number, answer.status_code, answer.text, time.monotonic() - began)

    async with httpx.AsyncClient(base_url=address, timeout=DECODE_S + 2 * MARGIN_S) as client:
        await asyncio.gather(*(one_client(client) for _ in range(CLIENTS)))
    return findings


async def fuzz(address: str, numbers: range, seconds: float, findings: Findings) -> None:
    """As many of the files as there is time for, in order; what comes of them goes into `findings`."""
    files, coming, stops = sample_files(), iter(numbers), Stops()
    latest = time.monotonic() + seconds

    async def one_file(client: httpx.AsyncClient, number: int) -> None:
        path, body = request_of(file := mutated(files, number), number)
        while True:
            began, stopped = time.monotonic(), stops.count
            try:
                answer = await client.post(path, json=body)
                status, text = answer.status_code, answer.text
            except httpx.HTTPError as error:
                status, text = 0, repr(error)
            if stops.count == stopped:
                return findings.add(file.name, number, status, text, time.monotonic() - began)

    async def one_client(client: httpx.AsyncClient) -> None:
        while time.monotonic() < latest and (number := next(coming, None)) is not None:
            await one_file(client, number)

    async with httpx.AsyncClient(base_url=address, timeout=DECODE_S + 2 * MARGIN_S) as client:
        await asyncio.gather(*(one_client(client) for _ in range(CLIENTS)))


class Stops:
    """How often this process was stopped and went on (SIGCONT), since this was made."""

    def __init__(self) -> None:
        self.count = 0
        asyncio.get_running_loop().add_signal_handler(signal.SIGCONT, self._went_on)

    def _went_on(self) -> None:
        self.count += 1


def at_a_new_server(numbers: range, seconds: float, findings: Findings) -> None:
    """The files, and what the server then holds more than before."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "server"
        with running(ours("nano", *OPTIONS), folder, {"OMP_NUM_THREADS": "1"}) as server:
            assert asyncio.run(undamaged(server.address)).statuses.keys() == {"200"}
            before, began = settled(server.address, server.pid, folder / "temporary"), time.monotonic()
            asyncio.run(fuzz(server.address, numbers, seconds, findings))
            findings.seconds += time.monotonic() - began
            after = settled(server.address, server.pid, folder / "temporary", before)
        findings.lost += [f"files {numbers.start} to {numbers.stop - 1}: {line}" for line in after.lost_since(before)]
        findings.most_growth = max(findings.most_growth, after.memory / before.memory - 1)
        if "Traceback" in (log := server.log.read_text()):
            print(log[log.index("Traceback") :][:4000])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=10_000, help="of all, those of the result file among them")
    parser.add_argument("--seconds", type=float, default=480, help="no file is begun after so many")
    parser.add_argument("--first", type=int, default=0, help="number of the first file")
    parser.add_argument("--go-on", action="store_true", help="after the files of the result file")
    parser.add_argument("--out", type=Path, default=RESULT)
    options = parser.parse_args()
    found = Findings.of(options.out) if options.go_on and options.out.exists() else Findings()
    latest = time.monotonic() + options.seconds
    while (done := found.statuses.total()) < options.count and (seconds := latest - time.monotonic()) > 0:
        first = options.first + done
        at_a_new_server(range(first, min(first + EACH, options.first + options.count)), seconds, found)
        report = {"files": found.statuses.total(), "first": options.first, **vars(found)}
        write_result(options.out, report, weights_of(None), machine_here())
        print(f"{report['files']} files, {len(found.failures)} failures", flush=True)
    print(json.dumps({**vars(found), "messages": found.messages.most_common(12)}, indent=2, ensure_ascii=False))
    raise SystemExit(bool(found.failures or found.lost))


if __name__ == "__main__":
    main()
