from __future__ import annotations

import dataclasses
import os
import signal

import pytest
from numpy.typing import ArrayLike

from reward_synth.core.deaths import ATTEMPTS
from reward_synth.core.errors import MachineFault
from reward_synth.sandbox.process import RewardBatch, RewardProcess
from reward_synth.screening.checker import RewardChecker
from reward_synth.screening.played import EARLIER
from reward_synth.state.episode import Judged
from reward_synth.tasks.spec import load_task, with_scale
from tests.diagnosis import cases

REWARD = 'def compute_reward(state, action, next_state):\n    return {"NAME": -abs(next_state.FIELD)}\n'


def verdicts(field: str, name: str = "upright", scale: str = "sum") -> tuple[str, str]:
    """Of the rules about the task: a fixed position, and no sparse term."""
    task = with_scale(load_task("gym/inverted_pendulum_balance"), scale)  # type: ignore[arg-type]
    report = RewardChecker.of(task).check(REWARD.replace("NAME", name).replace("FIELD", field))
    found = {rule for rule, verdict in report.verdicts.items() if verdict == "found"}
    assert {finding.id for finding in report.findings} - {"lint/unknown-field"} == found
    return report.verdicts["probe/fixed-position"], report.verdicts["probe/no-sparse-term"]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"field": "pole_angle"}, ("not found", "not applicable")),
        ({"field": "pole_angular_velocity"}, ("not applicable", "not applicable")),
        ({"field": "pole_angle", "scale": "sign"}, ("not found", "found")),
        ({"field": "pole_angle", "scale": "sign", "name": "sparse_upright"}, ("not found", "not found")),
        ({"field": "pole_angel"}, ("could not run", "could not run")),
    ],
)
def test_the_rules_about_the_task_answer(asked: dict[str, str], expected: tuple[str, str]) -> None:
    assert verdicts(**asked) == expected


def test_a_reward_process_that_is_killed_from_outside_is_no_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever kills it, the reward is checked again, and a machine that goes on like that is told as one."""
    checker = RewardChecker.of(load_task("gym/inverted_pendulum_balance"))
    source = REWARD.replace("NAME", "upright").replace("FIELD", "pole_angle")
    expected = checker.screen(source, checker.check(source))
    evaluate, deaths = RewardProcess.evaluate, [1]

    def dying(process: RewardProcess, *rows: ArrayLike) -> RewardBatch:
        if deaths[0]:
            deaths[0] -= 1
            os.kill(process.pid, signal.SIGKILL)
        return evaluate(process, *rows)

    monkeypatch.setattr(RewardProcess, "evaluate", dying)
    report = checker.check(source)
    deaths[0] = 1
    assert checker.screen(source, report) == expected
    deaths[0] = ATTEMPTS
    with pytest.raises(MachineFault, match=r"ended from outside.*SIGKILL"):
        checker.check(source)


def test_what_was_planned_for_other_rewards_is_shown_to_attacks_and_ranks_nothing() -> None:
    plain = RewardChecker.of(load_task("gym/inverted_pendulum_balance"))
    known = plain.reference_episodes
    fits = Judged(known.episodes[3], known.scores[3])
    other = Judged(cases.episode(1.0, length=3), known.scores[3])
    checker = plain.beside([fits, other])
    assert checker.attacked_with(0.0).kinds == (*known.kinds, EARLIER), "other fields are an earlier version's"
    assert plain.attacked_with(0.0).kinds == known.kinds and checker.beside([]).attacked_with(0.0).kinds == known.kinds
    source = REWARD.replace("NAME", "upright").replace("FIELD", "pole_angle")
    assert checker.screen(source, checker.check(source)) == plain.screen(source, plain.check(source))


def test_where_something_that_moves_begins_is_no_fixed_position() -> None:
    """MetaWorld's hand begins in one place in every episode. A landmark there would be one if nothing began in it."""
    pytest.importorskip("metaworld")
    checker = RewardChecker.of(load_task("metaworld/window_close"))
    assert checker.fixed_positions(["gripper_start_position"]) == []
    known = checker.reference_episodes
    places = checker.table.columns()["gripper_position"]
    moved = []
    for episode in known.episodes:
        rows = episode.rows.copy()
        rows[0, places] += 0.01
        moved.append(dataclasses.replace(episode, rows=rows))
    elsewhere = dataclasses.replace(known, episodes=tuple(moved))
    (told,) = dataclasses.replace(checker, reference_episodes=elsewhere).fixed_positions(["gripper_start_position"])
    assert told.startswith("`gripper_start_position` is [")
