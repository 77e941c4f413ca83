"""Locks that a process puts on itself, and that nothing in it can remove.

On Linux: resource limits, Landlock (files, TCP, signals and abstract sockets) and seccomp (system calls). None of
them needs root, a helper program or a library. On macOS: Seatbelt, untested. The caller must keep this order: load
what will be needed, lock, and only then read what is not trusted.

The locked reward process imports this module, so it may import the standard library only.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import resource
import stat
import struct
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from reward_synth.sandbox import system_calls

LAYERS = ("limits", "landlock", "seccomp")

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 1, 4, 38
_SECCOMP = {"x86_64": 317, "aarch64": 277}
_SECCOMP_SET_MODE_FILTER, _SECCOMP_GET_ACTION_AVAIL, _SECCOMP_FILTER_FLAG_TSYNC = 1, 2, 1
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_ABI_QUERY, _PATH_BENEATH = 1, 1

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_REFER, _TRUNCATE, _IOCTL_DEVICE = 1 << 13, 1 << 14, 1 << 15
_ON_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEVICE


class LockError(Exception):
    """A requested lock does not work; the text says which one and why."""


class Available(NamedTuple):
    """The locks that this machine supports."""

    seccomp: bool
    landlock: int
    """Version of Landlock's interface; 0 if the kernel has none."""
    seatbelt: bool

    @property
    def enough(self) -> bool:
        """True if untrusted code can be run."""
        return self.seccomp or self.seatbelt


def available() -> Available:
    """Ask the kernel which locks it supports. This changes nothing."""
    return Available(_has_seccomp(), _landlock_version(), sys.platform == "darwin")


def lock_computation(layers: Sequence[str], memory_bytes: int, cpu_seconds: int) -> tuple[str, ...]:
    """Allow this process nothing but arithmetic and the pipes that it has open.

    :param layers: which of :data:`LAYERS` to use.
    :returns: the locks in force, such as ``("limits", "landlock 7", "seccomp")``. Landlock is left out if the kernel
        lacks it: the list of system calls refuses everything that Landlock would refuse.
    :raises LockError: if seccomp was requested and the machine has neither it nor Seatbelt, if this process has
        more than one thread, or if a test from inside finds the lock open.
    """
    _one_thread()
    holds = []
    if sys.platform == "linux":
        _prctl(_PR_SET_DUMPABLE, 0)
        die_with_parent()
    if "limits" in layers:
        _limit_resources(memory_bytes, cpu_seconds)
        holds.append("limits")
    if sys.platform == "darwin" and "seccomp" in layers:
        _seatbelt()
        return (*holds, "seatbelt")
    if "landlock" in layers and _landlock_version():
        holds.append(restrict_files((), ()))
    if "seccomp" in layers:
        _filter(system_calls.compute_program)
        holds.append("seccomp")
        test_lock()
    return tuple(holds)


def restrict_files(readable: Iterable[str | os.PathLike[str]], writable: Iterable[str | os.PathLike[str]]) -> str:
    """Use Landlock to allow only this: read and execute below ``readable``, read and write below ``writable``.

    It also forbids TCP, abstract unix sockets and signals to processes outside, as far as the kernel's version supports
    it. The lock also applies to every process that is started from now on. Paths that do not exist are ignored.

    :returns: ``landlock N`` with the version, or "" if the kernel has no Landlock.
    :raises LockError: if the kernel has Landlock and refuses the rules.
    """
    version = _landlock_version()
    if not version:
        return ""
    files = (1 << 13) - 1
    for needed, right in ((2, _REFER), (3, _TRUNCATE), (5, _IOCTL_DEVICE)):
        files |= right if version >= needed else 0
    handled = [files]
    if version >= 4:
        handled.append(0b11)  # binding and connecting TCP
    if version >= 6:
        handled.append(0b11)  # abstract unix sockets, signals
    attributes = struct.pack(f"={len(handled)}Q", *handled)
    ruleset = _call(_CREATE_RULESET, attributes, len(attributes), 0)
    if ruleset < 0:
        raise LockError(f"Landlock refuses its rules: {os.strerror(ctypes.get_errno())}")
    try:
        for path in readable:
            _allow_below(ruleset, path, files & (_READ_FILE | _READ_DIR | _EXECUTE))
        for path in writable:
            _allow_below(ruleset, path, files & ~_EXECUTE)
        _prctl(_PR_SET_NO_NEW_PRIVS, 1)
        if _call(_RESTRICT_SELF, ruleset, 0) != 0:
            raise LockError(f"Landlock does not engage: {os.strerror(ctypes.get_errno())}")
    finally:
        os.close(ruleset)
    return f"landlock {version}"


def forbid_escape() -> str:
    """Use seccomp to forbid sockets, other programs and processes, signals to others, and changes of modes or owners.

    :returns: ``seccomp``, or "" on macOS, which has no counterpart to it.
    :raises LockError: if the kernel has none.
    """
    if sys.platform == "darwin":
        return ""
    _filter(system_calls.deny_program)
    return "seccomp"


