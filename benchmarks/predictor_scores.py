"""The scores of `predictors.py`: what can be known of a reward before it trains."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from reward_synth.core.types import CheckReport
from reward_synth.reward.contract import RewardError
from reward_synth.reward.lint import lint
from reward_synth.screening.attack import case_of
from reward_synth.screening.case import ATTACK, Case
from reward_synth.screening.checker import RewardChecker
from reward_synth.screening.payment import pay_of
from reward_synth.screening.played import Played
from reward_synth.screening.ranks import rank_correlation
from reward_synth.screening.reference_episodes import action_type
from reward_synth.simulators import get_simulator
from reward_synth.state.episode import Episode
from reward_synth.state.recorder import StateRecorder
from reward_synth.tasks.spec import TaskSpec
from reward_synth.training.presets import preset_for

if TYPE_CHECKING:
    from recorded import RecordedReward

Floats = NDArray[np.float64]
PLAN_SECONDS = {"gym": 5.0}
"""Processor time of each plan. One episode takes 10 s with MetaWorld and a minute and more with Crafter and ManiSkill:
there, nothing is planned, and the attack has only the rules that need no plan."""
OWN_GOAL = (
    "half_cheetah_run_forward", "hopper_hop_forward", "swimmer_swim_forward", "reacher_reach",
    "inverted_pendulum_balance", "button_press", "door_close", "drawer_close", "drawer_open", "handle_press",
    "window_close", "push_cube",
)  # fmt: skip
"""Tasks whose goal is that of the environment's own reward."""
SAME = 0.9
"""A potential whose shaping correlates more than this with the native reward is left in: it would take that out."""


class Native(gymnasium.Wrapper):
    """Keeps the environment's own rewards, which no part of the package sees."""

    def __init__(self, env: gymnasium.Env[Any, Any]) -> None:
        super().__init__(env)
        self.paid: list[float] = []

    def reset(self, **arguments: Any) -> Any:
        self.paid = []
        return self.env.reset(**arguments)

    def step(self, action: Any) -> Any:
        result = self.env.step(action)
        self.paid.append(float(result[1]))
        return result


class Scorer:
    """Scores the rewards of one task."""

    def __init__(self, task: TaskSpec) -> None:
        self._task, self._checker = task, RewardChecker.of(task)
        self._seconds = PLAN_SECONDS.get(task.simulator, 0.0)
        self._discount = preset_for(task).discount
        known = self._checker.reference_episodes
        self._episodes = dict(zip(map(str, range(len(known.episodes))), known.episodes, strict=True))
        self._fitness = np.array([score.fitness for score in known.scores])
        self._success = np.array([bool(score.success or score.success_any) for score in known.scores])
        self._lengths = np.array([each.length for each in known.episodes])
        self._whole = np.array([each.horizon if each.terminated else each.length for each in known.episodes])
        self._native = self._native_rewards() if task.short_name in OWN_GOAL else None

    def scores(self, reward: RecordedReward) -> dict[str, object]:
        """By the names of `predictors_table.SCORES`, and what else the table holds; empty if it is refused."""
        payment = pay_of(reward.source, self._checker.table, self._episodes, self._task.training.scale)
        if not payment.ok:
            return {}
        layout = self._checker.table.for_rewards().layout()
        report = CheckReport(fields=lint(reward.source, layout).fields, terms=payment.terms)
        sums = np.array([each.sum() for each in payment.rewards])
        discounted = np.array([each @ self._discount ** np.arange(len(each)) for each in payment.rewards])
        # The screen adds up terms as they are, also where a training pays by their sign.
        plain = payment.per_term.sum(axis=1) * self._whole
        return {
            "alignment": rank_correlation(plain / self._lengths, self._fitness),
            "alignment_sum": rank_correlation(plain, self._fitness),
            "preference": preference(sums, self._fitness, self._success),
            "tac": tau_b(discounted, self._fitness),
            "first": -written(reward),
            "short": -len(bare(reward.source)),
            **self._attacked(reward.source, report),
            **self._beside_native(payment.rewards),
        }

    def _attacked(self, source: str, report: CheckReport) -> dict[str, object]:
        known = self._checker.attacked_with(self._seconds)
        try:
            case = case_of(source, report, self._task, self._checker.table, known, self._seconds, self._discount)
        except RewardError as error:
            return {"sound": 0, "found": error.finding.rule}
        told = case.told(report)
        rules = sorted({each.rule for each in told.findings if each.rule in ATTACK})
        planned = max(case.planned, key=lambda each: each.pay, default=None)
        return {
            "planned": planned.fitness if planned else None,
            "rounds": case.plan.finished,
            "plan_s": round(case.plan.seconds, 1),
            "sound": int(not rules),
            "found": " ".join(rules),
            **ratios(case),
        }

    def _native_rewards(self) -> tuple[Floats, ...]:
        """Of each step of the reference episodes, which are played again."""
        named = self._task.environment
        simulator = get_simulator(self._task.simulator)
        tap = Native(simulator.with_own_reward(named.id, named.arguments, self._task.horizon))
        environment, paid = StateRecorder(tap, self._checker.table), []
        for episode in self._episodes.values():
            environment.reset(seed=episode.seed)
            for action in episode.actions:
                environment.step(action.astype(action_type(environment)))
            assert np.allclose(environment.row, episode.rows[-1]), "an episode was not the same when played again"
            paid.append(np.array(tap.paid))
        environment.close()
        return tuple(paid)

    def _beside_native(self, rewards: Sequence[Floats]) -> dict[str, object]:
        if self._native is None:
            return {}
        steps = np.concatenate(rewards), np.concatenate(self._native)
        returns = [np.array([each.sum() for each in rows]) for rows in (rewards, self._native)]
        return {
            "native_steps": pearson(*steps),
            "native_returns": pearson(*returns),
            "epic": pearson(*canonical(*steps, list(self._episodes.values()), self._discount)),
        }


