"""Attacks on this machine's lock: what code that the lint has missed would try, with and without the lock.

Every attack is harmless: it reads a file that was written for it, talks to a socket that waits for it on loopback,
or forks a process that ends at once. Without the lock each must succeed, else its failure with the lock proves nothing.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from reward_synth.reward.contract import RewardError
from reward_synth.sandbox.channel import protected, set_protection
from reward_synth.sandbox.process import RewardProcess

DEADLINE = 60.0
"""Seconds for one attack. None waits for anything: one that takes long says that the machine is busy, and no more."""

# Any object leads to every class, and one of these leads to the `os` module, where it was defined. So the restricted
# namespace of rewards prevents honest mistakes only.
_HEAD = """\
def compute_reward(state, action, next_state):
    found = [c for c in ().__class__.__base__.__subclasses__() if c.__name__ == "_wrap_close"][0].__init__.__globals__
    modules = found["sys"].modules
    os, load = modules["os"], modules["builtins"].__import__
    ctypes = load("ctypes")
    libc = ctypes.CDLL(None, use_errno=True)
    libc.aligned_alloc.restype = ctypes.c_void_p
    def call(result):
        if result == -1:
            raise modules["builtins"].OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        return result
"""

_ATTACKS = {
    "read a file": "    assert b'canary' in os.read(os.open({file!r}, os.O_RDONLY), 99)\n",
    "read the parent's environment": "    assert os.read(os.open('/proc/%d/environ' % os.getppid(), os.O_RDONLY), 9)\n",
    "write a file": "    os.close(os.open({folder!r} + '/written', os.O_CREAT | os.O_WRONLY))\n",
    "change a file's mode": "    os.chmod({file!r}, 0o600)\n",
    "open a TCP connection": "    call(libc.connect(call(libc.socket(2, 1, 0)), {internet}, 16))\n",
    "send a UDP packet": "    call(libc.sendto(call(libc.socket(2, 2, 0)), b'canary', 6, 0, {internet}, 16))\n",
    "connect to a unix socket": "    call(libc.connect(call(libc.socket(1, 1, 0)), {unix}, {unix_size}))\n",
    "start a process": "    os.waitpid(os.fork() or os._exit(0), 0)\n",
    "run a program": "    assert os.spawnv(os.P_WAIT, '/bin/sh', ['sh', '-c', 'exit 0']) == 0\n",
    "signal the parent": "    os.kill(os.getppid(), 0)\n",
    "start a thread": "    load('_thread').start_new_thread(int, ())\n",
    "make memory executable": "    call(libc.mprotect(ctypes.c_void_p(libc.aligned_alloc(4096, 4096)), 4096, 7))\n",
}


class Attack(NamedTuple):
    """One attack and its results."""

    name: str
    lands_without_lock: bool
    lands: bool
    """True if it succeeded with the lock."""
    refusal: str
    """The error with which the lock stopped it; empty if it succeeded."""


def try_lock() -> tuple[tuple[str, ...], list[Attack]]:
    """Run every attack without and with the lock, in a few seconds; returns the locks in force and the results.

    :raises RewardSynthError: if this machine has no lock at all.
    """
    with _targets() as values:
        set_protection(())
        try:
            control = {name: not _refusal(name, values) for name in _ATTACKS}
        finally:
            set_protection(None)
        with protected() as holds:
            answers = {name: _refusal(name, values) for name in _ATTACKS}
    return holds, [Attack(name, control[name], not answers[name], answers[name]) for name in _ATTACKS]


@contextlib.contextmanager
def _targets() -> Iterator[dict[str, object]]:
    """A file to read, a folder to write to, and sockets that listen."""
    with (
        tempfile.TemporaryDirectory() as folder,
        socket.create_server(("127.0.0.1", 0)) as tcp,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
        socket.socket(socket.AF_UNIX) as unix,
    ):
        port = tcp.getsockname()[1]
        udp.bind(("127.0.0.1", port))
        path = f"{folder}/socket"
        unix.bind(path)
        unix.listen()
        file = Path(folder, "file")
        file.write_text("canary")
        # In the C library's format: struct sockaddr_in, struct sockaddr_un.
        internet = struct.pack("=HH4s8x", socket.AF_INET, socket.htons(port), socket.inet_aton("127.0.0.1"))
        local = struct.pack("=H", socket.AF_UNIX) + path.encode() + b"\0"
        yield {"file": str(file), "folder": folder, "internet": internet, "unix": local, "unix_size": len(local)}


def _refusal(name: str, values: dict[str, object]) -> str:
    """The error that stopped the attack; empty if it succeeded."""
    source = _HEAD + _ATTACKS[name].format(**values) + "    return {'landed': 1.0}\n"
    one, action, start = np.zeros((1, 1)), np.zeros((1, 1)), np.ones(1, dtype=bool)
    try:
        with RewardProcess(source, (("x", ()),), 1, deadline=DEADLINE) as process:
            landed = process.evaluate(one, action, one, start).rewards[0] == 1.0
    except RewardError as error:
        # Leave out the line of code and the path, which say nothing about the lock.
        return error.finding.message.partition(", in `")[0].partition(": '")[0]
    return "" if landed else "no answer"
