"""How candidates per hour grow with workers, on this machine and through Ray, and what limits it.

    python benchmarks/scaling.py                          # 1, 2 and 4 workers, three times; writes results/scaling.tsv
    python benchmarks/scaling.py --quick --json           # 1 and 2 workers, once, short trainings; prints rows
    python benchmarks/scaling.py --model                  # 64 and 1,024 workers on paper, from results/scaling.tsv

Every row trains the same recorded rewards for HalfCheetah-v5 from scratch, each for the same steps with the same seed,
with no rungs and no early end. `ratio` is to one worker of the same executor. Arms take turns, and figures are medians
over the turns. Ray runs on this machine too: what it adds is its own work, not a network's.
"""

from __future__ import annotations

import argparse
import csv
import datetime
import json
import math
import os
import platform
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from recorded import recorded_rewards

from reward_synth.core import machine
from reward_synth.core.types import TrainResult
from reward_synth.executors.base import Executor
from reward_synth.executors.ray.actor import Errand
from reward_synth.executors.ray.archive import pack
from reward_synth.executors.ray.driver import RayExecutor
from reward_synth.executors.registry import open_executor
from reward_synth.methods.halving import ONE_IN
from reward_synth.screening.checker import check_source
from reward_synth.settings.model import Settings
from reward_synth.tasks.spec import load_task
from reward_synth.training.job import TrainJob
from reward_synth.training.presets import preset_for

RESULTS = Path(__file__).parent / "results" / "scaling.tsv"
TICK = os.sysconf("SC_CLK_TCK")
SAMPLE_SECONDS = 1.0
SHORTER = 4
"""Part of the steps that the extra arm trains."""


@dataclass(frozen=True)
class Row:
    """One executor with so many workers."""

    date: str
    executor: str
    workers: int
    cores: int
    load: float
    """Of the machine before the first turn: other programs make every figure of time worse."""
    candidates: int
    steps: int
    """Environment steps of each candidate."""
    turns: int
    seconds: float
    """Wall time of all candidates, without the executor's start."""
    candidates_per_hour: float
    ratio: float
    """Candidates per hour against one worker of the same executor."""
    cpu_seconds: float
    """Processor time of a training, its start and evaluation included, mean over the candidates."""
    peak_mib: int
    """Most memory that one training's processes had at once, shared pages counted in parts. The host that forks local
    workers is not among them."""
    overhead_seconds: float | None
    """Wall time per job beyond the training's own; known with one worker only."""
    loop_cpu_seconds: float
    """Processor time of the loop, and of the broker that talks to Ray, per job."""
    start_seconds: float
    """Until the executor took its first job."""
    bytes_out: int
    """What a job takes to its node from a checkpoint on, mean."""
    bytes_back: int
    """What it brings back, mean."""


def make_jobs(folder: Path, candidates: int, steps: int) -> list[TrainJob]:
    """The first recorded rewards that pass the checks, by name."""
    task = load_task("half_cheetah_run_forward")
    jobs: list[TrainJob] = []
    for reward in reversed(recorded_rewards(task.name)):
        report = check_source(reward.source, task, None)
        if not report.ok or len(jobs) == candidates:
            continue
        place = folder / reward.name
        place.mkdir(parents=True)
        (place / "reward.py").write_text(reward.source, encoding="utf-8")
        jobs.append(
            TrainJob(
                task=task,
                reward=place / "reward.py",
                fields=report.fields,
                terms=report.terms,
                preset=preset_for(task),
                steps=steps,
                seed=len(jobs),
                folder=place / "train",
                trajectories=place / "trajectories",
                stop_when_solved=False,
            )
        )
    return jobs


class MemoryWatch(threading.Thread):
    """Samples the memory of every training below a process."""

    def __init__(self, root: int) -> None:
        super().__init__(daemon=True)
        self._root = root
        self._over = threading.Event()
        self.peak = 0
        """Bytes of the largest training."""

    def run(self) -> None:
        while not self._over.wait(SAMPLE_SECONDS):
            for pid in trainings(self._root):
                self.peak = max(self.peak, sum(map(proportional_memory, (pid, *below(pid)))))

    def end(self) -> None:
        self._over.set()
        self.join()


def trainings(root: int) -> Iterator[int]:
    """Ids of the training workers below a process: started as such, or forked by a host, whose name they keep."""
    for child in children(root):
        if "reward_synth.training.worker.main" in command_line(child):
            yield child
        elif "reward_synth.training.worker.fork_server" in command_line(child):
            yield from children(child)
        else:
            yield from trainings(child)


def children(pid: int) -> Iterator[int]:
    """Ids of the processes that this one has started, in whichever thread."""
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            yield from map(int, path.read_text().split())
        except (FileNotFoundError, ProcessLookupError):
            continue


def below(pid: int) -> Iterator[int]:
    """Ids of all processes that descend from this one."""
    for child in children(pid):
        yield child
        yield from below(child)


