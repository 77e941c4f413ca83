"""Checks this machine: what is installed, what is missing, and whether the lock on generated code holds."""

from __future__ import annotations

import platform
import shlex
import shutil
from collections.abc import Iterator
from contextlib import closing
from importlib import metadata
from pathlib import Path
from typing import Literal

from reward_synth.core import machine
from reward_synth.core.errors import RewardSynthError
from reward_synth.core.types import Value

GIB = 1 << 30
PACKAGES = ("numpy", "torch", "gymnasium", "mujoco", "stable-baselines3", "litellm", "xllamacpp")

State = Literal["ok", "warning", "fault"]


class Diagnosis(Value):
    """The result of one check."""

    name: str
    state: State
    """``fault``: nothing can be run before it is fixed."""
    text: str
    hint: str = ""
    """What to type or install; empty if all is well."""


def examine() -> Iterator[Diagnosis]:
    """Run all checks in turn. They take a few seconds, most of them for the attacks on the lock."""
    for look in (_system, _packages, _cores, _disk, _simulators, _models, _lock, _attacks):
        try:
            yield from look()
        except RewardSynthError as error:
            yield Diagnosis(name=look.__name__.strip("_"), state="fault", text=error.message, hint=error.hint)


def _seen(name: str, text: str, hint: str) -> Diagnosis:
    """A warning if there is a hint, else ok."""
    return Diagnosis(name=name, state="warning" if hint else "ok", text=text, hint=hint)


def _system() -> Iterator[Diagnosis]:
    text = f"Python {platform.python_version()}, {platform.system()} {platform.release()}, {platform.machine()}"
    yield _seen("system", text, "")


def _packages() -> Iterator[Diagnosis]:
    found, missing = [], []
    for package in PACKAGES:
        try:
            found.append(f"{package} {metadata.version(package)}")
        except metadata.PackageNotFoundError:
            missing.append(package)
    hint = ""
    if missing == ["xllamacpp"]:
        hint = 'for the embedded model: pip install "reward-synth[local]"'
    elif missing:
        hint = f"missing: {', '.join(missing)}; install reward-synth anew"
    fault = bool(set(missing) - {"xllamacpp"})
    state: State = "fault" if fault else "warning" if missing else "ok"
    yield Diagnosis(name="packages", state=state, text=", ".join(found), hint=hint)
    yield from _other_versions()


def _other_versions() -> Iterator[Diagnosis]:
    """Our own dependencies at versions that we do not ask for: pip puts them there for another package, and goes on."""
    from packaging.requirements import Requirement

    from reward_synth.simulators.custom.installed import applies

    try:
        lines = metadata.requires("reward-synth") or ()
    except metadata.PackageNotFoundError:  # It runs from a checkout.
        return
    for asked in filter(applies, map(Requirement, lines)):
        try:
            found = metadata.version(asked.name)
        except metadata.PackageNotFoundError:
            yield Diagnosis(name=f"package {asked.name}", state="fault", text="not installed", hint=_install(asked))
            continue
        if not asked.specifier.contains(found, prereleases=True):
            hint = f"{_install(asked)}; `pip check` names who asks for another (docs/guide/own-environment.md)"
            yield _seen(f"package {asked.name}", f"{found} is installed, and {asked.specifier} is needed", hint)


def _install(asked: object) -> str:
    return f"pip install {shlex.quote(str(asked))}"


def _cores() -> Iterator[Diagnosis]:
    cores, free = machine.cores(), machine.free_memory()
    text = f"{cores} cores" if free is None else f"{cores} cores, {free / GIB:.1f} GiB of memory free"
    low = free is not None and free < 2 * GIB
    each = machine.WORKER_MEMORY / GIB
    hint = f"a training takes up to {each:.1f} GiB: use --jobs 1, or end other programs" if low else ""
    yield _seen("machine", text, hint)


def _disk() -> Iterator[Diagnosis]:
    free = shutil.disk_usage(Path.cwd()).free
    low = free < 2 * GIB
    hint = "a run takes some 10 MB, the embedded model 1.1 GB: make room" if low else ""
    yield _seen("disk", f"{free / GIB:.0f} GiB free here", hint)


def _simulators() -> Iterator[Diagnosis]:
    from reward_synth.simulators import simulator_names

    yield from map(_simulator, simulator_names())


def _simulator(name: str) -> Diagnosis:
    """Check that one environment of a simulator steps. A simulator whose extra is not installed is ok too."""
    from reward_synth.simulators import DEFAULT_SIMULATOR, get_simulator, open_by_id

    try:
        simulator = get_simulator(name)
        if not simulator.environments():
            return Diagnosis(name=name, state="ok", text=f"not installed; its tasks need: {simulator.install_line}")
        with closing(open_by_id(simulator.trial)) as environment:
            environment.reset(seed=0)
            environment.step(environment.action_space.sample())
    except RewardSynthError as error:
        # The other simulators can still be used.
        state: State = "fault" if name == DEFAULT_SIMULATOR else "warning"
        return Diagnosis(name=name, state=state, text=error.message, hint=error.hint)
    pictures, hint = simulator.pictures()
    text = ", ".join(filter(None, (f"{simulator.trial} steps", pictures)))
    return Diagnosis(name=name, state="ok", text=text, hint=hint)


def _models() -> Iterator[Diagnosis]:
    from reward_synth.llm import default_model
    from reward_synth.llm.catalogue import available_models

    chosen, reason = default_model()
    local = next(model for model in available_models() if model.name == "local")
    hint = local.note if chosen == "local" and not local.ready else ""
    yield _seen("models", f"without --model: {chosen} ({reason})", hint)


def _lock() -> Iterator[Diagnosis]:
    from reward_synth.sandbox import lock
    from reward_synth.sandbox.channel import NO_LOCK

    found = lock.available()
    parts = [
        "seccomp" if found.seccomp else "no seccomp",
        f"Landlock {found.landlock}" if found.landlock else "no Landlock",
    ]
    text = "Seatbelt, which was never tested" if found.seatbelt else ", ".join(parts)
    if not found.enough:
        yield Diagnosis(name="lock", state="fault", text=text, hint=NO_LOCK)
        return
    hint = "rewards are locked all the same; training workers could read files (Linux 5.13 has Landlock)"
    yield _seen("lock", text, "" if found.landlock else hint)


def _attacks() -> Iterator[Diagnosis]:
    from reward_synth.sandbox.self_test import try_lock

    _, attacks = try_lock()
    for attack in attacks:
        hint = ""
        state: State = "ok"
        if attack.lands:
            state, text, hint = "fault", "it lands behind the lock", "run no rewards here; please report this"
        elif attack.lands_without_lock:
            text = f"refused: {attack.refusal} (it lands without the lock)"
        else:
            state, text = "warning", "refused, but so it is without the lock: this proves nothing"
        yield Diagnosis(name=f"attack: {attack.name}", state=state, text=text, hint=hint)
