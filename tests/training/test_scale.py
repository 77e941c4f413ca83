"""Auto MC-Reward's scale: signs instead of sums, and what the dense part adds up to over an episode."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest

from reward_synth.api.rewards import check_reward
from reward_synth.core.errors import RewardSynthError
from reward_synth.evaluation.play import field_table
from reward_synth.methods.briefing import first_brief
from reward_synth.roles.prompts import Prompts
from reward_synth.sandbox.process import RewardProcess
from reward_synth.settings.model import Settings
from reward_synth.settings.sources import load_settings
from reward_synth.tasks.spec import load_task, with_scale
from reward_synth.training.loop.rollout import GeneratedReward, TransitionVecEnv
from reward_synth.training.scale import SignScale

NAMES = ("sparse_goal", "near", "sparse_death", "step")


@pytest.mark.parametrize(
    ("terms", "paid"),
    [
        ((0.0, 0.0, 0.0, 0.0), 0.0),
        ((5.0, 0.0, 0.0, 0.0), 1.0),
        ((0.0, 0.0, -3.0, 0.0), -1.0),
        ((1.0, 40.0, 0.0, -1.0), 1.1),
        ((1.0, -40.0, 0.0, 1.0), 0.9),
        ((0.0, 0.001, -7.0, 0.0), -0.9),
        ((1.0, 0.0, -1.0, 0.2), 0.1),
        ((0.0, 1.0, 0.0, -2.0), -0.1),
        ((0.0, 0.1 + 0.2, 0.0, -0.3), 0.0),
    ],
)
def test_only_signs_are_paid(terms: tuple[float, ...], paid: float) -> None:
    assert SignScale(NAMES, 1).pay(np.array([terms]))[0] == pytest.approx(paid)


def test_the_dense_part_is_summed_by_episode() -> None:
    scale = SignScale(("sparse", "hint"), 2)
    assert scale.extremes is None
    for hints in ((1.0, -1.0), (1.0, -1.0), (1.0, 0.0)):
        scale.pay(np.array([[1.0, hints[0]], [0.0, hints[1]]]))
    scale.end(np.array([True, False]))
    assert scale.extremes == pytest.approx((0.3, 0.3))
    for _ in range(4):
        scale.pay(np.array([[0.0, 1.0], [0.0, -1.0]]), np.array([False, True]))
    scale.end(np.array([True, True]))
    assert scale.extremes == pytest.approx((-0.6, 0.3)), "an environment that waited has collected nothing"
    scale.pay(np.array([[0.0, 1.0], [0.0, -1.0]]))
    scale.forget()
    scale.end(np.array([True, True]))
    assert scale.extremes == pytest.approx((-0.6, 0.3))


class Steps(gymnasium.Env[Any, Any]):
    """Four steps to an episode; the state counts them."""

    observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (1,))
    action_space = gymnasium.spaces.Box(-1.0, 1.0, (1,))

    def reset(self, **_: Any) -> tuple[Any, dict[str, Any]]:
        self.count = 0
        return np.zeros(1), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        before, self.count = self.count, self.count + 1
        rows = {"state": np.array([float(before)]), "next_state": np.array([float(self.count)])}
        return np.zeros(1), 0.0, self.count == 4, False, rows


REWARD = """
def compute_reward(state, action, next_state):
    return {"sparse_done": 7.0 if next_state.x > 3.5 else 0.0, "farm": 50.0}
"""


def test_the_learner_is_paid_by_signs() -> None:
    with RewardProcess(REWARD, (("x", ()),), action_size=1, terms=("sparse_done", "farm")) as process:
        venv = TransitionVecEnv([Steps], 1)
        scale = SignScale(process.terms, 1)
        paying = GeneratedReward(venv, process, scale=scale)
        paying.reset()
        paid = [float(paying.step(np.zeros((1, 1), dtype=np.float32))[1][0]) for _ in range(8)]
        assert paid == pytest.approx([0.1, 0.1, 0.1, 1.1] * 2)
        assert scale.extremes == pytest.approx((0.4, 0.4))
        assert paying.window.reward_per_step == pytest.approx(0.35)


def test_the_option_takes_the_place_of_the_specs(tmp_path: Any) -> None:
    task = load_task("gym/inverted_pendulum_balance")
    assert task.training.scale == "sum" and with_scale(task, None) is task
    assert with_scale(task, "sign").training.scale == "sign"
    assert load_settings({"scale": "sign"}, tmp_path).settings.scale == "sign"
    with pytest.raises(RewardSynthError, match="scale"):
        load_settings({"scale": "log"}, tmp_path)


def test_the_designer_is_told_the_rule_only_where_it_holds() -> None:
    task = load_task("gym/inverted_pendulum_balance")
    table = field_table(task)
    briefs = [
        first_brief(each, each.goal, table, 0.02, Settings(shots=0), False) for each in (task, with_scale(task, "sign"))
    ]
    texts = [Prompts().render("designer/full/design.md.j2", brief=brief, emphasis="") for brief in briefs]
    assert ["sign(sum of sparse terms)" in text for text in texts] == [False, True]


def test_a_reward_without_a_sparse_term_is_refused() -> None:
    task = with_scale(load_task("gym/inverted_pendulum_balance"), "sign")
    source = 'def compute_reward(state, action, next_state):\n    return {"NAME": -abs(next_state.pole_angle)}\n'
    report = check_reward(source.replace("NAME", "upright"), task)
    assert [finding.rule for finding in report.findings if finding.severity == "error"] == ["no-sparse-term"]
    assert check_reward(source.replace("NAME", "sparse_upright"), task).ok
