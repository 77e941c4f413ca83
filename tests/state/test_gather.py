"""Which columns are gathered, and what keeps a gather from reading memory that is not MuJoCo's."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from reward_synth.simulators.gym.adapter import GymMujoco
from reward_synth.state.fields import Field
from reward_synth.state.gather import spanned
from reward_synth.state.table import FieldTable

FORMS = (
    "data.qpos[{}]", "data.qpos[{}] + 0.25", "2 * data.qvel[{}] - data.qpos[{}]", "data.qpos[{}] / 3.0",
    "np.sqrt(data.qvel[{}] * data.qvel[{}] + data.qpos[{}] * data.qpos[{}])", "-data.qpos[{}]",
    "data.xpos[3]", "data.xmat[2]", "data.qpos[-4:]", "data.qvel[::-2]", "data.cvel[1][3:]", "data.xquat[-1]",
    "(data.qpos[1], np.sin(data.qpos[2]), data.ctrl[{}] * 0.5)", "np.arctan2(data.xmat[{}][3], 1.0)",
    "data.qpos[0] if data.qpos[1] > data.qpos[2] else 1.0",
)  # fmt: skip
"""Expressions; ``{}`` is a number from 0 to 5."""


@pytest.fixture(scope="module")
def moving() -> Any:
    env = GymMujoco().make("HalfCheetah-v5", {})
    env.reset(seed=0)
    env.action_space.seed(0)
    for _ in range(20):
        env.step(env.action_space.sample())
    return env


def fields(env: Any, *forms: str) -> FieldTable:
    codes = [form.replace("{}", str(k)) for form in forms for k in range(6)]
    scope = {"np": np, "data": env.unwrapped.data}
    shapes = [np.shape(eval(code, scope)) for code in codes]
    return FieldTable([Field(f"f{n}", shapes[n], "1", -1, 1, "", code=code) for n, code in enumerate(codes)], [])


@pytest.mark.parametrize("forms", [*((form,) for form in FORMS), FORMS])
def test_every_form_is_read_to_the_last_bit(moving: Any, forms: tuple[str, ...]) -> None:
    table = fields(moving, *forms)
    row = table.reader(moving)()
    assert row.tobytes() == b"".join(np.asarray(f.read(moving.unwrapped), np.float64).tobytes() for f in table)


def test_many_numbers_are_gathered_and_few_are_not(moving: Any) -> None:
    every = GymMujoco().fields(moving)
    assert "span" in every.reader(moving).__code__.co_freevars
    assert "span" not in every.subset(["x_velocity", "torso_height"]).reader(moving).__code__.co_freevars
    # Of 171 columns, the height and the contacts are left to be written by themselves.
    assert len(every.reader(moving).__code__.co_code) < 0.25 * len(alone(moving, every))


def alone(env: Any, table: FieldTable) -> bytes:
    """The instructions of the readers of single fields, together."""
    return b"".join(table.subset([field.name]).reader(env).__code__.co_code for field in table)


def test_rows_are_independent(moving: Any) -> None:
    read = GymMujoco().fields(moving).reader(moving)
    first = read()
    copy = first.copy()
    moving.step(moving.action_space.sample())
    second = read()
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(first, copy)


def test_arrays_that_lie_apart_are_not_spanned() -> None:
    with pytest.raises(RuntimeError, match="do not lie in one buffer"):
        spanned(SimpleNamespace(qpos=np.zeros(9), qvel=np.zeros(9), nbuffer=100), ["qpos", "qvel"], [0])