def command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""


def proportional_memory(pid: int) -> int:
    """Bytes of a process, a page that n processes share counted as its n-th part; 0 if it has ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


def processor_seconds(pid: int) -> float:
    """Processor time of one process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


@contextmanager
def opened(kind: str, workers: int) -> Iterator[Executor]:
    """An executor, and for Ray a cluster of its own with as many cores as workers, however many there are here."""
    before = os.environ.pop("RAY_ADDRESS", None)
    try:
        with closing(open_executor("ray" if kind == "ray" else "local", workers)) as executor:
            yield executor
    finally:
        if before is not None:
            os.environ["RAY_ADDRESS"] = before


def turn(kind: str, workers: int, candidates: int, steps: int) -> dict[str, float]:
    """Train all candidates once; figures by :class:`Row`'s names."""
    results: list[TrainResult] = []
    with tempfile.TemporaryDirectory() as folder:
        jobs = make_jobs(Path(folder), candidates, steps)
        began = time.monotonic()
        with opened(kind, workers) as executor:
            start = time.monotonic() - began
            broker = executor._process.pid if isinstance(executor, RayExecutor) else None
            spent = time.thread_time() + (processor_seconds(broker) if broker else 0.0)
            memory = MemoryWatch(os.getpid())
            memory.start()
            began = time.monotonic()
            executor.run(jobs, lambda *_: None, lambda _, result: results.append(result), lambda: False)
            seconds = time.monotonic() - began
            memory.end()
            spent = time.thread_time() + (processor_seconds(broker) if broker else 0.0) - spent
        back = [pack(job.folder) | pack(job.trajectories) for job in jobs]
        errands = [Errand.of(job.model_copy(update={"until": 1})) for job in jobs]
    crashed = [result.reason for result in results if result.status != "trained"]
    if crashed:
        sys.exit(f"a training crashed, so nothing can be compared: {crashed[0]}")
    own = sum(result.seconds for result in results)
    return {
        "seconds": seconds,
        "cpu_seconds": statistics.mean(result.cpu_seconds for result in results),
        "peak_mib": memory.peak / (1 << 20),
        "overhead_seconds": (seconds - own) / len(jobs),
        "loop_cpu_seconds": spent / len(jobs),
        "start_seconds": start,
        "bytes_out": statistics.mean(sum(map(len, each.files.values())) + len(each.job) for each in errands),
        "bytes_back": statistics.mean(sum(map(len, each.values())) for each in back),
    }


