"""Training in several processes under faults: what is resumed has the losses of a run that nothing disturbed.

    OMP_NUM_THREADS=1 python benchmarks/fault_drills.py

A small model is pre-trained on a CPU by `demiglace pretrain` in 2 and in 4 processes, forked from this one with what
`torchrun` tells its processes, so that PyTorch is imported once. As `torchrun` does, the others are ended when one
has ended with an error. Drills that the result file has are not run again. Results go to
benchmarks/results/fault_drills.json, and a table beside it.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import resource
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import torch._dynamo
import torch.distributed.checkpoint
import torch.distributed.fsdp  # noqa: F401  # imported before processes are forked
from results_file import machine_here, write_result

import demiglace.jobs.staged  # noqa: F401
from demiglace.cli.main import app
from demiglace.training import checkpoint, sharded_files

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from mixtures import write_mixture, write_start

RESULT = Path(__file__).parent / "results" / "fault_drills.json"
WEIGHTS = "random weights: whether losses are the same depends on no weights"
STAGES = {"resampler": 4, "vision": 4, "full": 24}  # steps
SAVE_EVERY = 4
PATIENCE = 300  # seconds until a run that does not end counts as hung


@dataclass
class Run:
    """A run of `pretrain` in a folder, started as often as it takes."""

    inputs: Path
    folder: Path
    count: int
    num_workers: int = 0
    processes: list[BaseProcess] = field(default_factory=list)
    num_starts: int = 0

    def start(self, first: Callable[[int], None] = lambda rank: None) -> None:
        """`first` is called in every process before all else."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        fork = multiprocessing.get_context("fork")
        self.processes = [fork.Process(target=self._train, args=(rank, port, first)) for rank in range(self.count)]
        self.num_starts += 1
        for process in self.processes:
            process.start()

    def wait(self) -> list[int | None]:
        """Exit codes; the first error ends the other processes."""
        deadline = time.monotonic() + PATIENCE
        while any(process.is_alive() for process in self.processes):
            failed = any(process.exitcode for process in self.processes)
            if failed or time.monotonic() > deadline:
                self._end()
            time.sleep(0.05)
        return [process.exitcode for process in self.processes]

    def finish(self) -> bool:
        """Start once more; whether it came to its end."""
        self.start()
        return self.wait() == [0] * self.count

    def kill_at(self, line: int, delay: float, rank: int) -> bool:
        """SIGKILL for a process, `delay` seconds after so many steps were logged; False where the run was over."""
        while all(process.is_alive() for process in self.processes) and len(self.lines()) < line:
            time.sleep(0.005)
        time.sleep(delay)
        victim = self.processes[rank]
        was_alive = victim.is_alive()
        victim.kill()
        self.wait()
        return was_alive

    def lines(self) -> list[dict[str, Any]]:
        files = [self.folder / stage / "metrics.jsonl" for stage in STAGES]
        texts = [file.read_text() for file in files if file.exists()]
        return [json.loads(line) for text in texts for line in text.splitlines() if line.endswith("}")]

    def learned(self) -> list[tuple[str, int, float, float]]:
        return [(line["stage"], line["step"], line["loss"], line["grad_norm"]) for line in self.lines()]

    def saved(self) -> int:
        """Steps that are in checkpoints, over all stages."""
        found = [checkpoint.latest(self.folder / stage) for stage in STAGES]
        return sum(checkpoint.num_steps(path) for path in found if path is not None)

    def told(self) -> str:
        """The first error of a process in a line."""
        texts = [path.read_text().splitlines() for path in sorted(self.folder.parent.glob("rank-*.log"))]
        errors = [line for lines in texts for line in lines if line.startswith("demiglace: ")]
        return errors[0].replace(f"{self.inputs}/", "") if errors else ""

    def _end(self) -> None:
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            process.join(10)
            process.kill()

    def _train(self, rank: int, port: int, first: Callable[[int], None]) -> None:
        log = os.open(self.folder.parent / f"rank-{rank}.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.environ |= {
            "RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(self.count), "MASTER_ADDR": "127.0.0.1",
            "MASTER_PORT": str(port), "TORCHELASTIC_RUN_ID": "drill",
        }  # fmt: skip
        first(rank)
        options = {
            "preset": "nano", "start": self.inputs / "start", "steps": ",".join(map(str, STAGES.values())),
            "length": 256, "batch-rows": 4, "micro-batch-rows": 1, "save-every": SAVE_EVERY,
            "workers": self.num_workers, "device": "cpu", "dtype": "float32", "folder": self.folder,
        }  # fmt: skip
        words = [str(word) for name, value in options.items() for word in (f"--{name}", value)]
        sys.argv = ["demiglace", "pretrain", str(self.inputs / "mixture.toml"), *words]
        app()


