"""The control suite's tasks: judged by the suite's own reward, which reaches no reward and no model."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from reward_synth.core.errors import RewardSynthError
from reward_synth.evaluation.play import play
from reward_synth.evaluation.scoring import measured_table, score_episodes
from reward_synth.export.standalone import export
from reward_synth.export.wrapper import RewardWrapper
from reward_synth.methods.briefing import first_brief
from reward_synth.screening.checker import RewardChecker
from reward_synth.settings.model import Settings
from reward_synth.simulators import get_simulator, open_environment
from tests.tasks.demonstrations import SPECS, table_of

suite = pytest.importorskip("dm_control.suite", reason="needs: pip install 'reward-synth[dmcontrol]'")
TASKS = sorted(name for name, spec in SPECS.items() if spec.simulator == "dmcontrol")

SWING = """
def compute_reward(state, action, next_state):
    return {"upright": next_state.up_alignment, "middle": -abs(next_state.cart_position)}
"""
CHEAT = SWING.replace('"middle"', '"paid": next_state.suite_reward, "middle"')


@pytest.mark.parametrize("name", TASKS)
def test_fitness_is_upstreams_return(name: str) -> None:
    spec = SPECS[name]
    table = measured_table(spec, table_of(name))
    assert table.names == ("suite_reward",)
    theirs = suite.load(*spec.environment.id.split("-")[1:], task_kwargs={"random": 3})
    low = theirs.action_spec().minimum
    chosen = np.random.default_rng(0).uniform(low, -low, (1000, *low.shape)).astype(np.float32)
    draws = iter(chosen)
    (verdict,) = score_episodes(spec, table, play(spec, table, lambda seen: next(draws)[None], (3,)))
    theirs.reset()
    assert verdict.fitness == pytest.approx(sum(theirs.step(action).reward for action in chosen), rel=1e-12)


@pytest.mark.parametrize("name", TASKS)
def test_nothing_of_the_suites_reward_is_shown_to_a_designer(name: str) -> None:
    spec = SPECS[name]
    for small in (False, True):
        brief = first_brief(spec, spec.goal, table_of(name), 0.01, Settings(shots=0), small)
        shown = (*brief.fields, brief.stub, brief.short_stub, *(field for field, _ in brief.layout))
        assert not any("suite" in text or "reward" in text for text in shown)


def test_a_reward_is_checked_used_and_exported_as_any_other() -> None:
    spec = SPECS["dmcontrol/cartpole_swingup"]
    checker = RewardChecker.of(spec)
    report = checker.check(SWING)
    assert report.ok, report.findings
    assert any("suite_reward" in finding.message for finding in checker.check(CHEAT).findings)
    with pytest.raises(RewardSynthError, match="suite_reward"):
        RewardWrapper(open_environment(spec), CHEAT, simulator="dmcontrol")
    ours = RewardWrapper(open_environment(spec), SWING, simulator="dmcontrol")
    fields = get_simulator("dmcontrol").fields(ours.env).for_rewards()
    names: dict[str, Any] = {}
    exec(compile(export(SWING, spec.environment.id, {}, 1000, fields), "exported.py", "exec"), names)
    theirs = names["make"]()
    ours.reset(seed=1), theirs.reset(seed=1)
    for _ in range(20):
        action = ours.action_space.sample()
        assert ours.step(action)[1] == pytest.approx(theirs.step(action)[1], abs=1e-12)