def ratios(case: Case) -> dict[str, object]:
    """From the pay table, as shares of the spread of what is paid, so that no scale or constant counts."""
    spread = float(np.ptp([each.pay for each in case.played]))
    if spread <= 0.0:
        return {}

    def best(kinds: Sequence[str]) -> Played | None:
        return max((each for each in case.played if each.kind in kinds), key=lambda each: each.pay, default=None)

    dwelling, statue = best(["statue at the goal"]), best(["statue at the start"])
    most = max(each.pay for each in case.recorded + case.planned)
    return {
        "dwell": (dwelling.pay - case.rest.pay) / spread if dwelling else None,
        "statue": (most - statue.pay) / spread if statue else None,
    }


def preference(sums: Floats, fitness: Floats, success: NDArray[np.bool_]) -> float | None:
    """CARD's trajectory preference evaluation: share of pairs of a success and a failure of which the success is paid
    more. Where no episode succeeds, pairs of different fitness stand for them."""
    better = success[:, None] & ~success[None, :]
    if not better.any():
        better = fitness[:, None] > fitness[None, :] + 1e-9
    return float((sums[:, None] > sums[None, :])[better].mean()) if better.any() else None


def tau_b(first: Floats, second: Floats) -> float | None:
    """Kendall's; None if either does not vary."""
    one, other = (np.sign(np.round(each[:, None] - each[None, :], 9)) for each in (first, second))
    size = float(np.sqrt((one**2).sum() * (other**2).sum()))
    return float((one * other).sum()) / size if size > 0.0 else None


def pearson(first: Floats, second: Floats) -> float | None:
    """None if either does not vary. EPIC's distance is ``sqrt((1 - this) / 2)``, which orders in the same way."""
    if np.ptp(first) < 1e-12 or np.ptp(second) < 1e-12:
        return None
    return float(np.corrcoef(first, second)[0, 1])


def canonical(reward: Floats, native: Floats, episodes: Sequence[Episode], discount: float) -> tuple[Floats, Floats]:
    """Both rewards of N steps without what the best linear potential of the fields can explain.

    EPIC's own form needs the native reward of transitions that nobody played, which an environment cannot tell.
    """
    before, after = (np.concatenate([each.rows[part] for each in episodes]) for part in (slice(0, -1), slice(1, None)))
    shaping = discount * after - before
    shaping = (shaping - shaping.mean(axis=0))[:, shaping.std(axis=0) > 1e-9]
    shaping /= shaping.std(axis=0)
    own = native - native.mean()
    like = np.abs(shaping.T @ own) / (len(own) * max(own.std(), 1e-12))
    taken = np.column_stack([shaping[:, like < SAME], np.ones(len(own))])
    rest = [each - taken @ np.linalg.lstsq(taken, each, rcond=1e-8)[0] for each in (reward, native)]
    return rest[0], rest[1]


def written(reward: RecordedReward) -> int:
    """Place among the rewards of its search."""
    return 10 * ((reward.iteration or 1) - 1) + ord(reward.candidate or "a") - ord("a")


def bare(source: str) -> str:
    """The code without comments and docstrings."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.Module) and ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(tree)
