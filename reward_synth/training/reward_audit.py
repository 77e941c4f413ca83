"""A callback of stable-baselines3 that audits the reward of anybody's training while it runs."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from stable_baselines3.common.callbacks import BaseCallback

from reward_synth.audit.course import Line, with_course
from reward_synth.audit.environment import audit_environment
from reward_synth.audit.record import Audit, scaled, worth
from reward_synth.core.files import write_text
from reward_synth.simulators.custom.files import name_environment
from reward_synth.state.expressions import SUCCESS_KEYS
from reward_synth.tasks.spec import EnvironmentSpec

EVERY = 100
"""Episodes after which the record is written anew."""


class RewardAudit(BaseCallback):
    """Writes what an audit says to a JSON file: ``model.learn(…, callback=RewardAudit("audit.json"))``.

    It reads rewards as the environment gives them, before ``VecNormalize``, and ``is_success`` or ``success`` in the
    info. It changes nothing in the training.

    :param path: of the file. It is written every hundred episodes and at the end.
    :param env: id of the environment. With it, the record begins with the audit of its own reward, which takes some
        seconds before the training; without it, the record holds the training alone.
    :param plan_seconds: processor time of the planner in that.
    """

    def __init__(self, path: str | Path, env: str | None = None, plan_seconds: float = 0.0) -> None:
        super().__init__()
        self.path, self._env, self._plan_seconds = Path(path), env, plan_seconds
        self._lines: list[Line] = []
        self._before: Audit | None = None

    def _on_training_start(self) -> None:
        discount = float(self.model.gamma)
        self._rewards: list[list[float]] = [[] for _ in range(self.training_env.num_envs)]
        self._reached: list[bool | None] = [None] * self.training_env.num_envs
        if self._env is not None:
            spec = EnvironmentSpec.of(name_environment(self._env))
            self._before = audit_environment(spec, self._plan_seconds, discount)
        else:
            self._before = Audit(
                subject=f"a training with {type(self.model).__name__}",
                horizon=0,
                discount=discount,
                maximises=worth(discount),
            )

    def _on_step(self) -> bool:
        venv = self.model.get_vec_normalize_env()
        rewards = self.locals["rewards"] if venv is None else venv.get_original_reward()
        for place, (reward, done, info) in enumerate(
            zip(rewards, self.locals["dones"], self.locals["infos"], strict=True)
        ):
            self._rewards[place].append(float(reward))
            self._reached[place] = _told(info, self._reached[place])
            if done:
                self._end(place)
        return True

    def _on_training_end(self) -> None:
        self._write()

    def _end(self, place: int) -> None:
        paid = np.array(self._rewards[place])
        discounted = float(paid @ float(self.model.gamma) ** np.arange(len(paid)))
        self._lines.append(Line(float(paid.sum()), len(paid), self._reached[place], discounted))
        self._rewards[place], self._reached[place] = [], None
        if len(self._lines) % EVERY == 0:
            self._write()

    def _write(self) -> None:
        assert self._before is not None
        venv = self.model.get_vec_normalize_env()
        audit = with_course(self._before, self._lines)
        if venv is not None and venv.norm_reward:
            scale = math.sqrt(float(venv.ret_rms.var) + venv.epsilon)
            audit = audit.model_copy(update={"maximises": f"{audit.maximises}; of {scaled(scale, venv.clip_reward)}"})
        longest = max((line.steps for line in self._lines), default=0)
        update = {"horizon": audit.horizon or longest}
        write_text(self.path, audit.model_copy(update=update).model_dump_json(indent=2) + "\n")


def _told(info: dict[str, Any], before: bool | None) -> bool | None:
    """Whether the goal was reached in the episode so far; None if nothing says so."""
    key = next((key for key in SUCCESS_KEYS if key in info), None)
    return before if key is None else bool(info[key]) or bool(before)
