from __future__ import annotations

from dataclasses import replace
from itertools import count
from pathlib import Path

import numpy as np
import pytest

from reward_synth.core.types import CheckReport, Planned
from reward_synth.reward.contract import RewardError
from reward_synth.screening.checker import RewardChecker
from reward_synth.screening.payment import pay_of
from reward_synth.screening.planner import Plan, Start, plan, plan_fitness
from reward_synth.screening.reference_episodes import SEED
from reward_synth.state.episode import Episode
from reward_synth.tasks.spec import TaskSpec, load_task
from tests.custom_cases import POINT, REWARD, write_point

SWING = """def compute_reward(state, action, next_state):
    return {"high": abs(next_state.pole_angle), "fast": 0.01 * abs(next_state.cart_velocity)}
"""
RECORD = """def compute_reward(state, action, next_state, memory):
    best = max(memory.get("best", 0.0), next_state.cart_position)
    gained = best - memory.get("best", 0.0)
    memory["best"] = best
    return {"record": gained}
"""
STARTS = [Start(SEED), Start(SEED + 1, np.full((20, 1), 0.3))]
LONG = 60.0


def checker_of(task: TaskSpec, horizon: int = 40) -> RewardChecker:
    return RewardChecker.of(task.model_copy(update={"horizon": horizon}))


BODY = checker_of(load_task("gym/inverted_pendulum_balance"))


def planned(
    source: str, checker: RewardChecker = BODY, starts: list[Start] = STARTS, seconds: float = LONG, seed: int = 0
) -> tuple[Plan, CheckReport]:
    report = checker.check(source)
    assert report.ok, report.findings
    return plan(checker.task, checker.table, source, report, starts, seconds, seed=seed), report


def sums_of(source: str, episodes: tuple[Episode, ...]) -> list[float]:
    """What a reward pays whole episodes of the body, summed over their steps."""
    paid = pay_of(source, BODY.table, {str(n): each for n, each in enumerate(episodes)}, "sum")
    whole = [each.horizon if each.terminated else each.length for each in episodes]
    return [float(value) for value in paid.pay * whole]


@pytest.mark.parametrize("source", [SWING, RECORD], ids=["plain", "memory"])
def test_the_planned_episodes_are_played_again_for_the_same_pay_and_are_paid_more_than_any_other(source: str) -> None:
    found, _ = planned(source)
    assert found.finished == 2 and not found.problem
    sums = sums_of(source, found.episodes)
    assert sums == pytest.approx(found.expected, rel=1e-9), "a snapshot brings back a state to the last bit"
    assert max(sums) > max(sums_of(source, BODY.reference_episodes.episodes))


def test_a_reward_that_reads_no_field_is_planned_against_as_well() -> None:
    found, _ = planned(
        'def compute_reward(state, action, next_state):\n    return {"alive": 1.0, "left": -action[0]}\n'
    )
    assert found.finished == 2 and not found.problem
    assert max(float(each.actions.mean()) for each in found.episodes) < 0.0


def test_equal_arguments_give_the_same_plan_and_another_seed_another() -> None:
    (one, _), (again, _), (other, _) = (planned(SWING, starts=STARTS[:1], seed=seed) for seed in (0, 0, 1))
    assert one.transitions == again.transitions and one.expected == again.expected
    assert all(np.array_equal(a.rows, b.rows) for a, b in zip(one.episodes, again.episodes, strict=True))
    assert one.expected != other.expected


def test_a_plan_that_is_cut_is_the_same_on_a_machine_of_half_the_speed(monkeypatch: pytest.MonkeyPatch) -> None:
    plans = []
    for step in (0.005, 0.01):
        monkeypatch.setattr("reward_synth.screening.planner.time.thread_time", count(step=step).__next__)
        plans.append(planned(SWING, seconds=0.2)[0])
    whole, again = plans
    assert whole.finished < len(STARTS) and whole.episodes and not again.by_clock
    assert (whole.finished, whole.transitions, whole.expected) == (again.finished, again.transitions, again.expected)
    assert all(np.array_equal(a.rows, b.rows) for a, b in zip(whole.episodes, again.episodes, strict=True))


def test_a_plan_that_takes_far_too_long_is_cut_by_the_clock_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reward_synth.screening.planner.time.thread_time", count(step=3600).__next__)
    found, _ = planned(SWING)
    assert found.by_clock and not found.finished
    assert "cut by the clock" in Planned(by_clock=True).as_text()


def test_without_time_left_what_was_played_so_far_is_no_finished_round() -> None:
    found, _ = planned(SWING, seconds=1e-9)
    assert (found.finished, found.episodes, found.problem) == (0, (), "")


def test_the_fitness_can_be_planned_for_too() -> None:
    found = plan_fitness(BODY.task, BODY.table, STARTS, LONG)
    assert max(each.length for each in found.episodes) == 40, "it balances to the horizon"
    assert max(each.length for each in BODY.reference_episodes.episodes) < 40, "no script does"


