"""Gymnasium's own rewards of four bodies, written as reward files, and held against upstream's on random steps.

A training of ours drops the native reward, and pays what a reward file says. So these files say it again: the formulas
of `gymnasium/envs/mujoco/*_v5.py` (1.2 to 1.4) with their default weights, over fields of the state. Two numbers that
the Ant's reward reads are no fields of its table, and come as the task's own fields.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

STEPS = 1000
"""Random steps on which a reward file is held against upstream."""
TOLERANCE = 1e-9


@dataclass(frozen=True)
class Body:
    """A body with its native reward."""

    task: str
    """The shipped task whose preset is used."""
    target: float
    """The return that counts as learnt."""
    source: str
    fields: Mapping[str, str] = field(default_factory=dict)
    """Expressions of fields that the table lacks."""


HALF_CHEETAH = """\
import numpy as np


def compute_reward(state, action, next_state):
    return {
        "forward": (next_state.x_position - state.x_position) / 0.05,
        "control": -0.1 * np.dot(action, action),
    }
"""
HOPPER = """\
import numpy as np


def compute_reward(state, action, next_state):
    fastest = max(
        abs(next_state.x_velocity), abs(next_state.z_velocity), abs(next_state.torso_pitch_velocity),
        np.max(np.abs(next_state.joint_velocities)), np.max(np.abs(next_state.joint_angles)),
    )
    healthy = next_state.torso_height > 0.7 and abs(next_state.torso_pitch) < 0.2 and fastest < 100.0
    return {
        "forward": (next_state.x_position - state.x_position) / 0.008,
        "healthy": 1.0 if healthy else 0.0,
        "control": -0.001 * np.dot(action, action),
    }
"""
WALKER = """\
import numpy as np


def compute_reward(state, action, next_state):
    healthy = 0.8 < next_state.torso_height < 2.0 and abs(next_state.torso_pitch) < 1.0
    return {
        "forward": (next_state.x_position - state.x_position) / 0.008,
        "healthy": 1.0 if healthy else 0.0,
        "control": -0.001 * np.dot(action, action),
    }
"""
ANT = """\
import numpy as np


def compute_reward(state, action, next_state):
    return {
        "forward": (next_state.body_x - state.body_x) / 0.05,
        "healthy": 1.0 if 0.2 <= next_state.torso_height <= 1.0 else 0.0,
        "control": -0.5 * np.dot(action, action),
        "contact": -0.0005 * np.dot(next_state.contact_forces, next_state.contact_forces),
    }
"""
BODIES = {
    "HalfCheetah-v5": Body("half_cheetah_run_forward", 3000, HALF_CHEETAH),
    "Hopper-v5": Body("hopper_hop_forward", 2000, HOPPER),
    "Walker2d-v5": Body("walker2d_walk_forward", 3000, WALKER),
    # Upstream's speed is that of `xpos`, which is not to the last bit where the free joint is. The forces that it
    # pays for are those that it observes, clipped to ±1; the world's own, which it leaves out there, are 0.
    "Ant-v5": Body(
        "ant_walk_forward", 3000, ANT, {"body_x": "data.xpos[1][0]", "contact_forces": "observation[27:105]"}
    ),
}


def native_task(env_id: str) -> Any:
    """The shipped task with the environment as Gymnasium makes it, and with the fields that the reward needs."""
    from reward_synth.state.expressions import OwnField
    from reward_synth.tasks.spec import load_task

    body = BODIES[env_id]
    task = load_task(body.task)
    assert task.environment.id == env_id and not task.environment.arguments and not task.environment.fields
    own = {name: OwnField(expression=expression) for name, expression in body.fields.items()}
    environment = task.environment.model_copy(update={"fields": own})
    return task.model_copy(update={"environment": environment, "horizon": 1000})


@cache
def checked(env_id: str) -> Any:
    """What lint and probe find in the reward file, once it is known to pay what upstream pays."""
    from reward_synth.screening.checker import RewardChecker

    task, source = native_task(env_id), BODIES[env_id].source
    report = RewardChecker.of(task).check(source)
    assert report.ok, f"the reward of {env_id} is refused: {report.findings}"
    ended, difference = compare(task, source, report)
    told = f"{env_id}: {STEPS} random steps, {ended} falls, differs from upstream's reward by {difference:.1e} at most"
    print(told, file=sys.stderr, flush=True)
    assert difference < TOLERANCE, told
    return report


def compare(task: Any, source: str, report: Any) -> tuple[int, float]:
    """How many random episodes ended by a fall, and the largest difference between the two rewards of a step."""
    import gymnasium
    import numpy as np

    from reward_synth.evaluation.play import field_table
    from reward_synth.sandbox.process import RewardProcess
    from reward_synth.simulators import open_environment
    from reward_synth.state.recorder import StateRecorder

    table = field_table(task).subset(report.fields)
    ours, upstream = StateRecorder(open_environment(task), table), gymnasium.make(task.environment.id)
    generator = np.random.default_rng(0)
    states, actions, next_states, native = [], [], [], []
    seed = falls = 0
    over = True
    for _ in range(STEPS):
        if over:
            for env in (ours, upstream):
                env.reset(seed=seed)
            seed += 1
        # In double precision, as a reward file sees actions: upstream would add the squares in single precision.
        actions.append(generator.uniform(-1.0, 1.0, ours.action_space.shape))
        told = ours.step(actions[-1])[-1]
        _, reward, terminated, truncated, _ = upstream.step(actions[-1])
        states.append(told["state"])
        next_states.append(told["next_state"])
        native.append(float(reward))
        falls += terminated
        over = terminated or truncated
    with RewardProcess(source, table.layout(), len(table.actions), report.terms) as process:
        starts = np.ones(STEPS, dtype=bool)
        paid = process.evaluate(np.stack(states), np.stack(actions), np.stack(next_states), starts).rewards
    for env in (ours, upstream):
        env.close()
    return falls, float(np.abs(paid - np.array(native)).max())
