"""A reward as one stand-alone file that needs numpy, gymnasium and the simulator, and not this package.

Crafter's environments are made by this package; there the file needs it for them, and holds the reward all the same.
"""

from __future__ import annotations

import ast
import pprint
import textwrap
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Protocol

from reward_synth.core.errors import RewardSynthError
from reward_synth.core.version import __version__
from reward_synth.reward.lint import lint

OWN_NAMES = frozenset(
    {
        "State",
        "RewardWrapper",
        "read_state",
        "make",
        "gymnasium",
        "mujoco",
        "ENVIRONMENT",
        "SIMULATOR",
        "_fixed",
        "_taken",
    }
)

PACKAGED = ("crafter",)
"""Simulators whose environments the file takes from this package. Of others that it makes, none can be exported."""


class ExportedField(Protocol):
    """What the file needs to know of a field."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Its shape."""

    @property
    def unit(self) -> str:
        """Its unit."""

    @property
    def doc(self) -> str:
        """Its meaning."""

    @property
    def code(self) -> str:
        """Expression that reads it, over ``model``, ``data``, ``mujoco``, ``np`` and ``observation``, a flat vector."""


def export(
    source: str,
    env_id: str,
    arguments: Mapping[str, Any],
    horizon: int | None,
    table: Sequence[ExportedField],
    goal: str = "",
) -> str:
    """Text of a Python file with the reward and a ``gymnasium.Wrapper`` around it.

    :param source: text of the reward file; it stands in the result as it is.
    :param env_id: environment that ``make()`` of the file makes.
    :param arguments: its keyword arguments.
    :param horizon: steps until truncation; None for the environment's own.
    :param table: fields of the environment; those that the reward reads are taken along.
    :param goal: what the reward is for, in words.
    :raises RewardSynthError: if the reward has errors, uses a name that the file needs, or the environment or a field
        that it reads cannot be had without this package.
    """
    from reward_synth.state.row_reader import reads_mujoco, reads_observation

    simulator = exportable_simulator(env_id)
    packaged = simulator in PACKAGED
    report = lint(source, tuple((field.name, field.shape) for field in table))
    if not report.ok:
        errors = "\n".join(finding.as_text() for finding in report.findings if finding.severity == "error")
        raise RewardSynthError(f"the reward has errors:\n{errors}", "mend the reward file, then export it")
    fields = [field for field in table if field.name in report.fields]
    if not packaged:
        _refuse_unreadable(fields)
    observed = not packaged and any(reads_observation(field.code) for field in fields)
    simulated = not packaged and (not observed or any(reads_mujoco(field.code) for field in fields))
    taken = sorted(OWN_NAMES & _defined(source))
    if taken:
        raise RewardSynthError(f"the reward defines {', '.join(taken)}, which the file needs", "rename it there")
    call = "compute_reward(before, taken, self._state" + (", self._memory)" if report.uses_memory else ")")
    parts = [
        _header(goal, env_id, packaged, simulated),
        _imports(fields, packaged, simulated),
        _packaged_environment(simulator, env_id, arguments, horizon)
        if packaged
        else _environment(env_id, arguments, horizon),
        "# --- The reward, as it was trained on ---\n\n" + _without_future(source).strip() + "\n",
        "# --- The state that it reads ---\n\n\n" + _state_class(fields),
        _packaged_reader(fields) if packaged else _state_reader(fields, observed, simulated),
        _wrapper(packaged, observed).replace("@CALL@", call),
    ]
    return "\n\n".join(part.rstrip("\n") + "\n" for part in parts)


def exportable_simulator(env_id: str) -> str:
    """The environment's simulator, if another file can make the environment.

    :raises RewardSynthError: this one is of these.
    """
    from reward_synth.simulators import simulator_of
    from reward_synth.simulators.custom.files import is_file_id

    if is_file_id(env_id):
        raise RewardSynthError(
            f"{env_id} is a class in a file of your own, which no other file can hold",
            "use reward_synth.RewardWrapper(env, FILE, fields=load_task(TASK).environment.fields) with the reward file",
        )
    simulator = simulator_of(env_id)
    if simulator not in ("gym", *PACKAGED):
        raise RewardSynthError(
            f"{env_id} is made by this package, so that no file can stand alone with it",
            f'use reward_synth.RewardWrapper(env, FILE, simulator="{simulator}") instead, with env from '
            f'reward_synth.simulators.get_simulator("{simulator}").make("{env_id}", {{}})',
        )
    return simulator


