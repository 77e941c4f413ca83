from __future__ import annotations

import numpy as np
import pytest

from reward_synth.reward.contract import RewardError, load_reward
from reward_synth.reward.vector import checked
from reward_synth.reward.vector.checked import CheckedForm
from reward_synth.reward.vector.form import VectorForm
from reward_synth.sandbox.process import RewardProcess
from reward_synth.state.view import batch_viewer

LAYOUT = (("x", ()), ("place", (3,)))
REWARD = """
import numpy as np

def compute_reward(state, action, next_state):
    fast = 1.0 if next_state.x > 0.5 else next_state.x - state.x
    return {"fast": fast, "near": -float(np.linalg.norm(next_state.place)), "effort": -0.1 * float(np.sum(action**2))}
"""
TERMS = ("fast", "near", "effort")
Arrays = tuple[np.ndarray, np.ndarray, np.ndarray]


def batch(rows: int, seed: int = 0) -> Arrays:
    generator = np.random.default_rng(seed)
    return generator.normal(size=(rows, 4)), generator.normal(size=(rows, 2)), generator.normal(size=(rows, 4))


def by_rows(states: np.ndarray, actions: np.ndarray, next_states: np.ndarray) -> np.ndarray:
    function, views = load_reward(REWARD), batch_viewer(LAYOUT)
    rows = zip(views(states), actions, views(next_states), strict=True)
    return np.array([list(function(*row).values()) for row in rows])


class Counted:
    """The scalar form, which notes that it was called."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, *arrays: np.ndarray) -> np.ndarray:
        self.calls += 1
        return by_rows(*arrays)


@pytest.fixture
def lying(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A vector form that is right for as many batches as the list's first number says."""
    right = [0]

    def made(*_: object) -> VectorForm:
        seen = [0]

        def call(*arrays: np.ndarray) -> np.ndarray:
            seen[0] += 1
            return by_rows(*arrays) + (1e-9 if seen[0] > right[0] else 0.0)

        return VectorForm(call, "")

    monkeypatch.setattr(checked, "vectorise", made)
    return right


def test_after_the_first_batches_the_scalar_form_rests() -> None:
    scalar = Counted()
    form = CheckedForm(REWARD, LAYOUT, 2, TERMS, scalar)
    for number in range(checked.FIRST + checked.EVERY):
        arrays = batch(8, number)
        assert np.array_equal(form.terms(*arrays), by_rows(*arrays))
    assert scalar.calls == checked.FIRST + 1


def test_a_form_that_differs_is_dropped_at_once_and_never_believed(lying: list[int]) -> None:
    scalar = Counted()
    form = CheckedForm(REWARD, LAYOUT, 2, TERMS, scalar)
    for number in range(5):
        assert np.array_equal(form.terms(*batch(8, number)), by_rows(*batch(8, number)))
    assert scalar.calls == 5


def test_a_form_that_begins_to_differ_is_found_at_the_next_check(lying: list[int]) -> None:
    lying[0] = checked.FIRST
    form = CheckedForm(REWARD, LAYOUT, 2, TERMS, by_rows)
    arrays = batch(8)
    wrong = sum(not np.array_equal(form.terms(*arrays), by_rows(*arrays)) for _ in range(3 * checked.EVERY))
    assert wrong == checked.EVERY - checked.FIRST


def test_a_batch_that_is_not_finite_is_answered_by_the_scalar_form() -> None:
    scalar = Counted()
    form = CheckedForm(REWARD, LAYOUT, 2, TERMS, scalar)
    for _ in range(checked.FIRST):
        form.terms(*batch(8))
    states, actions, next_states = batch(8)
    next_states[3, 2] = np.nan
    assert np.isnan(form.terms(states, actions, next_states)[3, 1])
    assert scalar.calls == checked.FIRST + 1


def test_a_form_that_often_has_no_answer_is_dropped() -> None:
    scalar = Counted()
    form = CheckedForm(REWARD, LAYOUT, 2, TERMS, scalar)
    states, actions, next_states = batch(8)
    next_states[0, 1] = np.inf
    for _ in range(40):
        form.terms(states, actions, next_states)
    assert form._form is None


def test_the_process_gives_the_same_numbers_with_either_form() -> None:
    # Batches of 16 are computed at once; three rows, and rewards with a memory, one by one.
    with RewardProcess(REWARD, LAYOUT, 2, TERMS) as process:
        for number in range(checked.FIRST + 3):
            arrays = batch(16, number)
            assert np.array_equal(process.evaluate(*arrays, np.zeros(16, bool)).terms, by_rows(*arrays))
        arrays = batch(3)
        assert np.array_equal(process.evaluate(*arrays, np.zeros(3, bool)).terms, by_rows(*arrays))


def test_an_error_keeps_its_line_when_all_rows_are_computed_at_once() -> None:
    source = REWARD.replace("next_state.x - state.x", "next_state.x / (state.x - 7.0)")
    with RewardProcess(source, LAYOUT, 2, TERMS) as process:
        for number in range(checked.FIRST + 1):
            process.evaluate(*batch(16, number), np.zeros(16, bool))
        states, actions, next_states = batch(16)
        states[5, 0], next_states[5, 0] = 7.0, 0.0
        with pytest.raises(RewardError, match="ZeroDivisionError") as caught:
            process.evaluate(states, actions, next_states, np.zeros(16, bool))
    assert caught.value.finding.line == 5
