"""Where the file of a user's own environment lies: ``./crane.py:Crane``.

A task never holds the path of such a file, only its name: ``crane.py:Crane``. The path is known to the process in which
the user has named the file (:func:`name_environment`), and this process passes it to the workers. So a run folder can
be moved, and resuming somebody else's run imports no file that they chose: the user must name the file again.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Sequence
from importlib.machinery import PathFinder
from pathlib import Path

from reward_synth.core.errors import RewardSynthError
from reward_synth.core.syntax import parse

_files: dict[str, Path] = {}
"""Name of an environment's file → its path, as the user named it last."""


def is_file_id(env_id: str) -> bool:
    """True for ``./crane.py:Crane``, with or without a folder."""
    return env_id.partition(":")[0].endswith(".py")


def name_environment(env_id: str, base: Path | None = None) -> str:
    """Remember the path of an environment's file. Call it only with a path that a user has given.

    :param base: folder that a relative path starts from; None: the working folder.
    :return: the id as a task keeps it, without any folder. Other ids come back as they are.
    :raises RewardSynthError: there is no such file, it lies in a run folder, or no class is named.
    """
    if not is_file_id(env_id):
        return env_id
    text, _, name = env_id.partition(":")
    path = ((base or Path.cwd()) / Path(text).expanduser()).resolve()
    if not path.is_file():
        raise RewardSynthError(f"there is no file {text}, which {env_id!r} names", "check the path of --env")
    if _in_a_run(path):
        # Models write the files there, and an assistant may name one: importing it would run it without a lock.
        hint = "read it first; if it is yours, copy it to another folder, and name that file"
        raise RewardSynthError(f"{text} lies in a run folder, and is not imported", hint)
    if not name:
        found = [f"--env {text}:{each}" for each in classes_in(path)]
        raise RewardSynthError(f"{env_id!r} names no class", " or ".join(found) or f"--env {text}:CLASS")
    _files[path.name] = path
    return f"{path.name}:{name}"


def refuse_module_of_a_run(module: str, env_id: str) -> None:
    """Refuse a module that lies in a run folder, or in a folder that is no package: such a run came with its own code.

    Where a working folder or a checkout is searched for modules, ``runs.theirs.payload`` would be one. Nothing is
    imported to find this out.

    :raises RewardSynthError: the module must not be imported.
    """
    places: Sequence[str] | None = None
    name = ""
    for part in module.split("."):
        name = f"{name}.{part}" if name else part
        spec = PathFinder.find_spec(name, places)
        if spec is None:
            return  # Nothing is there, or an installed finder of its own knows better.
        origin, places = spec.origin, spec.submodule_search_locations
        folders = [Path(place) for place in ((origin,) if origin else places or ())]
        inside = any(map(_in_a_run, folders))
        loose = origin is None and not any({"site-packages", "dist-packages"} & set(each.parts) for each in folders)
        if inside or loose:
            raise RewardSynthError(
                f"{env_id!r} names a module in a run folder or in a folder that is no package, which is not imported",
                f"read it first; if it is yours, name its file: --env ./{part}.py:{env_id.partition(':')[2]}",
            )


def _in_a_run(path: Path) -> bool:
    return any((place / "run.json").is_file() for place in (path, *path.parents))


def bare_id(env_id: str) -> str:
    """The id without the folder of its file, as a task keeps it. The path is not remembered."""
    text, colon, name = env_id.partition(":")
    return f"{Path(text).name}{colon}{name}" if is_file_id(env_id) else env_id


def file_of(env_id: str) -> Path | None:
    """Path of the environment's file; None if it has no file, or if nobody named the file in this process."""
    return _files.get(env_id.partition(":")[0]) if is_file_id(env_id) else None


def digest_of(env_id: str) -> str:
    """Hash of the environment's file; empty for an environment without a file."""
    path = file_of(env_id)
    return hashlib.sha256(path.read_bytes()).hexdigest() if path is not None else ""


def classes_in(path: Path) -> list[str]:
    """Names of the file's classes, read without running it."""
    try:
        tree = parse(path.read_text(encoding="utf-8"))
    except (SyntaxError, UnicodeDecodeError):
        return []
    return [node.name for node in tree.body if isinstance(node, ast.ClassDef)]
