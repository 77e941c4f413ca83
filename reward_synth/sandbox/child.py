"""The program of the reward process. It is run as a file, by path, under ``python -I -S``, and never imported.

It holds numpy, the layout and, at the very end of its start, the generated source. Protection depends on the order in
:func:`main`: everything that the code may need is loaded first, then the process locks itself, and only then does it
ask for the source.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import warnings
from array import array
from types import ModuleType
from typing import Any

if __name__ == "__main__":
    # What is loaded from here on stays. Looking for garbage meanwhile would take a sixth of the time to load numpy.
    gc.disable()
    # -S leaves out site-packages, and with it every .pth file; numpy's own folder is enough.
    sys.path.append(sys.argv[6])
    # The packages' own __init__ would load code that must not be here; the modules below need only their paths.
    # Paths are put together as text, because the rest needs no pathlib, and loading it takes time.
    package = __file__.rsplit("/", 2)[0]
    for name, folder in (("", ""), *((f".{name}", f"/{name}") for name in ("core", "reward", "sandbox", "state"))):
        sys.modules[f"reward_synth{name}"] = ModuleType(f"reward_synth{name}")
        sys.modules[f"reward_synth{name}"].__path__ = [package + folder]

import numpy as np

from reward_synth.reward import frames, namespace
from reward_synth.reward.vector.checked import CheckedForm
from reward_synth.sandbox import lock
from reward_synth.sandbox.servers import RewardServer, ScoringServer, describe


def warm_up() -> None:
    """Load what numpy loads lazily, while files can still be opened."""
    # Python opens source files to show a warning. The parent sees in the numbers what a warning would say.
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    np.linalg.norm(np.linalg.inv(np.eye(3)) @ np.linalg.svd(np.eye(3))[0])
    np.linalg.eigh(np.eye(2))
    np.median(np.percentile(np.arange(5.0), [10.0, 50.0]))
    np.interp(0.5, [0.0, 1.0], [0.0, 1.0])
    np.einsum("i,i->", np.ones(2), np.ones(2))
    with np.errstate(all="ignore"):
        str(np.float64(1.0) / np.arange(3.0))
    "reward".encode("utf-8", errors="replace").decode("ascii", errors="replace")
    try:
        raise ValueError("a first traceback loads what later ones need")
    except ValueError as error:
        describe(error)
    namespace.compile_reward("import numpy as np\nimport math\ndef compute_reward(a, b, c):\n    return {}\n")
    namespace.compile_measure("episode", "success")
    one = "def compute_reward(state, action, next_state):\n    return {'x': next_state.x}\n"
    CheckedForm(one, (("x", ()),), 1, ("x",), lambda *_: np.ones((4, 1))).terms(*[np.ones((4, 1))] * 3)
    gc.freeze()
    gc.enable()


def read_exactly(descriptor: int, start: bytes, size: int) -> bytes:
    """``start`` followed by as many bytes as are missing to ``size``; exits if the parent has gone."""
    pieces, have = [start], len(start)
    while have < size:
        piece = os.read(descriptor, min(size - have, 1 << 20))
        if not piece:
            os._exit(0)
        pieces.append(piece)
        have += len(piece)
    return b"".join(pieces) if len(pieces) > 1 else start


def serve(requests: int, answers: int, server: Any) -> None:
    """Answer frames until the parent closes its end."""
    while True:
        frame = os.read(requests, frames.FIRST_READ)
        if not frame:
            return
        frame = read_exactly(requests, frame, frames.REQUEST.size)
        _, rows, action_size, _ = frames.REQUEST.unpack_from(frame)
        frame = read_exactly(requests, frame, frames.REQUEST.size + server.size(rows, action_size))
        try:
            text, values = server.answer(frame, rows, action_size)
        except BaseException as error:  # noqa: BLE001  (the process's edge: all that generated code can raise)
            send_error(answers, error, server.fault)
        else:
            send(answers, "ok", 0, text.encode("ascii"), values)


def send(descriptor: int, status: str, line: int, text: bytes, values: array[float]) -> None:
    """Write one answer frame."""
    number = frames.STATUSES.index(status)
    frame = frames.ANSWER.pack(number, line & 0xFFFFFFFF, len(text), len(values)) + text + values.tobytes()
    while frame:
        frame = frame[os.write(descriptor, frame) :]


def send_error(descriptor: int, error: BaseException, row: int | None = None) -> None:
    """Write an answer frame for an error of the generated code; the row that it came from is its one value."""
    status, line, text = describe(error)
    values = array("d") if row is None else array("d", [row])
    send(descriptor, status, line, text.encode("utf-8", errors="replace")[: frames.TEXT_LIMIT], values)


def receive_setup(descriptor: int) -> dict[str, Any]:
    """The frame that carries the source, written by the trusted parent."""
    frame = read_exactly(descriptor, b"", frames.REQUEST.size)
    kind, _, _, size = frames.REQUEST.unpack(frame)
    assert kind == frames.SETUP
    setup: dict[str, Any] = json.loads(read_exactly(descriptor, b"", size))
    return setup


def close_others(*kept: int) -> None:
    """Close every descriptor except the standard ones and those given."""
    low = 3
    for descriptor in sorted(kept):
        os.closerange(low, descriptor)
        low = descriptor + 1
    os.closerange(low, 1024)


def main(requests: int, answers: int, memory_bytes: int, cpu_seconds: int, *, layers: str) -> None:
    """Load the libraries, lock this process, report the locks in force, and only then read the source."""
    warm_up()
    close_others(requests, answers)
    try:
        holds = lock.lock_computation(layers.split(), memory_bytes, cpu_seconds)
    except lock.LockError as error:
        send(answers, "not-locked", 0, str(error).encode("utf-8"), array("d"))
        return
    send(answers, "ok", 0, "\n".join(holds).encode("ascii"), array("d"))
    setup = receive_setup(requests)
    try:
        server = (RewardServer if setup["mode"] == "reward" else ScoringServer)(setup)
    except BaseException as error:  # noqa: BLE001  (the process's edge: all that generated code can raise)
        send_error(answers, error)
        return
    send(answers, "ok", 0, b"", array("d"))
    serve(requests, answers, server)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:5]), layers=sys.argv[5])
