"""The cores and memory of this machine, and how many training workers fit into them."""

from __future__ import annotations

import os
import sys
from pathlib import Path

WORKER_MEMORY = 1 << 30
"""Bytes that one training needs: worker, trainer, reward process and judge, and later the evaluator in their place.
The measured maximum is 367 MiB for PPO on HalfCheetah-v5 (``benchmarks/scaling.py``), 893 MiB for SAC on MetaWorld."""

_CGROUP = Path("/sys/fs/cgroup")
_VMSTAT = Path("/proc/vmstat")


def cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def free_memory() -> int | None:
    """Bytes of memory still available, within a container's limit; None if the system does not report them."""
    found = [free for free in (_free_in_machine(), _free_in_container()) if free is not None]
    return min(found) if found else None


def workers() -> int:
    """Trainings that this machine has cores and memory for right now; at least one."""
    free = free_memory()
    return cores() if free is None else max(1, min(cores(), free // WORKER_MEMORY))


def memory_kills() -> int | None:
    """How many processes the kernel has ended since its start because memory ran out; None if it does not say."""
    try:
        return int(_VMSTAT.read_text(encoding="ascii").partition("\noom_kill ")[2].split()[0])
    except (OSError, ValueError, IndexError):
        return None


def yield_to_others() -> None:
    """Give this thread and the processes that it starts the lowest priority. Only Linux can do so for one thread."""
    if sys.platform == "linux":
        os.nice(19)


def _free_in_machine() -> int | None:
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    kilobytes = [int(line.split()[1]) for line in lines if line.startswith("MemAvailable")]
    return kilobytes[0] * 1024 if kilobytes else None


def _free_in_container() -> int | None:
    """Bytes left below the control group's limit. File pages count as free because the kernel can drop them."""
    try:
        limit = (_CGROUP / "memory.max").read_text(encoding="ascii").strip()
        used = int((_CGROUP / "memory.current").read_text(encoding="ascii"))
        lines = (_CGROUP / "memory.stat").read_text(encoding="ascii").splitlines()
    except (OSError, ValueError):
        return None
    if limit == "max":
        return None
    files = sum(int(line.split()[1]) for line in lines if line.startswith(("inactive_file ", "active_file ")))
    return max(0, int(limit) - used + files)
