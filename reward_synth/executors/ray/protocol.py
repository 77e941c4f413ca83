"""The messages between the loop and its broker, each on a :class:`~reward_synth.training.worker.line.Line`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from reward_synth.core.types import Value
from reward_synth.training.job import TrainJob


class Order(Value):
    """From the loop to the broker."""

    kind: Literal["train", "stop"]
    jobs: tuple[TrainJob, ...] = ()
    """The jobs to train, the most urgent first."""


class Event(Value):
    """From the broker to the loop. The details are in the job's folder."""

    kind: Literal["ready", "failed", "seen", "done", "stopped"]
    """``seen``: the curves have grown. ``stopped``: no training runs. ``failed``: the broker must end."""
    folder: Path | None = None
    """The job's folder, for ``seen`` and ``done``."""
    message: str = ""
    hint: str = ""
    fault: bool = False
    """Whether what failed is the machines' fault (:class:`~reward_synth.core.errors.MachineFault`)."""