def die_with_parent() -> None:
    """On Linux, end this process when the thread that started it ends. Elsewhere, do nothing."""
    if sys.platform == "linux":
        _prctl(_PR_SET_PDEATHSIG, 9)


def test_lock() -> None:
    """Try to open a file, make a socket, fork and send a signal.

    :raises LockError: naming what succeeded.
    """
    for what, attempt in _ATTEMPTS.items():
        ctypes.set_errno(0)
        result = attempt(_library())
        if what == "fork" and result == 0:
            os._exit(1)
        if result >= 0 or ctypes.get_errno() not in (errno.EPERM, errno.EACCES):
            raise LockError(f"the lock is open: {what} {'succeeds' if result >= 0 else 'fails for another reason'}")


_ATTEMPTS: dict[str, Callable[[Any], int]] = {
    "open": lambda library: library.open(b"/", os.O_RDONLY),
    "socket": lambda library: library.socket(1, 1, 0),
    "fork": lambda library: library.fork(),
    "kill": lambda library: library.kill(os.getpid(), 0),
}


def _limit_resources(memory_bytes: int, cpu_seconds: int) -> None:
    limits = {
        resource.RLIMIT_AS: memory_bytes,
        resource.RLIMIT_CPU: cpu_seconds,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_NOFILE: 16,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NPROC: 0,
    }
    for which, bound in limits.items():
        try:
            resource.setrlimit(which, (bound, bound))
        except (ValueError, OSError):
            # macOS refuses RLIMIT_AS. A hard limit below ours is already stricter.
            continue


def _one_thread() -> None:
    # Another thread that already runs would keep the rights that Landlock takes from this one.
    try:
        # The folder's link count is read, not its entries, because a locked training may not open it.
        # The reward process does without pathlib, which takes time to load.
        threads = os.stat("/proc/self/task").st_nlink - 2  # noqa: PTH116
    except OSError:
        return
    if threads != 1:
        raise LockError(f"{threads} threads run where there should be one")


def _filter(program_for: Callable[[Any], bytes]) -> None:
    machine = platform.machine()
    if not _has_seccomp():
        raise LockError(f"the kernel offers no seccomp filter here ({sys.platform}, {machine})")
    program = program_for(system_calls.MACHINES[machine])
    code = ctypes.create_string_buffer(program, len(program))
    # struct sock_fprog: a number of instructions, padding, and a pointer to them.
    head = ctypes.create_string_buffer(struct.pack("@HP", len(program) // 8, ctypes.addressof(code)))
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    if _call(_SECCOMP[machine], _SECCOMP_SET_MODE_FILTER, _SECCOMP_FILTER_FLAG_TSYNC, head) != 0:
        raise LockError(f"seccomp refuses its filter: {os.strerror(ctypes.get_errno())}")


def _has_seccomp() -> bool:
    number = _SECCOMP.get(platform.machine())
    if sys.platform != "linux" or number is None:
        return False
    action = struct.pack("=I", system_calls.KILL)
    return _call(number, _SECCOMP_GET_ACTION_AVAIL, 0, action) == 0


def _landlock_version() -> int:
    if sys.platform != "linux":
        return 0
    return max(0, _call(_CREATE_RULESET, None, 0, _ABI_QUERY))


def _allow_below(ruleset: int, path: str | os.PathLike[str], rights: int) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
            rights &= _ON_FILES
        if _call(_ADD_RULE, ruleset, _PATH_BENEATH, struct.pack("=Qi", rights, descriptor), 0) != 0:
            raise LockError(f"Landlock refuses a rule for {path}: {os.strerror(ctypes.get_errno())}")
    finally:
        os.close(descriptor)


def _seatbelt() -> None:
    """On macOS, prohibit all operating system services. This was written from the manual and never run."""
    message = ctypes.c_char_p()
    named_profile = 1
    if _library().sandbox_init(b"pure-computation", named_profile, ctypes.byref(message)) != 0:
        raise LockError(f"Seatbelt does not engage: {(message.value or b'').decode(errors='replace')}")


def _library() -> Any:
    return ctypes.CDLL(None, use_errno=True)


def _prctl(option: int, value: int) -> None:
    rest = [ctypes.c_ulong(number) for number in (value, 0, 0, 0)]
    if _library().prctl(option, *rest) != 0:
        raise LockError(f"prctl {option} fails: {os.strerror(ctypes.get_errno())}")


def _call(number: int, *arguments: Any) -> int:
    converted = [ctypes.c_long(argument) if isinstance(argument, int) else argument for argument in arguments]
    library = _library()
    library.syscall.restype = ctypes.c_long
    return int(library.syscall(ctypes.c_long(number), *converted))