def _refuse_unreadable(fields: Sequence[ExportedField]) -> None:
    unreadable = [field.name for field in fields if not field.code]
    if unreadable:
        raise RewardSynthError(
            f"these fields cannot be read by a stand-alone file: {', '.join(unreadable)}",
            "use reward_synth.RewardWrapper with the reward file instead",
        )


def _defined(source: str) -> set[str]:
    names: set[str] = set()
    for statement in ast.parse(source).body:
        if isinstance(statement, ast.FunctionDef):
            names.add(statement.name)
        elif isinstance(statement, ast.Assign | ast.AnnAssign):
            names |= {n.id for n in ast.walk(statement) if isinstance(n, ast.Name)}
    return names


def _uses_mujoco(fields: Sequence[ExportedField]) -> bool:
    return any("mujoco." in field.code for field in fields)


def _without_future(source: str) -> str:
    """Without ``from __future__`` lines, which may stand at the top of a file only, where there is one."""
    lines = source.splitlines()
    for statement in reversed(ast.parse(source).body):
        if isinstance(statement, ast.ImportFrom) and statement.module == "__future__":
            del lines[statement.lineno - 1 : statement.end_lineno]
    return "\n".join(lines)


def _imports(fields: Sequence[ExportedField], packaged: bool, simulated: bool) -> str:
    lines = ["from __future__ import annotations", "", "from typing import Any, NamedTuple", "", "import gymnasium"]
    if simulated:
        lines.append("import mujoco" if _uses_mujoco(fields) else "import mujoco  # noqa: F401")
    lines.append("import numpy as np")
    if packaged:
        lines += ["", "from reward_synth.simulators import get_simulator"]
    return "\n".join(lines)


def _header(goal: str, env_id: str, packaged: bool, simulated: bool) -> str:
    needed = ("gymnasium", "mujoco", "numpy") if simulated else ("gymnasium", "numpy")
    made_for = ", ".join(filter(None, map(_versioned, needed)))
    alone = "numpy, gymnasium and mujoco" if simulated else "numpy and gymnasium"
    needs = "reward-synth with the simulator's extra" if packaged else alone
    lines = [
        f"# A reward function and its environment wrapper. It needs {needs}.",
        *textwrap.wrap(f"Goal: {goal or 'not recorded'}", 100, initial_indent="# ", subsequent_indent="#   "),
        f"# Environment: {' '.join(env_id.split())}",
        f"# Made by reward-synth {__version__}, with {made_for}.",
        "#",
        "# Use: env = make()   or   env = RewardWrapper(your_env)",
    ]
    return "\n".join(lines)


def _versioned(package: str) -> str:
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return ""


def _environment(env_id: str, arguments: Mapping[str, Any], horizon: int | None) -> str:
    settings: dict[str, Any] = {"id": env_id, **arguments}
    if horizon is not None:
        settings["max_episode_steps"] = horizon
    return f"ENVIRONMENT = {pprint.pformat(settings, width=100, sort_dicts=False)}"


def _packaged_environment(simulator: str, env_id: str, arguments: Mapping[str, Any], horizon: int | None) -> str:
    settings = {"env_id": env_id, "arguments": dict(arguments), "horizon": horizon}
    shown = pprint.pformat(settings, width=100, sort_dicts=False)
    return f"SIMULATOR = get_simulator({simulator!r})\nENVIRONMENT = {shown}"


