"""Short runs one after another in one process: does memory, do descriptors, processes, temporary files grow?

After each run it counts what this process holds. The first runs load libraries, so growth is counted from the fourth
one on. Expected: no more descriptors, threads, processes and temporary files at the end than there, and less than 0.2
MiB of memory more per run.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from fault_machines import ONE
from fault_runs import RUN, Row, SteadyModel, descendants

from reward_synth.cli.app import execute

WARM = 3
MIB_PER_RUN = 0.2


@dataclass(frozen=True)
class Held:
    """What this process holds after a run."""

    seconds: float
    mib: float
    descriptors: int
    threads: int
    processes: int
    temporary: int
    """Files and folders in the folder for temporary files."""

    @classmethod
    def now(cls, begun: float, temporary: Path) -> Held:
        """Count it."""
        status = Path("/proc/self/status").read_text()
        numbers = {name: int(status.partition(f"{name}:")[2].split()[0]) for name in ("VmRSS", "Threads")}
        return cls(
            round(time.monotonic() - begun, 1),
            round(numbers["VmRSS"] / 1024, 1),
            sum(1 for _ in Path("/proc/self/fd").iterdir()),
            numbers["Threads"],
            len(list(descendants(os.getpid()))),
            sum(1 for _ in temporary.rglob("*")),
        )


def soak(minutes: float) -> Iterator[Row]:
    """Rows of the fourth table."""
    model, found = SteadyModel(), list[Held]()
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        temporary = Path(name) / "temporary"
        temporary.mkdir()
        tempfile.tempdir = os.environ["TMPDIR"] = str(temporary)
        while time.monotonic() - begun < 60 * minutes or len(found) < WARM + 2:
            options = ["--display=none", f"--runs-dir={name}/runs", *model.options]
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                code = execute([*RUN, *ONE, *options])
            assert code == 1, code  # No reward solves the task.
            model.forget()
            found.append(Held.now(begun, temporary))
            print("#", *asdict(found[-1]).values(), sep="\t", file=sys.stderr, flush=True)
        tempfile.tempdir = None
    first, last, runs = found[WARM], found[-1], len(found)
    for what in ("descriptors", "threads", "processes", "temporary"):
        before, after = getattr(first, what), getattr(last, what)
        yield f"soak: {what}", runs, "no more", "no more" if after <= before else f"{before} became {after}"
    more = (last.mib - first.mib) / (runs - WARM - 1)
    few = f"less than {MIB_PER_RUN} MiB a run"
    yield "soak: memory", runs, few, few if more < MIB_PER_RUN else f"{more:.2f} MiB a run"
