from __future__ import annotations

from pathlib import Path

import pytest

from reward_synth.core.agreement import Agreement, Agreements
from reward_synth.core.feedback import Feedback
from reward_synth.preferences.agreements import updated_agreements
from reward_synth.preferences.workbench import Workbench
from reward_synth.store import RunStore
from tests.diagnosis import cases as trainings
from tests.preferences import cases


def updated(store: RunStore) -> Agreements | None:
    return updated_agreements(store, trainings.SPEC, trainings.TABLE)


@pytest.fixture
def paid(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The rewards that are run from now on."""
    sources: list[str] = []
    pay = Workbench.pay

    def noted(self: Workbench, source: str) -> object:
        sources.append(source)
        return pay(self, source)

    monkeypatch.setattr(Workbench, "pay", noted)
    return sources


def test_without_an_order_there_is_nothing_to_agree_with(tmp_path: Path, paid: list[str]) -> None:
    store = cases.make_run(tmp_path)
    assert updated(store) is None and paid == [] and store.read_agreements() is None


def test_each_trained_reward_and_the_measure_are_held_against_the_order_once(tmp_path: Path, paid: list[str]) -> None:
    store = cases.make_run(tmp_path)
    store.write_answer(1, Feedback(iteration=1, order=(cases.CRAWLED, cases.WALKED)))
    found = updated(store)
    assert found is not None and found == store.read_agreements()
    assert found.values == pytest.approx({"001-a": -1.0, "001-b": 1.0})
    assert found.fitness is not None and found.fitness.value == pytest.approx(-1.0)
    assert "the frozen measure may be wrong" in found.warning
    assert updated(store) == found and len(paid) == 2, "nothing is run again"

    cases.add_trained(store, "002-a", [], cases.BACKWARD)
    later = updated(store)
    assert later is not None and set(later.candidates) == {"001-a", "001-b", "002-a"} and len(paid) == 3

    store.write_answer(1, Feedback(iteration=1, order=(cases.WALKED, cases.CRAWLED)))
    turned = updated(store)
    assert turned is not None and turned.values["001-a"] == pytest.approx(1.0) and len(paid) == 6
    assert turned.warning == "" and "with the person, over whole episodes: fitness +1.00" in turned.measure_text


def test_a_reward_that_pays_all_alike_has_none(tmp_path: Path) -> None:
    store = cases.make_run(tmp_path)
    same = "def compute_reward(state, action, next_state):\n    return {'a': 0.0 * next_state.torso_x + 1.0}\n"
    cases.add_trained(store, "002-a", [], same)
    store.write_answer(1, Feedback(iteration=1, order=(cases.WALKED, cases.CRAWLED)))
    found = updated(store)
    assert found is not None and found.candidates["002-a"] is None and "002-a" not in found.values


@pytest.mark.parametrize(
    ("fitness", "success", "told"),
    [(0.6, -0.25, "success -0.25"), (-0.5, None, "fitness -0.50"), (-0.5, -0.25, "success -0.25"), (0.6, 0.0, "")],
)
def test_a_measure_that_contradicts_the_person_in_either_figure_is_doubted(
    fitness: float, success: float | None, told: str
) -> None:
    of_success = None if success is None else Agreement(value=success, pairs=9)
    found = Agreements(judged="x", fitness=Agreement(value=fitness, pairs=9), success=of_success)
    assert bool(found.warning) == bool(told) and told in found.warning
    assert "fitness +0.60" not in found.warning
