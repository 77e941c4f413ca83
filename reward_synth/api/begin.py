"""``reward-synth init``: a folder to begin in."""

from __future__ import annotations

from pathlib import Path

from reward_synth.core.errors import RewardSynthError
from reward_synth.core.files import write_new
from reward_synth.core.resources import data_dir
from reward_synth.settings.commented import commented_settings
from reward_synth.settings.origins import CONFIG_NAME

TASK, REWARD = "task.yaml", "reward.py"
_EXAMPLE = "gym/inverted_pendulum_balance"
_TASK_HEAD = f"""\
# A task: the goal, the environment, and what decides that a reward is good. It is a copy of the shipped {_EXAMPLE}.
# docs/guide/tasks.md explains each key; `reward-synth tasks fields {TASK}` lists the fields that success, fitness and
# rewards may read, and `reward-synth tasks new` writes a task for another environment.
"""
_REWARD = '''\
"""A reward to start from: named terms for one transition; their sum is what the policy is paid.

state and next_state hold the fields that `reward-synth tasks fields task.yaml` lists. numpy and math may be used, and
nothing else. A fourth parameter, memory, would be a dict that lives for one episode.
"""

import numpy as np

CENTRE = 0.1  # of a point, per square metre that the cart is away from the middle
EFFORT = 0.01


def compute_reward(state, action, next_state):
    """Pay for a pole that stands, and a little for a cart that stays."""
    return {
        "upright": float(np.exp(-((next_state.pole_angle / 0.1) ** 2))),
        "centre": -CENTRE * next_state.cart_position**2,
        "effort": -EFFORT * float(np.mean(np.square(action))),
    }
'''
NEXT = {
    f"reward-synth check {REWARD} --task {TASK}": "is it sound?",
    f"reward-synth train {REWARD} --task {TASK}": "a policy, in a minute or so",
    f"reward-synth run --task {TASK} --start-from {REWARD}": "a search for a better one",
}
"""What to type in the folder, and what it does."""


def begin(folder: Path) -> list[Path]:
    """Write commented settings, a task and a reward into a folder; returns the files.

    :raises RewardSynthError: one of them is there already; then nothing is written.
    """
    task = (data_dir("task_specs") / f"{_EXAMPLE}.yaml").read_text(encoding="utf-8")
    texts = {CONFIG_NAME: commented_settings(), TASK: f"{_TASK_HEAD}\n{task}", REWARD: _REWARD}
    files = {folder / name: text for name, text in texts.items()}
    for path in files:
        if path.exists() or path.is_symlink():
            raise RewardSynthError(f"{path} exists already", "reward-synth init FOLDER begins in another folder")
    for path, text in files.items():
        write_new(path, text)
    return list(files)
