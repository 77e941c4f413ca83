"""The executors by name."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from reward_synth.core import machine
from reward_synth.core.names import LogName
from reward_synth.executors.base import Executor


def open_executor(
    kind: Literal["local", "ray"], jobs: int | None, log: LogName = "none", root: Path | None = None
) -> Executor:
    """The executor of that name. The caller must close it.

    :param jobs: trainings that run at the same time; None: as many as cores and memory allow.
    :param log: where the trainings' figures are written besides.
    :param root: folder of the run, in which the logs lie.
    :raises RewardSynthError: the extra that it needs is not installed, or its cluster cannot be reached.
    """
    if log != "none" and root is not None:
        from reward_synth.executors.logged import LoggedExecutor

        return LoggedExecutor(open_executor(kind, jobs), log, root)
    if kind == "local":
        from reward_synth.executors.local import LocalExecutor

        return LocalExecutor(jobs or machine.workers())
    from reward_synth.executors.ray.driver import RayExecutor

    return RayExecutor(jobs)
