"""One task of each simulator that is an extra, with rewards for it: what may be read there, and what may not."""

from __future__ import annotations

import functools
from dataclasses import dataclass

from reward_synth.screening.checker import RewardChecker
from reward_synth.tasks.spec import TaskSpec, load_task

OPEN = """
import numpy as np

def compute_reward(state, action, next_state):
    way = np.linalg.norm(next_state.drawer_handle_position - next_state.target_position)
    hand = np.linalg.norm(next_state.gripper_position - next_state.drawer_handle_position)
    return {"open": -float(way), "near": -0.3 * float(hand)}
"""
OPEN_CHEAT = """
def compute_reward(state, action, next_state):
    return {"done": next_state.task_success, "near": -abs(next_state.drawer_opening - 0.2)}
"""
PUSH = """
import numpy as np

def compute_reward(state, action, next_state):
    behind = next_state.cube_position + np.array([-0.06, 0.0, 0.0])
    near = np.linalg.norm(next_state.gripper_position - behind)
    way = np.linalg.norm((next_state.cube_position - next_state.goal_position)[:2])
    return {"reach": 1.0 - np.tanh(5.0 * near), "push": 4.0 * (1.0 - np.tanh(5.0 * way))}
"""
PUSH_CHEAT = """
def compute_reward(state, action, next_state):
    return {"done": next_state.task_success, "near": -abs(next_state.cube_position[0])}
"""
WOOD = """
def compute_reward(state, action, next_state):
    return {
        "wood": next_state.wood - state.wood,
        "approach": 0.1 * (state.tree_distance - next_state.tree_distance),
    }
"""
WOOD_CHEAT = """
def compute_reward(state, action, next_state):
    return {"done": next_state.achieved_collect_wood, "near": -next_state.tree_map_distance}
"""


@dataclass(frozen=True)
class Extra:
    """A simulator and a task of it."""

    simulator: str
    task: str
    environment: str
    good: str
    """A reward that ranks the expert high."""
    wrong: str
    """The same, with its signs turned."""
    cheat: str
    """A reward that reads what only judges may."""
    hidden: tuple[str, ...]
    """The fields that it reads."""
    secret: tuple[str, ...]
    """What stands in the names of fields that designers are not shown."""
    about: str
    """A word of what the designer is told of the environment."""
    package: str
    modules: tuple[str, ...]
    """Modules of ours that import the package."""
    paid: tuple[float, float]
    """What the reward pays for the first step, at rest."""
    hard: bool
    """Only the expert does it, and not within EXPERT_CUTS steps."""

    @property
    def spec(self) -> TaskSpec:
        """The task's spec."""
        return load_task(f"{self.simulator}/{self.task}")


EXTRAS = (
    Extra(
        "metaworld", "drawer_open", "drawer-open-v3", OPEN,
        OPEN.replace("-float(way)", "float(way)").replace("-0.3 *", "0.3 *"),
        OPEN_CHEAT, ("task_success",), ("success",), "drawer", "metaworld", ("env", "experts"), (-0.5, -0.1), True,
    ),
    Extra(
        "maniskill", "push_cube", "PushCube-v1", PUSH,
        PUSH.replace("1.0 - np.tanh", "np.tanh").replace("(1.0 - np", "(np"),
        PUSH_CHEAT, ("task_success",), ("success",), "cube", "mani_skill",
        ("env", "experts", "visuals"), (1.0, 3.0), False,
    ),
    Extra(
        "crafter", "collect_wood", "crafter-collect-wood", WOOD,
        WOOD.replace("0.1 *", "-0.1 *").replace("next_state.wood - state", "state.wood - next_state"),
        WOOD_CHEAT, ("achieved_collect_wood", "tree_map_distance"), ("achieved", "map_distance"), "tree", "crafter",
        ("env", "world", "starts", "fields", "experts", "noise", "upstream"), (-0.01, 0.01), False,
    ),
)  # fmt: skip


@functools.cache
def inspector_of(extra: Extra) -> RewardChecker:
    """The task with its reference episodes, made once per process."""
    return RewardChecker.of(extra.spec)
