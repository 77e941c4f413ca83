"""What installed packages ask for, and which environments they would register: for errors that name the right cause."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import os
import pkgutil
import re
import shlex
import subprocess
import sys
import traceback
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from reward_synth.core.waiting import run_within

SECONDS = 20.0
"""Time for importing one package to see what it registers."""
_LIST = """
import importlib, json, sys
sys.path[:] = json.loads(sys.argv[2])
import gymnasium
before = set(gymnasium.registry)
importlib.import_module(sys.argv[1])
sys.stderr.write("\\n" + json.dumps(sorted(set(gymnasium.registry) - before)))
"""


def written_for_another(module: str, error: ImportError) -> str:
    """A sentence if an installed package misses a part of another installed one: it was written for another version.

    :param module: the package that was imported.
    :return: empty if that is not the reason.
    """
    asking, other = module.partition(".")[0], (error.name or "").partition(".")[0]
    inner = "." in (error.name or "") or not isinstance(error, ModuleNotFoundError)
    if not other or other == asking or not inner or importlib.util.find_spec(other) is None:
        return ""
    owner, needed = _distribution(asking), _distribution(other)
    asks = next((text for name, text in _requirements(owner) if _canonical(name) == _canonical(needed) and text), "")
    here = importlib.metadata.version(needed) if needed else ""
    told = f" (it asks for {needed}{asks}, and {here} is installed)" if asks else f" ({here} is installed)"
    return f"`{asking}` was written for another version of `{other}`{told}: {error}"


def missing_requirements(error: ImportError) -> str:
    """``pip install`` of what an installed package asks for and what is not there; empty if nothing is missing.

    It is the package whose import statement failed, which may be another one than the person named.
    """
    from packaging.requirements import Requirement

    *_, (frame, _) = traceback.walk_tb(error.__traceback__)
    owner = _distribution(str(frame.f_globals.get("__name__")).partition(".")[0])
    wanted = [Requirement(line) for line in (importlib.metadata.requires(owner) if owner else None) or ()]
    missing = [f"{each.name}{each.specifier}" for each in wanted if applies(each) and not _installed(each.name)]
    return f"{owner} asks for what is not installed: pip install {shlex.join(missing)}" if missing else ""


def registered_below(module: ModuleType, name: str) -> str:
    """``module.envs:NAME`` if a part of the package, with ``env`` in its name, registers it once it is imported."""
    for part in pkgutil.iter_modules(getattr(module, "__path__", ())):
        below = f"{module.__name__}.{part.name}"
        if "env" in part.name and name in _registers(below):
            return f"{below}:{name}"
    return ""


def registered_by(env_id: str) -> str:
    """``module:ID`` of an installed package that registers the id once it is imported; empty if none does.

    Each package that asks for Gymnasium is imported in a process of its own, but for those that this one asks for.
    """
    known = {_canonical(name) for name, _ in _requirements("reward-synth")} | {"reward-synth"}
    for module, distributions in sorted(importlib.metadata.packages_distributions().items()):
        for name in distributions:
            asks = any(_canonical(needed) == "gymnasium" for needed, _ in _requirements(name, extras=False))
            if asks and _canonical(name) not in known:
                found = next((each for each in _registers(module) if each.lower() == env_id.lower()), "")
                if found:
                    return f"{module}:{found}"
    return ""


def _registers(module: str) -> list[str]:
    command = [sys.executable, "-I", "-c", _LIST, module, json.dumps(sys.path)]
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    try:
        done = run_within(SECONDS, command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        found: list[str] = json.loads(done.stderr.splitlines()[-1])
    except (subprocess.SubprocessError, ValueError, IndexError):
        return []
    return found


def _distribution(module: str) -> str:
    return next(iter(importlib.metadata.packages_distributions().get(module, ())), "")


def _requirements(distribution: str, extras: bool = True) -> Iterator[tuple[str, str]]:
    """Name and versions of what an installed package asks for."""
    try:
        lines = importlib.metadata.requires(distribution) if distribution else None
    except importlib.metadata.PackageNotFoundError:
        return
    for line in lines or ():
        found = re.match(r"([\w.-]+)\s*(?:\[[^\]]*\])?\s*\(?([^;)]*)", line)
        if found and (extras or "extra ==" not in line):
            yield found[1], found[2].strip()


def applies(requirement: Any) -> bool:
    """Whether a requirement of a package counts here, without extras."""
    return requirement.marker is None or bool(requirement.marker.evaluate({"extra": ""}))


def _installed(distribution: str) -> bool:
    try:
        return bool(importlib.metadata.version(distribution))
    except importlib.metadata.PackageNotFoundError:
        return False


def _canonical(distribution: str) -> str:
    """The name as all spellings of it share it."""
    return distribution.lower().replace("_", "-")