def _packaged_reader(fields: Sequence[ExportedField]) -> str:
    lines = [
        "def read_state(env: gymnasium.Env) -> State:",
        '    """The present state of a live environment."""',
        "    table = SIMULATOR.fields(env)",
        "    return State(",
    ]
    for field in fields:
        value = f"table.get({field.name!r}).read(env.unwrapped)"
        lines.append(
            f"        {field.name}=" + (f"{value}," if field.shape == () else f"_fixed({value}, {field.shape!r}),")
        )
    return "\n".join([*lines, "    )", "", "", *_FIXED])


def _state_class(fields: Sequence[ExportedField]) -> str:
    lines = [
        "class State(NamedTuple):",
        '    """The fields that the reward reads. Vectors are read-only."""',
        "",
    ]
    for field in fields:
        kind = "float" if field.shape == () else "np.ndarray"
        lines.append(f"    {field.name}: {kind}")
        note = f"{field.doc} Unit: {field.unit}." + (f" Shape: {field.shape}." if field.shape else "")
        lines += textwrap.wrap(" ".join(note.split()), 96, initial_indent="    # ", subsequent_indent="    # ")
    return "\n".join(lines if fields else [*lines, "    pass"])


def _state_reader(fields: Sequence[ExportedField], observed: bool, simulated: bool) -> str:
    lines = [
        f"def read_state(env: gymnasium.Env{', seen: Any' if observed else ''}) -> State:",
        f'    """The present state of a live environment{", which has just been ``seen``" if observed else ""}."""',
    ]
    if observed:
        lines.append("    observation = gymnasium.spaces.flatten(env.observation_space, seen)")
    if simulated:
        lines.append("    model, data = env.unwrapped.model, env.unwrapped.data  # noqa: F841")
    lines.append("    return State(")
    for field in fields:
        if field.shape == ():
            lines.append(f"        {field.name}=float({field.code}),")
        else:
            lines.append(f"        {field.name}=_fixed({field.code}, {field.shape!r}),")
    return "\n".join([*lines, "    )", "", "", *_FIXED])


_FIXED = (
    "def _fixed(value: Any, shape: tuple[int, ...]) -> np.ndarray:",
    "    array = np.array(value, dtype=np.float64).reshape(shape)",
    "    array.flags.writeable = False",
    "    return array",
    "",
    "",
    "def _taken(space: gymnasium.Space, action: Any) -> np.ndarray:",
    '    """The action as the reward sees it: a choice is a vector with a 1 in its place."""',
    "    if isinstance(space, gymnasium.spaces.Discrete):",
    "        return _fixed(np.eye(space.n)[action], (space.n,))",
    "    return _fixed(action, np.shape(action))",
)


def _wrapper(packaged: bool, observed: bool) -> str:
    text = WRAPPER
    if observed:
        # Nothing has been seen before the first reset.
        text = text.replace("self._state = read_state(env)", "self._state: Any = None")
        text = text.replace("read_state(self.env)", "read_state(self.env, observation)")
    if packaged:
        text = text.replace("gymnasium.make(", "SIMULATOR.make(")
        text = text.replace("``changes`` override its settings", "``changes`` override those of ENVIRONMENT")
    return text


WRAPPER = '''class RewardWrapper(gymnasium.Wrapper):
    """Replaces the environment's reward; the terms are in ``info["reward_terms"]``."""

    def __init__(self, env: gymnasium.Env) -> None:
        super().__init__(env)
        self._memory: dict = {}
        self._state = read_state(env)

    def reset(self, **options: Any) -> tuple[Any, dict]:
        observation, info = self.env.reset(**options)
        self._memory = {}
        self._state = read_state(self.env)
        return observation, info

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict]:
        observation, _, terminated, truncated, info = self.env.step(action)
        before, self._state = self._state, read_state(self.env)
        taken = _taken(self.env.action_space, action)
        terms = {name: float(value) for name, value in @CALL@.items()}
        return observation, sum(terms.values()), terminated, truncated, {**info, "reward_terms": terms}


def make(**changes: Any) -> RewardWrapper:
    """The environment that the reward was made for, with this reward; ``changes`` override its settings."""
    return RewardWrapper(gymnasium.make(**{**ENVIRONMENT, **changes}))
'''
