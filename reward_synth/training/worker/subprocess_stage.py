"""What trainer and evaluator share: they read a job file, write an outcome file, and end with the worker."""

from __future__ import annotations

import importlib
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import NoReturn, TypeVar

from reward_synth.core.deaths import CANNOT_WRITE
from reward_synth.core.errors import MachineFault, RewardSynthError
from reward_synth.core.files import held
from reward_synth.sandbox import lock
from reward_synth.simulators.importing import variable_set
from reward_synth.state import watchdog
from reward_synth.training.job import TrainJob
from reward_synth.training.outcomes import FinalEvaluation, Interruption, Training

Outcome = TypeVar("Outcome", Training, FinalEvaluation)

SCRATCH = "scratch"
"""Folder in a training's folder for temporary files. It stays only if the stage dies while it works."""

preloaded = False
"""True in the worker host and its forks: all libraries are loaded, and stages are forked instead of started."""


def run_stage(outcome: type[Outcome], work: Callable[[TrainJob], Outcome], arguments: Sequence[str]) -> int:
    """Run one stage of a job and write its outcome last. An exception becomes an outcome, too.

    :param arguments: see :func:`job_of`.
    :returns: the exit code.
    """
    job = job_of(arguments)
    with held(job.folder):
        return _run_stage(outcome, work, job)


def _run_stage(outcome: type[Outcome], work: Callable[[TrainJob], Outcome], job: TrainJob) -> int:
    watchdog.limit(job.step_limit)
    try:
        with scratch(job.folder / SCRATCH):
            found = work(job)
    except (MachineFault, MemoryError, OSError) as error:
        # What an environment raises is an EnvironmentFault, so this comes from the machine.
        traceback.print_exc()
        found = outcome(status="interrupted", reason=_reason(error))
    except Exception as error:  # noqa: BLE001  (the process's edge: whatever happened is the stage's outcome)
        traceback.print_exc()
        found = outcome(status="crashed", reason=_reason(error))
    watchdog.stop()
    return written(found, job.folder)


def written(outcome: Training | FinalEvaluation | Interruption, folder: Path) -> int:
    """Write a process's outcome; returns its exit code."""
    try:
        outcome.write(folder)
    except MachineFault:
        traceback.print_exc()
        return CANNOT_WRITE
    return 0


def job_of(arguments: Sequence[str]) -> TrainJob:
    """The job of a worker or a stage, which from now on ends with its parent.

    :param arguments: the job file, and the parent's process id unless a person starts it by hand.
    """
    path, *parent = arguments
    # Python would turn it into an exception, which ends like a fault of the environment's.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if parent:
        stay_with(int(parent[0]))
    return TrainJob.read(Path(path))


def stay_with(parent: int) -> None:
    """End this process when its parent ends, and now if the parent has ended already."""
    lock.die_with_parent()
    if os.getppid() != parent:
        sys.exit("the process that started this one is gone")


@contextmanager
def scratch(folder: Path) -> Iterator[None]:
    """A folder for temporary files and caches, removed at the end: a locked process can write to no other.

    torch needs one, and so do environments that write their model to a file, or whose functions numba compiles.
    """
    folder.mkdir(exist_ok=True)
    before = tempfile.tempdir
    tempfile.tempdir = str(folder)
    try:
        with ExitStack() as variables:
            for name in ("TMPDIR", "NUMBA_CACHE_DIR", "XDG_CACHE_HOME", "MPLCONFIGDIR"):
                variables.enter_context(variable_set(name, str(folder)))
            yield
    finally:
        tempfile.tempdir = before
        shutil.rmtree(folder, ignore_errors=True)


def processor_seconds() -> float:
    """Processor time of this process and of the children that it has waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def run_process(module: str, arguments: Sequence[str]) -> int:
    """Run a module's ``main`` in a process of its own; returns its return code, negative for a signal."""
    if not preloaded:
        command = [sys.executable, "-I", "-m", module, *arguments]
        return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=False).returncode
    pid = os.fork()
    if pid == 0:
        show_as(module.rpartition(".")[2])
        end_with(lambda: int(importlib.import_module(module).main(arguments)))
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def show_as(name: str) -> None:
    """Name this process for ``top`` and ``ps -e``, since a fork has its parent's name. 15 characters are kept."""
    with suppress(OSError):
        Path("/proc/self/comm").write_text(name, encoding="ascii")


def end_with(work: Callable[[], int]) -> NoReturn:
    """Do the work and end this process, without the clean-up that belongs to its parent."""
    code = 1
    try:
        code = work()
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 1
    except BaseException:  # noqa: BLE001  (the process's edge)
        traceback.print_exc()
    finally:
        with suppress(OSError):
            sys.stderr.flush()
        os._exit(code)


def _reason(error: Exception) -> str:
    from reward_synth.reward.contract import RewardError

    if isinstance(error, RewardError):
        return f"the reward failed in training: {error.finding.as_text()}"
    if isinstance(error, RewardSynthError):
        return error.message
    return f"{type(error).__name__}: {error}"