def measure(workers: tuple[int, ...], candidates: int, steps: int, turns: int) -> list[Row]:
    """All arms in turn, so that they meet the same machine.

    One more arm has shorter trainings: it tells what a job costs once from what it costs by its length.
    """
    arms = [(kind, count, steps) for kind in ("local", "ray") for count in workers] + [("ray", 1, steps // SHORTER)]
    found: dict[tuple[str, int, int], list[dict[str, float]]] = {arm: [] for arm in arms}
    load = round(os.getloadavg()[0], 1)
    for number in range(turns):
        for kind, count, each in arms if number % 2 == 0 else arms[::-1]:
            found[kind, count, each].append(turn(kind, count, candidates, each))
            seconds = found[kind, count, each][-1]["seconds"]
            print(f"{kind}, {count} workers, {each:,} steps: {seconds:.1f} s", file=sys.stderr, flush=True)
    rows = []
    for (kind, count, each), of_arm in found.items():
        median = {name: statistics.median(figures[name] for figures in of_arm) for name in of_arm[0]}
        one = statistics.median(figures["seconds"] for figures in found[kind, 1, each])
        rows.append(
            Row(
                date=datetime.date.today().isoformat(),
                executor=kind,
                workers=count,
                cores=machine.cores(),
                load=load,
                candidates=candidates,
                steps=each,
                turns=turns,
                seconds=round(median["seconds"], 2),
                candidates_per_hour=round(3600 * candidates / median["seconds"], 1),
                ratio=round(one / median["seconds"], 3),
                cpu_seconds=round(median["cpu_seconds"], 2),
                peak_mib=round(max(figures["peak_mib"] for figures in of_arm)),
                overhead_seconds=round(median["overhead_seconds"], 3) if count == 1 else None,
                loop_cpu_seconds=round(median["loop_cpu_seconds"], 4),
                start_seconds=round(median["start_seconds"], 2),
                bytes_out=round(median["bytes_out"]),
                bytes_back=round(median["bytes_back"]),
            )
        )
    return rows


@dataclass(frozen=True)
class Costs:
    """What a training through Ray costs, as measured with one worker."""

    steps: int
    """Of the longer of the measured trainings."""
    once: float
    """Processor seconds of a job whatever its steps: libraries, start, evaluation."""
    per_step: float
    """Processor seconds, on a core of its own."""
    overhead: float
    """Wall seconds that a job takes beyond its training's own."""
    per_job: float
    """Seconds of the loop's and broker's processor time, once a job."""
    per_second: float
    """The same, per second that a training lasts: it is heard once a second."""
    bytes: int
    """To the node and back, per job."""

    @classmethod
    def read(cls, path: Path) -> Costs:
        """From the table that :func:`measure` filled."""
        with path.open(newline="", encoding="utf-8") as file:
            rows = [row for row in csv.DictReader(file, delimiter="\t") if row["executor"] == "ray"]
        short, long = sorted((row for row in rows if row["workers"] == "1"), key=lambda row: int(row["steps"]))
        loop = [float(row["loop_cpu_seconds"]) for row in (short, long)]
        lasts = [float(row["seconds"]) / int(row["candidates"]) for row in (short, long)]
        per_second = max(0.0, (loop[1] - loop[0]) / (lasts[1] - lasts[0]))
        spent = float(long["cpu_seconds"])
        per_step = (spent - float(short["cpu_seconds"])) / (int(long["steps"]) - int(short["steps"]))
        return cls(
            steps=int(long["steps"]),
            once=spent - per_step * int(long["steps"]),
            per_step=per_step,
            overhead=float(long["overhead_seconds"]),
            per_job=max(0.0, loop[1] - per_second * lasts[1]),
            per_second=per_second,
            bytes=int(long["bytes_out"]) + int(long["bytes_back"]),
        )


def on_paper(path: Path) -> str:
    """What the measured figures mean for 64 and 1,024 workers with a core each, and what would end it.

    A whole training is taken to be ten times as long as the measured one, whose length is then that of the first rung.
    """
    costs, shares = Costs.read(path), Settings.model_validate({}).rung_shares
    lines = [
        f"Measured, one worker: {costs.once:.1f} s a job, {1000 * costs.per_step:.2f} ms a step; "
        f"{costs.overhead:.1f} s of waiting a job;",
        f"of the loop and its broker {1000 * costs.per_job:.0f} ms a job and {1000 * costs.per_second:.1f} ms a second "
        f"of training; {costs.bytes / 1e6:.2f} MB a job.",
        f"On paper: {10 * costs.steps:,} steps a training, rungs at {', '.join(f'{share:.0%}' for share in shares)}; "
        f"one in {ONE_IN} goes on.",
        "",
        "| workers | candidates an iteration | seconds | busy workers | candidates per hour | broker's core | MB/s |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for workers in (64, 1024):
        for candidates in (workers // 4, workers, 4 * workers):
            seconds, work, jobs = _iteration(workers, candidates, shares, costs)
            # From 100 trainings on, each is heard more seldom.
            heard = costs.per_second / min(max(1.0, min(workers, candidates) / 100), 5.0)
            broker = (jobs * costs.per_job + work * heard) / seconds
            lines.append(
                f"| {workers:,} | {candidates:,} | {seconds:.0f} | {work / (workers * seconds):.0%} "
                f"| {3600 * candidates / seconds:,.0f} | {broker:.0%} | {jobs * costs.bytes / seconds / 1e6:.1f} |"
            )
    return "\n".join(lines)


def _iteration(workers: int, candidates: int, shares: tuple[float, ...], costs: Costs) -> tuple[float, float, int]:
    """Wall seconds, seconds of training and jobs of an iteration; nobody trains on before a rung's last one is done."""
    seconds = work = before = 0.0
    jobs = 0
    for share in shares:
        each = costs.once + 10 * costs.steps * costs.per_step * (share - before)
        seconds += math.ceil(candidates / workers) * (each + costs.overhead)
        work += candidates * each
        jobs += candidates
        candidates, before = math.ceil(candidates / ONE_IN), share
    return seconds, work, jobs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="1 and 2 workers, 4 candidates of 8,000 steps, one turn")
    parser.add_argument("--json", action="store_true", help="print the rows as JSON, write nothing")
    parser.add_argument("--model", action="store_true", help="print 64 and 1,024 workers on paper, measure nothing")
    parser.add_argument("--steps", type=int, default=60_000)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--out", type=Path, default=RESULTS, help="table to write, or to read with --model")
    arguments = parser.parse_args()
    if arguments.model:
        if not arguments.out.exists():
            sys.exit(f"there is no {arguments.out}: measure first")
        print(on_paper(arguments.out))
        return
    if platform.system() != "Linux":
        sys.exit("this script reads /proc")
    rows = measure((1, 2), 4, 8000, 1) if arguments.quick else measure((1, 2, 4), 8, arguments.steps, arguments.turns)
    if arguments.json:
        print(json.dumps([asdict(row) for row in rows], indent=2))
        return
    with arguments.out.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n")
        writer.writerow(asdict(rows[0]))
        writer.writerows(["" if value is None else value for value in asdict(row).values()] for row in rows)
    print(arguments.out.read_text(encoding="utf-8"), end="")


if __name__ == "__main__":
    main()
