"""A reward as one stand-alone file that needs numpy, gymnasium and the simulator, and not this package.

This package makes the environments of some simulators. A file for those needs this package too, but still holds the
whole reward.
"""

from __future__ import annotations

import ast
import contextlib
import inspect
import pprint
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from reward_synth.core.errors import RewardSynthError
from reward_synth.core.names import ScaleName
from reward_synth.core.syntax import parse
from reward_synth.core.version import __version__
from reward_synth.export.recipe import Recipe
from reward_synth.export.shown_wrapper import ShownWrapper
from reward_synth.export.terms_wrapper import TermsWrapper
from reward_synth.reward.lint import LintReport, lint
from reward_synth.reward.scale import TOTALS, as_comment, scale_line
from reward_synth.state.expressions import reads_info, reads_mujoco, reads_observation
from reward_synth.state.fields import Field


@dataclass(frozen=True)
class Shown:
    """What policies see besides the environment's own observation."""

    names: tuple[str, ...]
    """As a task names it: see :mod:`reward_synth.state.more_seen`."""
    fields: Sequence[Field]
    """The fields that are read for it."""
    horizon: int


def export(
    source: str,
    env_id: str,
    arguments: Mapping[str, Any],
    horizon: int | None,
    table: Sequence[Field],
    goal: str = "",
    scale: ScaleName = "sum",
    recipe: Recipe | None = None,
    shown: Shown | None = None,
) -> str:
    """Text of a Python file with the reward and a ``gymnasium.Wrapper`` around it.

    :param source: text of the reward file; it is copied unchanged.
    :param env_id: environment that ``make()`` of the file makes.
    :param arguments: its keyword arguments.
    :param horizon: steps until truncation; None for the environment's own.
    :param table: fields of the environment; the file gets those that the reward reads.
    :param goal: what the reward is for, in words.
    :param scale: how its terms became the reward in training; the file's wrapper does the same.
    :param recipe: how to train on it; the file then trains when it is run, and judges what was learnt.
    :param shown: what policies see besides the observation, if anything.
    :raises RewardSynthError: if the reward has errors or uses a name that the file needs, or if the environment or a
        field that it reads is not available without this package.
    """
    from reward_synth.simulators import get_simulator

    simulator = exportable_simulator(env_id)
    packaged = get_simulator(simulator).exports == "with_package"
    report = _linted(source, table)
    fields = [field for field in table if field.name in report.fields]
    read = [*fields, *(recipe.measured if recipe is not None else ()), *(shown.fields if shown is not None else ())]
    if not packaged:
        _refuse_unreadable(read)
    observed = not packaged and any(reads_observation(field.code) for field in read)
    simulated = not packaged and any(reads_mujoco(field.code) for field in read)
    libraries = ["numpy", "gymnasium", *["mujoco"] * simulated, *["stable-baselines3"] * (recipe is not None)]
    text = _render(
        versions=[__version__, *_versioned(libraries)],
        goal=goal,
        env_id=" ".join(env_id.split()),
        scale_line=scale_line(scale),
        packaged=packaged,
        observed=observed,
        simulated=simulated,
        simulator=simulator,
        environment=_settings(env_id, arguments, horizon, packaged),
        reward=_without_future(source).strip(),
        fields=fields,
        takes_memory=report.uses_memory,
        total=TOTALS[scale].__name__,
        total_text=inspect.getsource(TOTALS[scale]),
        wrapper_text=inspect.getsource(TermsWrapper),
        recipe=recipe,
        shown=shown,
        shown_text=inspect.getsource(ShownWrapper),
    )
    _refuse_taken_names(text, source)
    return text


def _linted(source: str, table: Sequence[Field]) -> LintReport:
    report = lint(source, tuple((field.name, field.shape) for field in table))
    if not report.ok:
        errors = "\n".join(finding.as_text() for finding in report.findings if finding.severity == "error")
        raise RewardSynthError(f"the reward has errors:\n{errors}", "mend the reward file, then export it")
    return report


def _refuse_unreadable(fields: Sequence[Field]) -> None:
    if unreadable := [field.name for field in fields if not field.code or reads_info(field.code)]:
        raise RewardSynthError(
            f"these fields cannot be read by a stand-alone file: {', '.join(unreadable)}",
            "use reward_synth.RewardWrapper with the reward file instead; what `info` holds must be in the observation",
        )


def _refuse_taken_names(text: str, source: str) -> None:
    own = Counter(_names(text)) - Counter(_names(source))
    taken = sorted(own.keys() & set(_names(source, imported=False)))
    if taken:
        raise RewardSynthError(f"the reward defines {', '.join(taken)}, which the file needs", "rename it there")


def exportable_simulator(env_id: str) -> str:
    """The environment's simulator, if an exported file can make the environment.

    :raises RewardSynthError: an exported file cannot make it.
    """
    from reward_synth.simulators import get_simulator, simulator_of
    from reward_synth.simulators.custom.files import is_file_id

    if is_file_id(env_id):
        raise RewardSynthError(
            f"{env_id} stands in a file of your own, which no other file can hold",
            "use reward_synth.RewardWrapper(env, FILE, fields=load_task(TASK).environment.fields) with the reward file",
        )
    simulator = simulator_of(env_id)
    if get_simulator(simulator).exports == "never":
        raise RewardSynthError(
            f"{env_id} is made by this package, so that no file can stand alone with it",
            f'use reward_synth.RewardWrapper(env, FILE, simulator="{simulator}") instead, with env from '
            f'reward_synth.simulators.get_simulator("{simulator}").make("{env_id}", {{}})',
        )
    return simulator


def _render(**values: Any) -> str:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["comment"] = as_comment
    environment.filters["pformat"] = lambda value: pprint.pformat(value, width=100, sort_dicts=False)
    return environment.get_template("reward_file.py.j2").render(values)


def _settings(env_id: str, arguments: Mapping[str, Any], horizon: int | None, packaged: bool) -> dict[str, Any]:
    """The arguments that the file's ``make()`` passes to this package's simulator or to ``gymnasium.make``."""
    if packaged:
        return {"env_id": env_id, "arguments": dict(arguments), "horizon": horizon}
    return {"id": env_id, **arguments} | ({} if horizon is None else {"max_episode_steps": horizon})


def _versioned(packages: Sequence[str]) -> Iterator[str]:
    for package in packages:
        with contextlib.suppress(PackageNotFoundError):
            yield f"{package} {version(package)}"


def _names(source: str, imported: bool = True) -> Iterator[str]:
    """Every name that the file binds at top level, once per binding; names of imports too, if ``imported``."""
    for statement in parse(source).body:
        if isinstance(statement, ast.FunctionDef | ast.ClassDef):
            yield statement.name
        elif isinstance(statement, ast.Import | ast.ImportFrom):
            yield from (alias.asname or alias.name for alias in statement.names if imported)
        else:
            yield from (n.id for n in ast.walk(statement) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store))


def _without_future(source: str) -> str:
    """The source without ``from __future__`` lines, which are allowed only at the top of a file."""
    lines = source.splitlines()
    for statement in reversed(parse(source).body):
        if isinstance(statement, ast.ImportFrom) and statement.module == "__future__":
            del lines[statement.lineno - 1 : statement.end_lineno]
    return "\n".join(lines)