@dataclass(frozen=True)
class Drills:
    inputs: Path
    rng: random.Random

    def run(self, name: str, count: int, num_workers: int = 0) -> Run:
        folder = self.inputs / f"{name.replace(' ', '-')}-{count}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        return Run(self.inputs, folder / "run", count, num_workers)

    def undisturbed(self, count: int) -> Run:
        run = self.run("undisturbed", count)
        if not run.finish():
            raise RuntimeError(f"the undisturbed run ended with an error: {run.told()}")
        return run

    def killed(self, count: int, times: int) -> dict[str, Any]:
        """A process killed again and again: while it starts, computes or saves."""
        run, moments = self.run("killed", count), []
        while len(moments) < times:
            is_early = len(moments) % 5 == 4
            line = 0 if is_early else run.saved() + self.rng.randint(1, SAVE_EVERY + 1)
            delay, rank = self.rng.uniform(0, 3 if is_early else 0.3), self.rng.randrange(count)
            run.start()
            if run.kill_at(line, delay, rank):
                moments.append({"rank": rank, "steps_logged": len(run.lines()), "steps_saved": run.saved()})
            elif run.saved() == sum(STAGES.values()):
                shutil.rmtree(run.folder)  # it came to its end before: the next kills are in a new run
        return self.compared(run, run.finish(), {"kills": len(moments), "moments": moments})

    def full_disk(self, count: int) -> dict[str, Any]:
        """A process may write no file as large as its part of a checkpoint."""
        run = self.run("full disk", count)
        run.start(lambda rank: _small_files() if rank == count - 1 else None)
        codes, told, saved = run.wait(), run.told(), run.saved()
        return self.compared(run, run.finish(), {"exit_codes": codes, "told": told, "steps_saved": saved})

    def slow(self, count: int) -> dict[str, Any]:
        """A process that is stopped for two seconds, four times."""
        run = self.run("slow", count)
        run.start()
        for number in range(4):
            while len(run.lines()) < 6 * number + 2:
                time.sleep(0.01)
            victim = run.processes[self.rng.randrange(count)].pid
            assert victim is not None
            os.kill(victim, signal.SIGSTOP)
            time.sleep(2)
            os.kill(victim, signal.SIGCONT)
        return self.compared(run, run.wait() == [0] * count, {"stops": 4, "seconds": 2})

    def lost_worker(self, count: int) -> dict[str, Any]:
        """A data worker killed, as the system does when memory runs out."""
        run = self.run("lost worker", count, num_workers=1)
        run.start()
        while len(run.lines()) < 6 and all(process.is_alive() for process in run.processes):
            time.sleep(0.01)
        os.kill(_worker_of(run.processes[-1]), signal.SIGKILL)
        codes, told, saved = run.wait(), run.told(), run.saved()
        return self.compared(run, run.finish(), {"exit_codes": codes, "told": told, "steps_saved": saved})

    def torn(self, count: int) -> dict[str, Any]:
        """The last bytes of a process's newest file are lost after the run was stopped."""
        run = self.run("torn checkpoint", count)
        run.start()
        run.kill_at(18, 0.0, 0)
        newest = checkpoint.latest(run.folder / "full")
        assert newest is not None
        file = sorted(newest.glob(sharded_files.PATTERN))[-1]
        os.truncate(file, file.stat().st_size - 100)
        run.start()
        codes, told = run.wait(), run.told()
        shutil.rmtree(newest)
        return self.compared(run, run.finish(), {"exit_codes": codes, "told": told, "steps_saved": run.saved()})

    def compared(self, run: Run, is_finished: bool, figures: dict[str, Any]) -> dict[str, Any]:
        """With the run that nothing disturbed: losses and norms of all steps, and the bytes of the model."""
        whole = Run(self.inputs, self.inputs / f"undisturbed-{run.count}" / "run", run.count)
        models = [(one.folder / "model" / "model.safetensors") for one in (run, whole)]
        return {
            "processes": run.count,
            "starts": run.num_starts,
            "finished": is_finished,
            "same_losses": run.learned() == whole.learned(),
            "steps_compared": len(whole.learned()),
            "same_model": is_finished and models[0].read_bytes() == models[1].read_bytes(),
            "left_over": sorted(path.name for path in run.folder.glob("*/*part*")),
            **figures,
        }


def _small_files() -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**15, 2**15))


def _worker_of(process: BaseProcess) -> int:
    """The first child of a process that computes samples."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    is_worker = [pid for pid in children if "spawn_main" in Path(f"/proc/{pid}/cmdline").read_text()]
    return int(is_worker[0])


def table(drills: dict[str, dict[str, Any]]) -> str:
    rows = ["| drill | processes | starts | steps compared | losses | model |", "|---|---:|---:|---:|---|---|"]
    for name, one in drills.items():
        same = ["the same" if one[key] else "others" for key in ("same_losses", "same_model")]
        rows.append(f"| {name} | {one['processes']} | {one['starts']} | {one['steps_compared']} | {' | '.join(same)} |")
    return "\n".join(rows) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=RESULT)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, help="of runs, kept for the next time")
    options = parser.parse_args()
    done = json.loads(options.out.read_text())["drills"] if options.out.exists() else {}
    with tempfile.TemporaryDirectory() as folder:
        inputs = options.folder or Path(folder)
        if not (inputs / "start").exists():
            write_start(inputs / "start")
            write_mixture(inputs)
        drills = Drills(inputs, random.Random(options.seed))
        planned: list[tuple[str, int, Callable[[int], dict[str, Any]]]] = [
            ("a process killed 14 times", 2, partial(drills.killed, times=14)),
            ("a full disk", 2, drills.full_disk),
            ("a slow process", 2, drills.slow),
            ("a lost data worker", 2, drills.lost_worker),
            ("a torn checkpoint", 2, drills.torn),
            ("a process killed 6 times more", 2, partial(drills.killed, times=6)),
            ("one of four killed 4 times", 4, partial(drills.killed, times=4)),
            ("a full disk for one of four", 4, drills.full_disk),
            ("one slow process of four", 4, drills.slow),
            ("a lost data worker of four", 4, drills.lost_worker),
            ("one torn file of four", 4, drills.torn),
        ]
        for name, count, drill in planned:
            if name in done:
                continue
            if not (inputs / f"undisturbed-{count}").exists():
                drills.undisturbed(count)
            done[name] = drill(count)
            write_result(options.out, {"drills": done}, WEIGHTS, machine_here())
            options.out.with_suffix(".md").write_text(table(done))
            print(name, {key: value for key, value in done[name].items() if key != "moments"}, flush=True)


if __name__ == "__main__":
    main()
