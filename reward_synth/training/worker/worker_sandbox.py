"""The lock of trainer and evaluator: they may read the libraries and write to their own folders, and nothing else.

A stage is locked in two steps, because it starts processes (the reward process, the judge). The first step locks the
files, for those processes too. The second locks the system calls, once those processes run. If generated code broke out
of the reward process and into a stage, it would still find no key, no other candidate and no way out.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from reward_synth.sandbox import channel, lock
from reward_synth.simulators.custom.files import file_of, is_file_id
from reward_synth.tasks.spec import Environment
from reward_synth.training.job import TrainJob

PACKAGE = Path(__file__).resolve().parents[2]

SYSTEM = (
    "/usr/lib", "/usr/lib64", "/usr/local/lib", "/lib", "/lib64",
    # the dynamic linker's cache; files from which torch and mujoco read about processors, memory and time
    "/etc/ld.so.cache", "/etc/localtime", "/usr/share/zoneinfo", "/proc/self",
    "/proc/cpuinfo", "/proc/meminfo", "/proc/vmstat", "/sys/devices/system", "/dev/urandom",
)  # fmt: skip

DEVICES = ("/dev/null",)
"""Every process that is started without output also opens these for writing."""


def confine_files(job: TrainJob, readable: Iterable[Path], writable: Iterable[Path]) -> None:
    """Forbid all files but the libraries' and those given. Call it before any thread or process is started.

    :raises LockError: if the kernel refuses.
    """
    if not job.sandbox:
        channel.set_protection(("limits",))
        return
    restrict_files((*environment_files(job.task.environment, job.folder), *readable), writable)


def restrict_files(readable: Iterable[Path], writable: Iterable[Path]) -> None:
    """Forbid all files but the libraries' and those given.

    :raises LockError: if the kernel refuses.
    """
    lock.restrict_files((*SYSTEM, *libraries(), *readable), (*DEVICES, *writable))


def confine_calls(job: TrainJob) -> None:
    """Forbid sockets, programs, processes and signals. Call it once all processes are started, before learning.

    :raises LockError: if the kernel has no such lock.
    """
    if job.sandbox:
        lock.forbid_escape()


def libraries() -> Iterator[Path]:
    """The folders of Python, of its packages and of this package.

    An editable install puts a whole checkout on ``sys.path``, with runs and keys in it, so only folders that are meant
    for packages count.
    """
    yield Path(sys.prefix)
    yield Path(sys.base_prefix)
    yield PACKAGE
    yield from (Path(entry) for entry in sys.path if Path(entry).name in ("site-packages", "dist-packages"))


def environment_files(environment: Environment, own: Path) -> Iterator[Path]:
    """The files of a user's own environment: its module or file, and its model's folder.

    The folder of such a file may hold keys and runs. So only MuJoCo models in it and a folder ``assets`` can be read.

    :param own: a folder that must not be readable as a whole: the training's.
    """
    file = file_of(environment.id)
    module, colon, _ = environment.id.partition(":")
    if file is not None:
        yield file
        yield from file.parent.glob("*.xml")
        yield from (folder for folder in (file.parent / "assets",) if folder.is_dir())
    elif colon and not is_file_id(environment.id):
        spec = importlib.util.find_spec(module.partition(".")[0])
        if spec is not None:
            yield from map(Path, spec.submodule_search_locations or filter(None, (spec.origin,)))
    for value in environment.arguments.values():
        if isinstance(value, str) and Path(value).is_absolute() and Path(value).is_file():
            # Meshes and textures lie beside the model. But the home folder must not become readable.
            folder = Path(value).resolve().parent
            yield folder if not _holds(folder, own) else Path(value)


def _holds(folder: Path, own: Path) -> bool:
    """True if the folder contains the home folder or the training's own."""
    return any(place.is_relative_to(folder) for place in (Path.home(), own))
