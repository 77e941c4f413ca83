from __future__ import annotations

import pytest

from reward_synth.roles.signs import term_directions


def directions(expression: str, field: str = "speed", before: str = "", constants: str = "") -> object:
    body = f"    {before}\n" if before else ""
    source = f"{constants}\ndef compute_reward(state, action, next_state):\n{body}    return {{'term': {expression}}}\n"
    return term_directions(source, field)["term"]


@pytest.mark.parametrize(
    ("expression", "direction"),
    [
        ("next_state.speed", 1),
        ("-2.0 * next_state.speed", -1),
        ("next_state.speed * -2.0 / 3", -1),
        ("next_state.speed / -3", -1),
        ("-(-1 * next_state.speed)", 1),
        ("2.0 * np.tanh(next_state.speed / 3.0)", 1),
        ("-np.clip(next_state.speed, -1.0, 1.0)", -1),
        ("min(next_state.speed, 2.0) - 0.1 * np.sum(np.square(action))", 1),
        ("next_state.speed - state.speed", 1),
        ("state.speed - next_state.speed", -1),
        ("next_state.height", 0),
        ("-0.1 * np.sum(np.square(action))", 0),
        ("next_state.speed ** 2", None),
        ("np.abs(next_state.speed)", None),
        ("next_state.speed - 2 * next_state.speed", None),
        ("next_state.speed * next_state.height", None),
        ("np.exp(-4.0 * (next_state.speed - 2.0) ** 2)", None),
        ("1.0 if next_state.speed > 0 else 0.0", None),
        ("next_state.speed / (1.0 + next_state.speed)", None),
        ("0 * next_state.speed", None),
    ],
)
def test_direction_of_an_expression(expression: str, direction: int | None) -> None:
    assert directions(expression) == direction


def test_names_are_followed() -> None:
    assert directions("WEIGHT * pace", before="pace = -next_state.speed", constants="WEIGHT = 2.0") == -1


def test_name_assigned_twice_is_not_trusted() -> None:
    assert directions("pace", before="pace = next_state.speed; pace = -next_state.speed") is None
    assert directions("pace", before="pace = 0.0\n    if state.speed: pace = next_state.speed") is None


def test_helper_given_the_state_is_not_trusted() -> None:
    assert directions("-next_state.speed + pace(next_state)") is None


def test_element_of_a_vector() -> None:
    assert directions("-next_state.offset[0]", field="offset[0]") == -1
    assert directions("-next_state.offset[1]", field="offset[0]") == 0
    assert directions("-np.linalg.norm(next_state.offset)", field="offset[0]") is None
    assert directions("-np.linalg.norm(next_state.offset)", field="speed") == 0


@pytest.mark.parametrize(
    "source", ["", "x = (", "x = 1", "def compute_reward(state, action, next_state):\n    return 1"]
)
def test_what_cannot_be_read_says_nothing(source: str) -> None:
    assert term_directions(source, "speed") == {}
