"""Fields that a task defines itself: named elements of the observation, or expressions over the simulator's state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from reward_synth.core.errors import RewardSynthError
from reward_synth.state.expressions import SUCCESS_KEYS, OwnField, reads_mujoco
from reward_synth.state.faults import fault, name_of
from reward_synth.state.fields import Field
from reward_synth.state.table import FieldTable


def with_own_fields(table: FieldTable, own: Mapping[str, OwnField], env: gymnasium.Env[Any, Any]) -> FieldTable:
    """The table with a task's own fields first, marked as essential.

    They replace fields of the same name, and the unnamed fields of observation elements that now have a name.

    :param env: the environment that the table was made from.
    :raises RewardSynthError: an index is outside of the observation, or an expression cannot be read.
    """
    if not own:
        return table
    fields = [_field(name, each, env) for name, each in own.items()]
    named = {field.name for field in fields}
    taken = {f"observation[{number}]" for each in own.values() for number in each.indices}
    rest = [field for field in table if field.name not in named and field.code not in taken]
    return table.with_fields(fields + rest)


def _field(name: str, own: OwnField, env: gymnasium.Env[Any, Any]) -> Field:
    low, high = -np.inf, np.inf
    if own.info is not None:
        code, shape = f"info.get({own.info!r}, 0.0)", _shape_told(name, own.info, env)
    elif own.expression is not None:
        code = own.expression.strip()
        shape = _shape(name, code, env)
    else:
        elements = [f"observation[{number}]" for number in own.indices]
        code, shape = f"({', '.join(elements)},)", (len(elements),)
        if isinstance(own.index, int):
            code, shape = elements[0], ()
        low, high = _bounds(name, own.indices, env)
    low, high = low if own.low is None else own.low, high if own.high is None else own.high
    doc = own.doc or f"`{code}`."
    judged = own.info in SUCCESS_KEYS
    return Field(name, shape, own.unit, low, high, doc, essential=not judged, code=code, judge_only=judged)


def _bounds(name: str, indices: tuple[int, ...], env: gymnasium.Env[Any, Any]) -> tuple[float, float]:
    """Smallest and largest value of these elements of the observation; infinite where nothing bounds them."""
    space: Any = spaces.flatten_space(env.observation_space)
    size = int(space.shape[0])
    if max(indices) >= size:
        raise RewardSynthError(
            f"the field {name!r} is element {max(indices)} of the observation, which has elements 0 to {size - 1}",
            "mend its `index` in the task file",
        )
    largest = np.finfo(np.float32).max
    low, high = min(float(space.low[n]) for n in indices), max(float(space.high[n]) for n in indices)
    return (low if low > -largest else -np.inf, high if high < largest else np.inf)


def _shape(name: str, code: str, env: gymnasium.Env[Any, Any]) -> tuple[int, ...]:
    """Shape of an expression's value, which is computed once on the live environment."""
    base: Any = env.unwrapped
    if reads_mujoco(code) and not (hasattr(base, "model") and hasattr(base, "data")):
        raise RewardSynthError(
            f"the field {name!r} reads a MuJoCo model, and {name_of(env)} has none", "read `observation` in it"
        )
    scope = {"np": np, "observation": np.zeros(spaces.flatdim(env.observation_space))}
    if reads_mujoco(code):
        scope |= {"model": base.model, "data": base.data}
    try:
        with np.errstate(all="ignore"):
            value = np.asarray(eval(code, {"__builtins__": {}}, scope), dtype=np.float64)
    except (ArithmeticError, AttributeError, IndexError, KeyError, NameError, TypeError, ValueError) as error:
        text = str(error).splitlines()[0] if str(error) else ""
        raise RewardSynthError(
            f"the field {name!r} cannot be read: {type(error).__name__}: {text}", f"mend its expression: {code}"
        ) from error
    if value.ndim > 1:
        raise RewardSynthError(f"the field {name!r} has shape {value.shape}", "a field is a number or a vector")
    return value.shape


def told_in_a_step(env: gymnasium.Env[Any, Any]) -> dict[str, Any]:
    """What the environment tells beside its observations: the ``info`` of a reset and of one step.

    :raises EnvironmentFault: it fails in that.
    """
    try:
        _, first = env.reset(seed=0)
        env.action_space.seed(0)
        *_, then = env.step(env.action_space.sample())
    except Exception as error:
        raise fault(env, "in its first step", error) from error
    return {**first, **then}


def _shape_told(name: str, key: str, env: gymnasium.Env[Any, Any]) -> tuple[int, ...]:
    told = told_in_a_step(env)
    if key not in told:
        known = ", ".join(sorted(map(str, told)))
        hint = f"there is: {known}" if known else "read `observation` in it"
        raise RewardSynthError(f"the field {name!r} reads info[{key!r}], which {name_of(env)} does not tell", hint)
    try:
        value = np.asarray(told[key], dtype=np.float64)
    except (TypeError, ValueError):
        value = np.zeros((0, 0))
    if value.ndim > 1 or value.size == 0:
        raise RewardSynthError(f"the field {name!r} reads info[{key!r}], which is no number and no vector", "leave it")
    return value.shape
