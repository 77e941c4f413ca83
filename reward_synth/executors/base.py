"""The contract of an executor, and what all executors do with a training's files."""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from reward_synth.core.deaths import ATTEMPTS, MEMORY
from reward_synth.core.errors import MachineFault
from reward_synth.core.types import TrainResult
from reward_synth.sandbox.channel import library_environment
from reward_synth.training.job import Progress, TrainJob, read_progress
from reward_synth.training.outcomes import Interruption, outcome_of, set_aside_stale, write_result

OnProgress = Callable[[TrainJob, Progress], None]

OnResult = Callable[[TrainJob, TrainResult], None]

_log = logging.getLogger(__name__)

POLL_SECONDS = 0.25


class Executor(Protocol):
    """Runs training jobs to their ``result.json``, or to the pause that they ask for."""

    def run(
        self,
        jobs: Sequence[TrainJob],
        on_progress: OnProgress,
        on_result: OnResult,
        should_stop: Callable[[], bool],
    ) -> None:
        """Run all jobs to ``until``, or to the end. A job that has already come that far is reported from its files.

        Each job is reported once to ``on_result``, with status ``paused`` if it stands at ``until``. When
        ``should_stop`` returns True, running workers end without a result, and this method returns. A resumed run
        then continues from their last pauses.

        :raises MachineFault: something from outside ended the same training again and again. It has no result.
        """
        ...

    def close(self) -> None:
        """Release all resources, such as a connection to a cluster. Afterwards no training runs."""
        ...


def take_finished(jobs: Sequence[TrainJob], on_result: OnResult) -> list[TrainJob]:
    """Report the jobs that are already done according to their files, and return the others."""
    waiting = []
    for job in jobs:
        set_aside_stale(job)
        finished = outcome_of(job)
        if finished is None:
            waiting.append(job)
        else:
            on_result(job, finished)
    return waiting


class Deaths:
    """Trainings that a machine kept from their outcome. Each is tried again from its checkpoint, a few times.

    :param hint: what to look at, if a training is given up.
    """

    def __init__(self, hint: str = MEMORY) -> None:
        self._hint = hint
        self._deaths: Counter[Path] = Counter()
        self._last: MachineFault | None = None

    @property
    def too_many(self) -> bool:
        """True once a training was given up; then no other begins, and those that run go on to their end."""
        return self._last is not None

    def again(self, job: TrainJob, died: str) -> bool:
        """True if the job may be tried again.

        :param died: how its worker ended, if it left no word of its own.
        """
        said = Interruption.read(job.folder)
        reason = said.reason if said is not None else died
        self._deaths[job.folder] += 1
        count = self._deaths[job.folder]
        if count < ATTEMPTS:
            _log.warning("%s, in %s: it is tried again", reason, job.folder)
            return True
        text = f"a training was ended from outside {count} times, at last: {reason} ({job.folder}/stderr.txt)"
        self._last = MachineFault(text, f"nothing that was finished is lost: resume; {self._hint}")
        return False

    def tell(self) -> None:
        """Raise the :class:`MachineFault` of a training that was given up."""
        if self._last is not None:
            raise self._last


def crash(job: TrainJob, reason: str) -> TrainResult:
    """Write and return the result of a training that crashed, with the number of steps that its files report."""
    result = TrainResult(
        status="crashed",
        reason=reason,
        seed=job.seed,
        job=job.digest(),
        steps=read_progress(job.folder).step,
        seconds=0.0,
        cpu_seconds=0.0,
    )
    write_result(job, result)
    return result


def worker_environment() -> dict[str, str]:
    """A worker's environment variables: where programs are and how libraries compute (on one thread), but no key."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "MUJOCO_GL") if name in os.environ}
    return kept | library_environment()
