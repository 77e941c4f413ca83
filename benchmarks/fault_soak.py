"""Short runs one after another in one process: does memory, do descriptors, processes, temporary files grow?

After each run it counts what this process holds, and writes a line of the record. A record can be gone on with, in a
process of its own, which is a further segment: three hours need not be had in one piece. The first runs of a segment
load libraries, so they are not judged.

Expected: descriptors, threads, processes and temporary files at a segment's end no more than after its first runs, and
memory that grows by less than :data:`MIB_PER_RUN`. The slopes are fitted to all segments at once, each with a level of
its own. Their 95 % intervals are those of means of many runs, since what is held after one run depends on the run
before.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, fields
from itertools import groupby, pairwise
from pathlib import Path

import numpy as np
from fault_machines import ONE
from fault_runs import RUN, Row, SteadyModel, descendants
from scipy import stats

from reward_synth.cli.app import execute
from reward_synth.training.worker.subprocess_stage import processor_seconds

WARM = 5
MIB_PER_RUN = 0.05
BLOCKS = 12
"""Means into which a segment is divided for the intervals."""


@dataclass(frozen=True)
class Held:
    """What this process holds after a run."""

    segment: int
    seconds: float
    mib: float
    descriptors: int
    threads: int
    processes: int
    temporary: int
    """Files and folders in the folder for temporary files."""

    @classmethod
    def now(cls, segment: int, begun: float, temporary: Path) -> Held:
        """Count it."""
        status = Path("/proc/self/status").read_text()
        numbers = {name: int(status.partition(f"{name}:")[2].split()[0]) for name in ("VmRSS", "Threads")}
        return cls(
            segment,
            round(time.monotonic() - begun, 1),
            round(numbers["VmRSS"] / 1024, 2),
            sum(1 for _ in Path("/proc/self/fd").iterdir()),
            numbers["Threads"],
            len(list(descendants(os.getpid()))),
            sum(1 for _ in temporary.rglob("*")),
        )


NAMES = tuple(field.name for field in fields(Held))


def recorded(record: Path) -> list[Held]:
    """The runs of a record."""
    if not record.exists():
        return []
    lines = [line.split("\t") for line in record.read_text().splitlines()[1:]]
    return [Held(int(segment), float(s), float(mib), *map(int, rest)) for segment, s, mib, *rest in lines]


def soak(minutes: float, share: float, record: Path) -> Iterator[Row]:
    """Rows of the fourth table, of all segments of a record.

    :param minutes: for one more segment; 0: judge what is recorded.
    :param share: of a processor; after each run it waits so long that no more is taken.
    """
    if not record.exists():
        record.write_text("\t".join(NAMES) + "\n")
    if minutes:
        segment = max((held.segment for held in recorded(record)), default=0) + 1
        with record.open("a", buffering=1) as told:
            for held in _segment(segment, minutes, share):
                print(*astuple(held), sep="\t", file=told)
                print("#", *astuple(held), sep="\t", file=sys.stderr, flush=True)
    yield from judged(recorded(record))


def _segment(number: int, minutes: float, share: float) -> Iterator[Held]:
    model, begun = SteadyModel(), time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        temporary = Path(name) / "temporary"
        temporary.mkdir()
        tempfile.tempdir = os.environ["TMPDIR"] = str(temporary)
        options = [*RUN, *ONE, "--display=none", f"--runs-dir={name}/runs", *model.options]
        while time.monotonic() - begun < 60 * minutes:
            before, spent = time.monotonic(), processor_seconds()
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                code = execute(options)
            assert code == 1, code  # No reward solves the task.
            model.forget()
            yield Held.now(number, begun, temporary)
            busy = (processor_seconds() - spent) / share
            time.sleep(max(0.0, before + busy - time.monotonic()))
        tempfile.tempdir = None


def judged(runs: Sequence[Held]) -> Iterator[Row]:
    """Rows of the fourth table."""
    segments = [list(each)[WARM:] for _, each in groupby(runs, key=lambda held: held.segment)]
    segments = [each for each in segments if len(each) >= BLOCKS]
    if not segments:
        return
    count = sum(map(len, segments))
    hours = sum(each[-1].seconds - each[0].seconds for each in segments) / 3600
    for what in NAMES[2:]:
        values = [np.array([getattr(held, what) for held in each], dtype=float) for each in segments]
        slope, low, high = growth(values)
        name = (
            f"soak, {hours:.1f} hours in {len(segments)} pieces: {what}, {slope:+.4f} a run ({low:+.4f} to {high:+.4f})"
        )
        if what == "mib":
            few = f"less than {MIB_PER_RUN} a run"
            yield name, count, few, few if high < MIB_PER_RUN else f"up to {high:.3f} a run"
        else:
            more = [f"{each[0]:.0f} became {each[-1]:.0f}" for each in values if each[-1] > each[0]]
            yield name, count, "no more", "; ".join(more) or "no more"


def growth(values: Sequence[np.ndarray]) -> tuple[float, float, float]:
    """Slope per run over segments with levels of their own, and its 95 % interval."""
    across, along, means = 0.0, 0.0, []
    for each in values:
        ends = np.linspace(0, len(each), BLOCKS + 1).astype(int)
        at = np.array([(a + b - 1) / 2 for a, b in pairwise(ends)])
        mean = np.array([each[a:b].mean() for a, b in pairwise(ends)])
        means.append((at - at.mean(), mean - mean.mean()))
        across += float((means[-1][0] * means[-1][1]).sum())
        along += float((means[-1][0] ** 2).sum())
    slope = across / along
    left = sum(float(((y - slope * x) ** 2).sum()) for x, y in means)
    free = len(means) * (BLOCKS - 1) - 1
    half = float(stats.t.ppf(0.975, free)) * (left / free / along) ** 0.5
    return slope, slope - half, slope + half
