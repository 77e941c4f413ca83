"""Starts the server, and says where it is."""

from __future__ import annotations

import socket
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlencode

from reward_synth.core.errors import RewardSynthError

PORT = 8765
"""The first port that is tried."""
PORTS_TRIED = 20


def serve(runs_dir: Path, host: str, port: int | None, where: str, told: Callable[[str], None]) -> None:
    """Serve the runs of a folder until the process is interrupted.

    :param host: the address to listen on. On any but a loopback address, a token is part of the printed address.
    :param port: None takes the first free one from :data:`PORT` on.
    :param where: path of the page to open first.
    :param told: called with the address once a browser can connect.
    :raises RewardSynthError: the port is taken, or the packages are missing.
    """
    require_packages()
    import uvicorn

    from reward_synth.viewer.access import Access
    from reward_synth.viewer.app import make_app

    access = Access.for_host(host)
    with _listening(host, port) as listener:
        config = uvicorn.Config(
            make_app(runs_dir, access), log_level="warning", access_log=False, timeout_graceful_shutdown=1
        )
        query = f"?{urlencode({'token': access.token})}" if access.token else ""
        name = f"[{host}]" if ":" in host else host
        address = f"http://{name}:{listener.getsockname()[1]}{where}{query}"

        class Server(uvicorn.Server):
            async def startup(self, sockets: list[socket.socket] | None = None) -> None:
                await super().startup(sockets)
                # Whoever reads the address may end this process at once. From here on, the server handles signals.
                # Before, an exception in a signal's handler can get lost, in a weak reference's callback for example.
                told(address)

        Server(config).run(sockets=[listener])


def require_packages() -> None:
    """Raise RewardSynthError if a package of the extra ``view`` is missing."""
    missing = [name for name in ("pygments", "starlette", "uvicorn") if find_spec(name) is None]
    if missing:
        raise RewardSynthError(f"the page needs {' and '.join(missing)}", "pip install 'reward-synth[view]'")


def _listening(host: str, port: int | None) -> socket.socket:
    """A socket that already listens, so that a browser may be opened before the server runs."""
    for candidate in [port] if port is not None else [*range(PORT, PORT + PORTS_TRIED), 0]:
        try:
            listener = socket.create_server((host, candidate), family=_family(host))
        except OSError as error:
            if port is not None:
                raise RewardSynthError(
                    f"cannot listen on {host}:{port}: {error.strerror or error}", "choose another one: --port 0"
                ) from error
            continue
        return listener
    raise RewardSynthError(f"no port is free on {host}", "name an address of this machine: --host 127.0.0.1")


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET
