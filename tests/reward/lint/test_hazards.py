"""Forms that pay for something else than was meant, and their neighbours that do not."""

from __future__ import annotations

import pytest

from reward_synth.reward.lint import lint

LAYOUT = (("x", ()), ("seen", ()), ("hand", (3,)), ("goal", (3,)))


def rules(*body: str) -> set[str]:
    lines = "\n    ".join(body)
    source = f"import numpy as np\n\n\ndef compute_reward(state, action, next_state):\n    {lines}\n"
    report = lint(source, LAYOUT)
    assert report.ok, report.findings
    return {finding.rule for finding in report.findings} - {"division-by-norm", "may-be-undefined"}


NEAR = "np.linalg.norm(state.hand - state.goal)", "np.linalg.norm(next_state.hand - next_state.goal)"


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("np.sum(action)", {"signed-action"}),
        ("-0.1 * action.sum()", {"signed-action"}),
        ("np.mean(action)", {"signed-action"}),
        ("np.sum(action**2) + np.sum(np.abs(action)) + action[0] + np.sum(np.square(action))", set()),
        (f"max(0.0, {NEAR[0]} - {NEAR[1]})", {"one-way-progress"}),
        (f"np.maximum(10.0 * ({NEAR[0]} - {NEAR[1]}), 0)", {"one-way-progress"}),
        (f"np.clip({NEAR[0]} - {NEAR[1]}, 0.0, 1.0)", {"one-way-progress"}),
        (f"{NEAR[0]} - {NEAR[1]}", set()),
        (f"max(-1.0, {NEAR[0]} - {NEAR[1]})", set()),
        # What this costs is going away, and coming back is not paid.
        (f"-max(0.0, {NEAR[1]} - {NEAR[0]})", set()),
        # There is no goal that one could go to and fro before: more is more.
        ("max(0.0, next_state.x - state.x)", set()),
        ("max(next_state.seen - state.seen, 0.0)", set()),
        (f"1.0 / ({NEAR[1]} + 1e-6)", {"inverse-distance"}),
        ("0.5 / abs(next_state.x - 3.0)", {"inverse-distance"}),
        (f"1.0 / (1.0 + {NEAR[1]})", set()),
        (f"1.0 / ({NEAR[1]} + 0.1)", set()),
        (f"next_state.x / ({NEAR[1]} + 1e-6)", set()),  # a direction
    ],
)
def test_only_what_is_certain_is_reported(value: str, found: set[str]) -> None:
    assert rules(f'return {{"x": next_state.x, "term": {value}}}') == found
    assert rules(f"value = {value}", 'return {"x": next_state.x, "term": value}') == found


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("effort", "-0.1 * float(action[0])", {"signed-action"}),
        ("control_cost", "-(action[2] / 4.0)", {"signed-action"}),
        ("effort", "-0.1 * float(action[0]) ** 2", set()),
        ("effort", "-0.1 * abs(action[0])", set()),
        ("grip", "-0.1 * action[3]", set()),  # It opens the gripper.
        ("power", "-next_state.x * action[0]", set()),  # A force times a speed has a sign that says something.
    ],
)
def test_an_effort_is_no_multiple_of_the_action(name: str, value: str, found: set[str]) -> None:
    assert rules(f'return {{"x": next_state.x, "{name}": {value}}}') == found
    assert rules(f"value = {value}", f'return {{"x": next_state.x, "{name}": value}}') == found


def test_names_are_looked_up() -> None:
    way = (f"before = {NEAR[0]}", f"after = {NEAR[1]}", "nearer = before - after")
    assert rules(*way, 'return {"nearer": max(0.0, nearer)}') == {"one-way-progress"}
    assert rules(*way, 'return {"nearer": nearer}') == set()
    assert rules(f"far = {NEAR[1]} + 1e-8", 'return {"near": 1.0 / far}') == {"inverse-distance"}


def test_a_value_that_no_term_uses_is_reported_where_each_term_is_a_name() -> None:
    assert rules("x = next_state.x", "b = abs(x)", 'return {"x": x}') == {"unused-value"}
    assert rules("a = abs(next_state.x)", "b = 2.0 * a", 'return {"a": a, "b": b}') == set()
    assert rules("b = abs(next_state.x)", 'return {"x": next_state.x}') == set()
    assert rules("x = next_state.x", "_ = abs(state.x)", "k = np.exp(2.0)", 'return {"x": x}') == set()


def test_a_text_that_grows_with_each_name_is_not_followed_for_long() -> None:
    sums = [f"v{n + 1} = " + " + ".join([f"v{n}"] * 20) for n in range(9)]
    assert rules("v0 = abs(next_state.x)", *sums, 'return {"x": 1.0 / v9, "y": max(0.0, v9 - v8)}') == set()
