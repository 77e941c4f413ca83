"""What an attack may steal, reach or spoil, and how it is seen that it did."""

from __future__ import annotations

import contextlib
import os
import secrets
import selectors
import socket
import threading
from dataclasses import dataclass, field
from pathlib import Path

PORT = 48765
ABSTRACT_NAMES = ("\0reward-synth-canary", "\0rewardlab_canary")
KEYS = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "CANARY")
SECRET_FILES = (".ssh/id_rsa", ".aws/credentials", ".netrc", ".config/reward-synth/key")
VICTIMS = ("delete_me", "chmod_me", "truncate_me")
MARK = "PWNED"
FLOOD = 1 << 20
"""Bytes of output from which on a host counts as flooded."""


def new_secret() -> str:
    """A value that no snippet can hold by itself."""
    return f"CANARY-{secrets.token_hex(8)}"


def environment(secret: str, home: Path) -> dict[str, str]:
    """Variables of the host process."""
    return {
        **dict.fromkeys(KEYS, secret),
        "HOME": str(home),
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "PYTHONPATH": os.pathsep.join(str(folder) for folder in Path(__file__).resolve().parents[1:3]),
        "PYTHONDONTWRITEBYTECODE": "1",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }


def text_effects(text: str, secret: str) -> list[str]:
    """What a text that came back gives away."""
    seen = []
    if secret in text:
        seen.append("canary read")
    if MARK in text:
        seen.append(f"says {MARK}")
    return seen


@dataclass
class Home:
    """A throw-away home folder."""

    path: Path
    secret: str
    owner: int | None = None
    _before: dict[str, tuple[object, ...]] = field(default_factory=dict)

    def fill(self) -> None:
        """Make the files, and remember what they look like."""
        self.path.mkdir(parents=True, exist_ok=True)
        for name in SECRET_FILES:
            path = self.path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            content = (
                f"machine example.org login x password {self.secret}\n" if name == ".netrc" else self.secret + "\n"
            )
            path.write_text(content, encoding="utf-8")
            path.chmod(0o600)
        (self.path / "victim").mkdir(exist_ok=True)
        for folder in (self.path, self.path / "victim"):
            for name in VICTIMS:
                (folder / name).write_text("valuable\n", encoding="utf-8")
        if self.owner is not None:
            for path in [self.path, *self.path.rglob("*")]:
                os.chown(path, self.owner, self.owner)
        self._before = self._state()

    def effects(self) -> list[str]:
        """What is new, gone or changed."""
        after = self._state()
        seen = [f"{name} is new" for name in sorted(after.keys() - self._before.keys())]
        seen += [f"{name} is gone" for name in sorted(self._before.keys() - after.keys())]
        seen += [
            f"{name} changed"
            for name in sorted(after.keys() & self._before.keys())
            if after[name] != self._before[name]
        ]
        return [f"home: {what}" for what in seen[:4]]

    def _state(self) -> dict[str, tuple[object, ...]]:
        state: dict[str, tuple[object, ...]] = {}
        for path in self.path.rglob("*"):
            found = path.lstat()
            content = path.read_bytes() if path.is_file() and found.st_size < 1 << 20 else found.st_size
            # A folder's times change with its files, which are looked at themselves.
            times = found.st_mtime_ns if path.is_file() else 0
            state[str(path.relative_to(self.path))] = (found.st_mode, found.st_uid, times, found.st_nlink, content)
        return state


def planted(folders: tuple[str, ...] = ("/tmp", "/dev/shm", "/var/tmp", "/")) -> set[str]:
    """Files called ``pwned*`` in these folders."""
    found: set[str] = set()
    for folder in folders:
        with contextlib.suppress(OSError):
            found |= {str(path) for path in Path(folder).iterdir() if path.name.lower().startswith("pwned")}
    return found


class Listener:
    """TCP, UDP and abstract unix sockets on this machine; counts who comes."""

    def __init__(self) -> None:
        self.hits: list[str] = []
        self._selector = selectors.DefaultSelector()
        self._sockets: list[socket.socket] = []
        for name, kind in (("tcp", socket.SOCK_STREAM), ("udp", socket.SOCK_DGRAM)):
            endpoint = socket.socket(socket.AF_INET, kind)
            endpoint.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            endpoint.bind(("127.0.0.1", PORT))
            self._watch(endpoint, name)
        for abstract in ABSTRACT_NAMES:
            endpoint = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            endpoint.bind(abstract)
            self._watch(endpoint, "abstract socket")
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _watch(self, endpoint: socket.socket, name: str) -> None:
        if endpoint.type == socket.SOCK_STREAM:
            endpoint.listen(64)
        endpoint.setblocking(False)
        self._sockets.append(endpoint)
        self._selector.register(endpoint, selectors.EVENT_READ, name)

    def _run(self) -> None:
        while not self._over.is_set():
            self.collect(0.1)

    def collect(self, seconds: float) -> None:
        """Take what has come."""
        for key, _ in self._selector.select(seconds):
            endpoint = key.fileobj
            assert isinstance(endpoint, socket.socket)
            with contextlib.suppress(OSError):
                if endpoint.type == socket.SOCK_STREAM:
                    endpoint.accept()[0].close()
                else:
                    endpoint.recv(65536)
                self.hits.append(str(key.data))

    def effects(self) -> list[str]:
        """Who came."""
        return [f"network: {name}" for name in sorted(set(self.hits))]

    def close(self) -> None:
        """Stop listening."""
        self._over.set()
        self._thread.join()
        for endpoint in self._sockets:
            endpoint.close()
        self._selector.close()
