"""What holds on each simulator that is an extra, held on one task: experts rank rewards, and success stays hidden."""

from __future__ import annotations

import importlib
import importlib.util
import sys

import pytest

from reward_synth.api import doctor
from reward_synth.core.errors import RewardSynthError
from reward_synth.export.wrapper import RewardWrapper
from reward_synth.methods.briefing import first_brief
from reward_synth.preparation.prepare import check_prerequisites
from reward_synth.screening.checker import check_source
from reward_synth.screening.reference_episodes import EXPERT_CUTS, EXPERT_EPISODES, EXPERT_NOISE
from reward_synth.settings.model import Settings
from reward_synth.simulators import environments, get_simulator
from reward_synth.tasks.spec import list_tasks
from tests.tasks.extra_cases import EXTRAS, Extra, inspector_of


@pytest.fixture(params=EXTRAS, ids=lambda extra: extra.simulator)
def extra(request: pytest.FixtureRequest) -> Extra:
    """Each of them that is installed."""
    found: Extra = request.param
    pytest.importorskip(found.package, reason=f"needs the extra {found.simulator}")
    return found


def test_experts_are_among_the_recorded_behaviours_and_rank_rewards(extra: Extra) -> None:
    checker = inspector_of(extra)
    count = EXPERT_EPISODES + len(EXPERT_NOISE) + len(EXPERT_CUTS)
    experts = checker.reference_episodes.scores[-count:]
    assert [verdict.success for verdict in experts[:EXPERT_EPISODES]] == [True] * EXPERT_EPISODES
    if extra.hard:
        assert not any(verdict.success for verdict in experts[-len(EXPERT_CUTS) :])
        assert not any(verdict.success_any for verdict in checker.reference_episodes.scores[:-count])
    report = checker.check(extra.good)
    assert report.ok, report.findings
    right = checker.screen(extra.good, report)
    assert right.alignment is not None and right.alignment.reward > 0.3 and right.findings == report.findings
    wrong = checker.screen(extra.wrong, report)
    assert [finding.rule for finding in wrong.findings] == ["misaligned"]


def test_a_persons_own_code_can_use_a_reward_on_it(extra: Extra) -> None:
    env = get_simulator(extra.simulator).make(extra.environment, {}, 50)
    paying = RewardWrapper(env, extra.good, simulator=extra.simulator)
    paying.reset(seed=0)
    _, reward, _, _, info = paying.step(0 * paying.action_space.sample())
    assert reward == pytest.approx(sum(info["reward_terms"].values()))
    assert extra.paid[0] < reward < extra.paid[1]


# What only judges may read


def test_a_reward_that_reads_the_success_is_refused(extra: Extra) -> None:
    checker = inspector_of(extra)
    for findings in (
        checker.check(extra.cheat).findings,
        check_source(extra.cheat, checker.task, only="lint").findings,
    ):
        faults = [finding.message for finding in findings if finding.severity == "error"]
        for name in extra.hidden:
            assert any(name in text for text in faults), name
    env = get_simulator(extra.simulator).make(extra.environment, {}, 50)
    with pytest.raises(RewardSynthError, match=extra.hidden[0]):
        RewardWrapper(env, extra.cheat, simulator=extra.simulator)


def test_the_designer_is_not_shown_the_success(extra: Extra) -> None:
    checker = inspector_of(extra)
    assert all(checker.table.get(name) is not None for name in extra.hidden)
    for small in (False, True):
        brief = first_brief(checker.task, checker.task.goal, checker.table, 0.0125, Settings(shots=0), small)
        shown = (*brief.fields, brief.stub, brief.short_stub, *(name for name, _ in brief.layout))
        assert not any(secret in text for text in shown for secret in extra.secret)
        assert brief.action_size == len(checker.table.actions)
        assert extra.about in brief.environment


# The way there


def test_without_the_extra_the_install_line_comes_before_any_model(
    extra: Extra, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (extra.package, *(name for name in sys.modules if name.startswith(f"{extra.package}."))):
        monkeypatch.setitem(sys.modules, name, None)
    for name in extra.modules:
        monkeypatch.delitem(sys.modules, f"reward_synth.simulators.{extra.simulator}.{name}", raising=False)
    with pytest.raises(ImportError):
        importlib.import_module(f"reward_synth.simulators.{extra.simulator}.env")
    for settings in (Settings(model="manual", task=extra.task), Settings(model="manual", env=extra.environment)):
        with pytest.raises(RewardSynthError) as caught:
            check_prerequisites(extra.spec.goal, settings)
        assert (
            caught.value.hint
            == get_simulator(extra.simulator).install_line
            == f'pip install "reward-synth[{extra.simulator}]"'
        )
    assert extra.environment not in environments() and "Hopper-v5" in environments()
    assert extra.spec in list_tasks()
    row = doctor._simulator(extra.simulator)
    assert row.state == "ok" and get_simulator(extra.simulator).install_line in row.text


def test_doctor_steps_an_environment_of_each() -> None:
    told = {row.text.partition(",")[0] for row in doctor._simulators()}
    installed = [extra.environment for extra in EXTRAS if importlib.util.find_spec(extra.package)]
    assert told >= {f"{name} steps" for name in ("HalfCheetah-v5", *installed)}
