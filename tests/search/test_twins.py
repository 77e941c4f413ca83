"""A reward that pays the same as another one waits for that one's training, and is trained only if that fails."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from reward_synth import Run, synthesize
from reward_synth.core.types import TrainResult
from reward_synth.llm.fake import ScriptedModel
from reward_synth.methods.halving import SuccessiveHalving
from reward_synth.screening.checker import RewardChecker
from reward_synth.state.episode import Episode
from reward_synth.state.view import columns
from reward_synth.tasks.spec import load_task
from tests.diagnosis import cases
from tests.search.test_loop import GOAL, GOOD, Answer, model, play, settings

__all__ = ["model"]

THRICE = """
import numpy as np

def compute_reward(state, action, next_state):
    lean, speed = abs(next_state.pole_angle), abs(next_state.cart_velocity)
    return {"upright": 3.2 - 3.2 * lean, "still": -0.032 * speed}
"""
HEAVIER = GOOD.replace("0.01", "0.013")
OTHERWISE = GOOD.replace("0.01", "2.0")
LONGER = GOOD.replace("1.0 - abs", "1.5 - abs")
FAR = GOOD.replace('"still"', '"far": 5.0 * float(abs(next_state.cart_position) > 0.95), "still"')
WORDS = r"pays the same as 001-a up to a factor of 3\.20 on \d+ stored transitions, so it was not trained"
Use = Callable[[Answer], ScriptedModel]


class Race:
    """Stands for the trainings: each ends with the given episode, crashes, or is interrupted."""

    def __init__(self, seen: Episode) -> None:
        self.seen = seen
        self.raced: list[str] = []
        self.crashes: set[str] = set()
        self.interrupted: set[str] = set()

    def at(self, place: float) -> None:
        """Let the policies stand somewhere else."""
        rows = self.seen.rows.copy()
        rows[:, columns(self.seen.layout)["cart_position"]] = place
        self.seen = replace(self.seen, rows=rows)

    def run(self, halving: SuccessiveHalving) -> None:
        for name, (job,) in halving._jobs.items():
            if name in self.interrupted:
                raise KeyboardInterrupt
            self.raced.append(name)
            job.trajectories.mkdir(parents=True)
            self.seen.save(job.trajectories / "seed-0-episode-000.npz")
            result = {"seed": 1, "steps": 10, "seconds": 1.0, "cpu_seconds": 1.0}
            if name in self.crashes:
                result |= {"status": "crashed", "reason": "it broke"}
            else:
                result |= {"status": "trained", "episodes": cases.measured([cases.episode(1.0, length=20)], False)}
            halving._ended(name, [TrainResult.model_validate(result)])


@pytest.fixture
def race(monkeypatch: pytest.MonkeyPatch) -> Race:
    race = Race(RewardChecker.of(load_task("gym/inverted_pendulum_balance")).reference_episodes.episodes[0])
    monkeypatch.setattr(SuccessiveHalving, "run", lambda self: race.run(self))
    monkeypatch.setattr(
        "reward_synth.search.loop.reflect", lambda session, number, _: session.store.write_iteration(number, "-")
    )
    return race


def searched(tmp_path: Path, count: int, **changes: object) -> Run:
    return synthesize(GOAL, **settings(tmp_path, samples=count, train_on=0, repairs=0, **changes))


def test_it_is_not_trained_and_model_and_person_are_told(tmp_path: Path, model: Use, race: Race) -> None:
    scripted = model(lambda request: play(request, [GOOD, THRICE, HEAVIER, LONGER, GOOD]))
    run = searched(tmp_path, 5, iterations=2)
    first, twin, heavier, longer, equal = run.candidates[:5]
    assert (first.status, heavier.status, longer.status) == ("trained", "trained", "trained")
    assert longer.id in race.raced, "an episode can end early here, so a constant pays for lasting"
    assert twin.status == "rejected" and re.fullmatch(WORDS, twin.reason)
    assert (equal.status, equal.reason) == ("rejected", "the same code as 001-a")
    assert (twin.steps, twin.steps_saved) == (0, 4000)
    assert f"{twin.id}\t" in (table := (run.path / "results.tsv").read_text()) and twin.reason in table
    # The second round's are twins of trained rewards of the first one, and the model was told.
    assert race.raced == ["001-a", "001-c", "001-d"]
    assert {each.status for each in run.candidates[5:]} == {"rejected"}
    asked = [r.messages[-1].content for r in scripted.requests if r.role == "designer"]
    assert twin.reason not in asked[0] and twin.reason in asked[-1]


def test_rewards_that_order_the_recorded_episodes_in_two_ways_are_told_apart_without_paying_them(
    tmp_path: Path, model: Use, race: Race, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    paid = RewardChecker.paid
    monkeypatch.setattr(
        RewardChecker, "paid", lambda self, source, report: (asked.append(source), paid(self, source, report))[1]
    )
    model(lambda request: play(request, [GOOD, OTHERWISE]))
    run = searched(tmp_path, 2)
    first, second = (run.store.read_check(each.id) for each in run.candidates)
    assert first and second and first.alignment and second.alignment
    assert first.alignment.reward != second.alignment.reward and race.raced == ["001-a", "001-b"] and not asked


def test_it_is_trained_if_the_other_training_failed(tmp_path: Path, model: Use, race: Race) -> None:
    model(lambda request: play(request, [GOOD, THRICE, GOOD]))
    race.crashes = {"001-a"}
    run = searched(tmp_path, 3)
    assert race.raced == ["001-a", "001-b", "001-c"]
    assert [each.status for each in run.candidates] == ["crashed", "trained", "trained"]


def test_it_is_trained_if_a_policy_found_what_tells_them_apart(tmp_path: Path, model: Use, race: Race) -> None:
    model(lambda request: play(request, [GOOD, FAR]))
    race.at(0.97)
    assert [each.status for each in searched(tmp_path, 2).candidates] == ["trained", "trained"]
    race.at(0.5)
    assert [each.status for each in searched(tmp_path, 2).candidates] == ["trained", "rejected"]


def test_it_waits_for_an_unfinished_training_and_a_resumed_run_decides_the_same(
    tmp_path: Path, model: Use, race: Race
) -> None:
    model(lambda request: play(request, [GOOD, THRICE]))
    race.interrupted = {"001-a"}
    with pytest.raises(KeyboardInterrupt):
        searched(tmp_path, 2)
    run = Run.open("latest", tmp_path)
    assert [each.status for each in run.candidates] == ["designed", "designed"]
    race.interrupted = set()
    run = run.resume()
    assert re.fullmatch(WORDS, run.candidates[1].reason) and race.raced == ["001-a"]
    assert run.resume(iterations=1).candidates == run.candidates and race.raced == ["001-a"]


def test_a_method_that_trains_all_that_it_draws_skips_equal_code_alone(tmp_path: Path, model: Use, race: Race) -> None:
    model(lambda request: play(request, [GOOD, THRICE, GOOD]))
    run = synthesize(GOAL, **settings(tmp_path, samples=3, method="eureka"))
    assert [each.status for each in run.candidates] == ["trained", "trained", "rejected"]
