"""How long a step lasts: measured on MuJoCo, else what the environment says, else what the task says."""

from __future__ import annotations

import re
from typing import Any

import gymnasium
import mujoco
import numpy as np
import pytest

from reward_synth.evaluation.play import seconds_per_step
from reward_synth.preparation.preflight import try_environment
from reward_synth.simulators.gym.adapter import GymMujoco
from reward_synth.tasks.spec import Environment, EnvironmentSpec

SIMULATOR = GymMujoco()
XML = """
<mujoco><option timestep="0.004"/><worldbody><body><joint name="turn" type="hinge" axis="0 1 0"/>
<geom type="capsule" fromto="0 0 0 .3 0 0" size=".03"/></body></worldbody></mujoco>
"""


class Plain(gymnasium.Env[Any, Any]):
    """An environment without a model, with any attributes."""

    def __init__(self, **said: Any) -> None:
        self.observation_space = gymnasium.spaces.Box(-1, 1, (2,))
        self.action_space = gymnasium.spaces.Box(-1, 1, (1,))
        for name, value in said.items():
            setattr(self, name, value)

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        return np.zeros(2, np.float32), {}

    def step(self, action: Any) -> Any:
        return np.zeros(2, np.float32), 0.0, False, False, {}


class Turning(Plain):
    """Five steps of the physics are one of the environment, whatever it says."""

    def __init__(self, moves: bool = True, **said: Any) -> None:
        super().__init__(**said)
        self.moves = moves
        self.model = mujoco.MjModel.from_xml_string(XML)
        self.data = mujoco.MjData(self.model)

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        mujoco.mj_resetData(self.model, self.data)
        return super().reset(seed=seed)

    def step(self, action: Any) -> Any:
        if self.moves:
            mujoco.mj_step(self.model, self.data, nstep=5)
        return super().step(action)


gymnasium.register("StepPlain-v0", entry_point=Plain)
gymnasium.register("StepTurning-v0", entry_point=Turning)


@pytest.mark.parametrize(
    ("env_id", "said", "seconds", "note"),
    [
        # One step of the physics is called `dt`, or nothing is said at all.
        ("StepTurning-v0", {"dt": 0.004}, 0.02, r"last 0.02 s \(measured.*and not 0.004 s \(its `dt`\)"),
        ("StepTurning-v0", {"dt": 0.02, "metadata": {"render_fps": 50}}, 0.02, ""),
        ("StepTurning-v0", {}, 0.02, ""),
        ("StepTurning-v0", {"moves": False, "frame_skip": 3}, 0.012, ""),
        ("StepTurning-v0", {"moves": False, "dt": 0.5}, 0.5, ""),
        ("StepPlain-v0", {"dt": 0.01, "control_hz": 10}, 0.1, "last 0.1 s .*control_hz.* and not 0.01 s"),
        ("StepPlain-v0", {"control_freq": np.int64(20)}, 0.05, ""),
        ("StepPlain-v0", {"tau": 0.02, "metadata": {"render_fps": 50}}, 0.02, ""),
        ("StepPlain-v0", {"dt": 0.05, "metadata": {"render_fps": 30}}, 0.05, "and not 0.03333 s .*render_fps"),
        ("StepPlain-v0", {"metadata": {"render_fps": 25}}, 0.04, ""),
        ("StepPlain-v0", {"metadata": None, "dt": "fast"}, 0.05, "0.05 s .nothing says"),
    ],
)
def test_the_length_of_a_step(env_id: str, said: dict[str, Any], seconds: float, note: str) -> None:
    spec = EnvironmentSpec(simulator="gym", environment=Environment(id=env_id, arguments=said), horizon=10)
    assert seconds_per_step(spec) == pytest.approx(seconds, rel=1e-12)
    told = [remark for remark in try_environment(spec) if remark.about == "time"]
    assert [remark.level for remark in told] == (["note"] if note else [])
    assert all(re.search(note, remark.message) for remark in told)


def test_a_task_may_say_it() -> None:
    environment = Environment(id="StepTurning-v0", dt=0.1)
    spec = EnvironmentSpec(simulator="gym", environment=environment, horizon=10)
    assert seconds_per_step(spec) == 0.1 and not try_environment(spec)
    assert "dt" in environment.model_dump() and "dt" not in Environment(id="StepTurning-v0").model_dump()


def test_what_was_known_before_is_what_is_measured() -> None:
    for env_id in ("HalfCheetah-v5", "Hopper-v5", "Reacher-v5"):
        env = SIMULATOR.make(env_id, {})
        assert SIMULATOR.seconds_per_step(env) == env.unwrapped.dt and not SIMULATOR.doubt_about_time(env)
