"""Reads what stable-baselines3 saved without running any of it, in a locked process: ``python -m …audit.unpickle``.

A model's ``.zip`` and a ``VecNormalize`` hold pickles, and a pickle can call anything. Here it can call nothing: each
name in it must be on a short list, and all of these but numpy's stand for dead values. What is written out are plain
numbers. The process is locked before it looks at the content, so all that it needs is imported before that.
"""

from __future__ import annotations

import codecs
import io
import json
import math
import pickle
import re
import sys
import zipfile
from collections import OrderedDict
from typing import Any

import numpy as np

from reward_synth.sandbox import lock

MEMORY_BYTES, CPU_SECONDS = 2 << 30, 60
LARGEST_WEIGHTS = 4_000_000
"""Numbers in the layers of a policy."""
STORAGES = {"FloatStorage": "f4", "DoubleStorage": "f8", "HalfStorage": "f2", "LongStorage": "i8"}
LAYER = re.compile(
    r"(mlp_extractor\.policy_net\.\d+|action_net|actor\.latent_pi\.\d+|actor\.mu(\.\d+)?)\.(weight|bias)|.*cnn.*|q_net\..*"
)
"""Names of tensors that make the policy, or that say that it is another kind of policy."""
NUMPY = {
    ("numpy", "ndarray"), ("numpy", "dtype"), ("numpy._core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "scalar"), ("numpy._core.numeric", "_frombuffer"),
}  # fmt: skip
"""What makes numpy's arrays and numbers."""
DEAD = ("stable_baselines3.common.", "gymnasium.spaces.", "numpy.random.")
"""Beginnings of modules whose names all stand for dead values: nothing is imported from them."""
SETTINGS = ("gamma", "use_sde", "num_timesteps")


class Refused(pickle.UnpicklingError):
    """The file names something that is not on the list."""


class _Dead:
    """Stands for an object of another package. It keeps its state, and does nothing."""

    def __new__(cls, *arguments: Any, **named: Any) -> _Dead:
        return object.__new__(cls)

    def __init__(self, *arguments: Any, **named: Any) -> None:
        self.state: Any = None

    def __setstate__(self, state: Any) -> None:
        self.state = state


class _Plain(pickle.Unpickler):
    """Refuses every name but those that SB3's own classes need."""

    def find_class(self, module: str, name: str) -> Any:
        """The callable for a name.

        :raises Refused: it is not on the list.
        """
        if (module.replace("numpy.core.", "numpy._core."), name) in NUMPY:
            return super().find_class(module.replace("numpy.core.", "numpy._core."), name)
        if module.startswith(DEAD):
            return _Dead
        raise Refused(f"it names {module}.{name}")


class _Tensors(pickle.Unpickler):
    """Reads the names, shapes and places of torch's tensors; the numbers are read where they are asked for."""

    def find_class(self, module: str, name: str) -> Any:
        """The callable for a name.

        :raises Refused: it is not on the list.
        """
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return lambda storage, offset, size, stride, *rest: (storage, offset, tuple(size), tuple(stride))
        if module == "torch" and name in STORAGES:
            return STORAGES[name]
        raise Refused(f"it names {module}.{name}")

    def persistent_load(self, pid: Any) -> Any:
        """The type and the name of a storage.

        :raises Refused: it is something else.
        """
        if not (isinstance(pid, tuple) and len(pid) >= 3 and pid[0] == "storage"):
            raise Refused("it refers to something else than a tensor")
        return pid[1], str(pid[2])


def weights(content: bytes) -> dict[str, Any]:
    """The tensors of a ``policy.pth`` that make the policy, each as shape and numbers.

    :raises Refused: it is no such file.
    """
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        top = next((name[: -len("data.pkl")] for name in archive.namelist() if name.endswith("data.pkl")), None)
        if top is None:
            raise Refused("policy.pth is not in torch's present format")
        found = _Tensors(io.BytesIO(archive.read(f"{top}data.pkl"))).load()
        if not isinstance(found, dict):
            raise Refused("policy.pth holds no weights")
        kept: dict[str, Any] = {}
        for name, told in found.items():
            if isinstance(name, str) and LAYER.fullmatch(name):
                (kind, place), offset, size, stride = told
                numbers = np.frombuffer(archive.read(f"{top}data/{place}"), dtype=f"<{kind}")
                kept[name] = _shaped(numbers, int(offset), size, stride)
        return kept


def _shaped(numbers: Any, offset: int, size: tuple[int, ...], stride: tuple[int, ...]) -> dict[str, Any]:
    count = math.prod(size)
    if not (0 < count <= LARGEST_WEIGHTS and len(size) == len(stride) and min((*size, *stride, offset)) >= 0):
        raise Refused("a tensor has an impossible shape")
    places = offset + np.zeros(size, dtype=np.int64)
    for axis, (n, step) in enumerate(zip(size, stride, strict=True)):
        places += np.arange(n).reshape([-1 if k == axis else 1 for k in range(len(size))]) * step
    if int(np.max(places)) >= len(numbers):
        raise Refused("a tensor is larger than what is stored of it")
    return {"shape": list(size), "values": numbers[places].astype(float).ravel().tolist()}


def model(content: bytes) -> dict[str, Any]:
    """The settings and weights of a model's ``.zip``; of its pickled parts nothing is read.

    :raises Refused: it is no such file.
    """
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = set(archive.namelist())
        if not {"data", "policy.pth"} <= names:
            raise Refused("it holds no `data` and no `policy.pth`")
        data = json.loads(archive.read("data"))
        return {
            "settings": {name: data.get(name) for name in SETTINGS if not isinstance(data.get(name), dict)},
            "policy_kwargs": {k: v for k, v in (data.get("policy_kwargs") or {}).items() if k != ":serialized:"},
            "policy_class": str((data.get("policy_class") or {}).get("__module__", "")),
            "tensors": weights(archive.read("policy.pth")),
        }


def normalisation(content: bytes) -> dict[str, Any]:
    """The statistics of a pickled ``VecNormalize``.

    :raises Refused: it is something else.
    """
    found = _Plain(io.BytesIO(content)).load()
    state = getattr(found, "state", None)
    if not isinstance(state, dict) or "clip_obs" not in state:
        raise Refused("it is no VecNormalize")
    numbers = ("clip_obs", "clip_reward", "gamma", "epsilon", "norm_obs", "norm_reward")
    told: dict[str, Any] = {name: float(state[name]) for name in numbers}
    for name in ("obs_rms", "ret_rms"):
        statistics = getattr(state.get(name), "state", None)
        if isinstance(statistics, dict):
            told[name] = {part: np.asarray(statistics[part], dtype=float).ravel().tolist() for part in ("mean", "var")}
    return told


def main() -> int:
    """Lock, read two parts from stdin, each after its length, and write JSON to stdout."""
    codecs.lookup("cp437")  # Names in a zip are read with it, and behind the lock nothing can be imported.
    parts = [sys.stdin.buffer.read(int.from_bytes(sys.stdin.buffer.read(8), "big")) for _ in range(2)]
    if sys.argv[1:] != ["unlocked"]:
        lock.lock_computation(lock.LAYERS, MEMORY_BYTES, CPU_SECONDS)
    answer: dict[str, Any]
    try:
        answer = {"model": model(parts[0]), "vecnormalize": normalisation(parts[1]) if parts[1] else None}
    except Exception as error:  # noqa: BLE001 - the edge of the process: whatever a crafted file does is told in words
        answer = {"refused": f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"}
    sys.stdout.write(json.dumps(answer))
    return 0


if __name__ == "__main__":
    sys.exit(main())
