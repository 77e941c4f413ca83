"""Users' own environments: a registered id, a class in an installed module, or a class in a file.

===========================  ===========================================================================
``my_robots:Crane-v0``       an id that the module registers when it is imported
``my_robots.crane:Crane``    a class, derived from ``gymnasium.Env``
``./crane.py:Crane``         a class in a file, which need not be installed
===========================  ===========================================================================

:mod:`~reward_synth.simulators.custom.files` says how a file is found.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from types import ModuleType
from typing import Any

import gymnasium
from gymnasium.envs.registration import EnvSpec

from reward_synth.core.errors import EnvironmentFault, RewardSynthError
from reward_synth.core.nearest import nearest
from reward_synth.simulators.custom.files import classes_in, file_of, is_file_id, refuse_module_of_a_run
from reward_synth.simulators.custom.installed import missing_requirements, registered_below, written_for_another
from reward_synth.state.faults import fault_of_module

Maker = Callable[..., Any]
MOST_NAMED = 8
"""Environments that a hint names."""

WRAP = "what behaves like one can be wrapped in a file of your own (docs/guide/own-environment.md#through-a-wrapper)"


def specification(env_id: str) -> str | EnvSpec:
    """The argument of ``gymnasium.make`` for an id. This imports the module or the file that the id names.

    :raises RewardSynthError: it cannot be imported, or holds no such environment.
    """
    module, colon, name = env_id.partition(":")
    if not colon:
        return env_id
    if is_file_id(env_id):
        maker = _from_file(env_id)
    else:
        loaded = _import(module, env_id)
        if name in gymnasium.registry:
            return name
        found = getattr(loaded, name, None)
        if found is None:
            raise RewardSynthError(f"`{module}` has no environment {name!r}", _what_there_is(loaded, name))
        # A task file from somebody else must not be able to call any function with its arguments.
        if not (inspect.isclass(found) and issubclass(found, gymnasium.Env)):
            raise RewardSynthError(
                f"{env_id!r} is no class derived from gymnasium.Env", f"{_what_there_is(loaded, name)}; {WRAP}"
            )
        maker = found
    return EnvSpec(id=name, entry_point=maker)


def describe(env_id: str) -> str:
    """The first paragraph of an environment's documentation, for people and prompts; the id if it has none."""
    chosen = specification(env_id)
    spec = chosen if isinstance(chosen, EnvSpec) else gymnasium.registry.get(chosen)
    entry = spec.entry_point if spec is not None else None
    if not inspect.isclass(entry) or not entry.__doc__ or entry.__doc__ == gymnasium.Env.__doc__:
        return env_id
    first = " ".join(entry.__doc__.strip().split("\n\n")[0].split())
    return f"{env_id.partition(':')[2] or env_id}: {first}"[:300]


def _from_file(env_id: str) -> Maker:
    text, _, name = env_id.partition(":")
    path = file_of(env_id)
    if path is None:
        raise RewardSynthError(
            f"{Path(text).name}, the environment's file, must be named anew, since the run may be somebody else's",
            f"read the file, then add: --env PATH/{Path(text).name}:{name}",
        )
    found = getattr(_load_file(path), name, None)
    if found is None:
        others = [f"--env {path.name}:{each}" for each in classes_in(path)]
        raise RewardSynthError(f"{path.name} has no class {name!r}", " or ".join(others))
    if not callable(found):
        raise RewardSynthError(f"{env_id!r} is no class derived from gymnasium.Env", f"look at {name} in {path.name}")
    made: Maker = found
    return made


def _load_file(path: Path) -> ModuleType:
    """The file as a module, imported once; its folder is not put on ``sys.path``."""
    key = f"own_environment_{hashlib.sha256(str(path).encode()).hexdigest()[:12]}_{path.stem}"
    if key in sys.modules:
        return sys.modules[key]
    spec = importlib.util.spec_from_file_location(key, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[key] = module
    try:
        with redirect_stdout(sys.stderr):
            spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[key]
        if isinstance(error, ImportError) and (missing := missing_requirements(error)):
            raise RewardSynthError(f"{path.name} cannot be imported: {error}", missing) from error
        if isinstance(error, ModuleNotFoundError) and "." not in (error.name or ""):
            raise RewardSynthError(
                f"{path.name} imports `{error.name}`, which is not installed",
                f"pip install what `{error.name}` belongs to; of the folder of {path.name} nothing else is imported, "
                "so that a file beside it must be part of an installed package, or of the file itself",
            ) from error
        if isinstance(error, ImportError):
            refuse_other_version(path.stem, error)
        raise fault_of_module(path.name, error) from error
    return module


def _import(module: str, env_id: str) -> ModuleType:
    if module.partition(".")[0] in sys.stdlib_module_names:
        # A task file from somebody else could import it, and some of these modules act when they are imported.
        raise RewardSynthError(f"{env_id!r}: the standard library's `{module}` holds no environment")
    refuse_module_of_a_run(module, env_id)
    try:
        with redirect_stdout(sys.stderr):
            return importlib.import_module(module)
    except ImportError as error:
        refuse_other_version(module, error)
        if not isinstance(error, ModuleNotFoundError):
            raise fault_of_module(f"`{module}`", error) from error
        beside = Path(f"{module.partition('.')[0]}.py")
        hint = f"--env ./{beside}:{env_id.partition(':')[2]}" if beside.is_file() else _installable(module)
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            hint = missing_requirements(error) or f"pip install what `{error.name}` belongs to"
        raise RewardSynthError(f"{env_id!r} cannot be imported: {error}", hint) from error
    except EnvironmentFault:
        raise
    except Exception as error:
        raise fault_of_module(f"`{module}`", error) from error


def refuse_other_version(module: str, error: ImportError) -> None:
    """:raises RewardSynthError: the module was written for another version of what it imports."""
    if said := written_for_another(module, error):
        hint = "install a version of it for what is here, or both into a Python environment of their own"
        raise RewardSynthError(said, hint) from error


def _installable(module: str) -> str:
    # PYTHONPATH does not help: the locked workers ignore it.
    return (
        f"pip install the package that `{module}` belongs to (`pip install -e FOLDER` for one of your own), "
        "or name its file: --env ./FILE.py:CLASS"
    )


def _what_there_is(module: ModuleType, wanted: str) -> str:
    """What else the module holds, nearest first; or how what it does not hold yet comes to be registered."""
    own = {name: value for name, value in vars(module).items() if getattr(value, "__module__", "") == module.__name__}
    classes = [name for name, value in own.items() if inspect.isclass(value) and issubclass(value, gymnasium.Env)]
    ids = [
        spec.id
        for spec in gymnasium.registry.values()
        if str(getattr(spec.entry_point, "__module__", spec.entry_point)).startswith(module.__name__)
    ]
    if found := registered_below(module, wanted):
        return f"another part of the package registers it: --env {found}"
    known = classes + ids
    if known:
        named = list(dict.fromkeys((*nearest(wanted, known, MOST_NAMED), *known)))[:MOST_NAMED]
        return "there is: " + ", ".join(f"{module.__name__}:{name}" for name in named)
    if calls := [name for name, value in own.items() if name.startswith("register") and callable(value)]:
        call = f"{module.__name__}.{calls[0]}()"
        return f"it registers its environments in {call}: a file of your own can call that and return gymnasium.make(…)"
    return f"register it in `{module.__name__}`, or define a class there"