def point(folder: Path, *changes: tuple[str, str], mode: str = "") -> RewardChecker:
    """The point on a line, with changes of its file, or with another mode while it is planned."""
    path = write_point(folder)
    text = POINT
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    (folder / "point.py").write_text(text)
    checker = checker_of(load_task(path, typed=True), 30)
    environment = checker.task.environment.model_copy(update={"arguments": {"mode": mode}})
    return replace(checker, task=checker.task.model_copy(update={"environment": environment}))


ELSEWHERE = {
    "crafter/collect_wood": ("crafter", "float(next_state.seen_cells) + 0.01 * action[1]"),
    "maniskill/push_cube": (
        "mani_skill",
        "-float(np.linalg.norm(next_state.gripper_position - next_state.cube_position))",
    ),
}


@pytest.mark.parametrize("name", ELSEWHERE)
def test_outside_of_mujoco_a_plan_is_played_again_for_the_same_pay(name: str) -> None:
    module, paid = ELSEWHERE[name]
    pytest.importorskip(module)
    source = f"import numpy as np\n\n\ndef compute_reward(state, action, next_state):\n    return {{'paid': {paid}}}\n"
    checker = checker_of(load_task(name), 12)
    found, _ = planned(source, checker, STARTS[:1])
    assert found.finished == 1 and not found.problem
    again = pay_of(source, checker.table, {"0": found.episodes[0]}, "sum")
    assert again.pay[0] * 12 == pytest.approx(found.expected[0], rel=1e-9)
    known = pay_of(source, checker.table, {str(n): e for n, e in enumerate(checker.reference_episodes.aimless)}, "sum")
    assert again.pay[0] > np.median(known.pay)


OF_THE_CLASS = ("    def reset(self", "    box = {}\n\n    def reset(self")
OF_THE_OBJECT = ("self.steps = mode, after, 0", "self.steps = mode, after, 0\n        self.box = {}")


@pytest.mark.parametrize("box", [OF_THE_CLASS, OF_THE_OBJECT], ids=["of the class", "of the object"])
def test_only_where_no_snapshot_holds_the_state_each_sample_plays_the_past_again(
    tmp_path: Path, box: tuple[str, str]
) -> None:
    hidden = point(tmp_path / "hidden", ("self.state", "self.box['state']"), box)
    found, _ = planned(REWARD, hidden, STARTS[:1])
    assert found.finished == 1 and not found.problem
    paid = pay_of(REWARD, hidden.table, {"0": found.episodes[0]}, "sum")
    assert paid.pay[0] * 30 == pytest.approx(found.expected[0], rel=1e-9)
    plain, _ = planned(REWARD, point(tmp_path / "plain"), STARTS[:1])
    assert (found.transitions > plain.transitions) == (box is OF_THE_CLASS)


def test_an_environment_that_does_not_repeat_itself_is_refused_with_the_reason(tmp_path: Path) -> None:
    checker = point(
        tmp_path, ("0.1 * self.state[1]", "(0.1 + 1e-6 * np.random.default_rng().normal()) * self.state[1]")
    )
    found, _ = planned(REWARD, checker)
    assert "does not repeat itself" in found.problem and not found.episodes


def test_an_environment_that_gives_no_number_is_refused_with_the_reason(tmp_path: Path) -> None:
    checker = point(tmp_path, mode="nan")
    found, _ = planned(REWARD, checker)
    assert "not finite" in found.problem and not found.episodes


def test_a_reward_that_fails_where_only_a_plan_comes_fails_with_its_finding() -> None:
    source = """def compute_reward(state, action, next_state):
    far = 1.0 if next_state.cart_position < 0.45 else float("inf")
    return {"far": next_state.cart_position * far}
"""
    report = CheckReport(fields=("cart_position",), terms=("far",))
    with pytest.raises(RewardError, match="not-finite"):
        plan(BODY.task, BODY.table, source, report, STARTS, LONG)


def test_five_hundred_fields_are_read_in_time(tmp_path: Path) -> None:
    path = write_point(tmp_path)
    many = "".join(f'    f{n}: {{expression: "{n} * observation[0]", unit: m, doc: One.}}\n' for n in range(500))
    path.write_text(path.read_text().replace("horizon: 40\n", f"{many}horizon: 40\n"))
    sums = (" + ".join(f"next_state.f{n}" for n in range(k, k + 50)) for k in range(0, 500, 50))
    terms = ", ".join(f"'t{k}': 1e-6 * ({each})" for k, each in enumerate(sums))
    source = f"def compute_reward(state, action, next_state):\n    return {{{terms}}}\n"
    found, _ = planned(source, checker_of(load_task(path, typed=True), 8), STARTS[:1])
    assert found.finished == 1 and found.expected[0] != 0.0


def test_a_steps_length_is_the_tasks_where_it_says_one() -> None:
    told = {"environment": BODY.task.environment.model_copy(update={"dt": 0.5})}
    checker = checker_of(BODY.task.model_copy(update=told))
    found, _ = planned(SWING, checker, STARTS[:1])
    assert {each.dt for each in found.episodes} == {each.dt for each in checker.reference_episodes.episodes} == {0.5}
