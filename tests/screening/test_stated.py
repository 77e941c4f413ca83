from __future__ import annotations

import numpy as np
import pytest

from reward_synth.screening.stated import outside_stated, stated_ranges

TERMS = ("speed", "effort")
STEPS = [np.array([[1.0, -0.2], [9.5, 0.0]]), np.array([[-0.5, -0.3]])]


def source(docstring: str) -> str:
    head = '"""speed: 5 to 6"""\n\n\ndef compute_reward(state, action, next_state):\n'
    return f'{head}    """{docstring}"""\n    return {{}}\n'


def test_ranges_are_read_from_the_lines_of_the_docstring() -> None:
    text = (
        "Forward is +x.\n\n    speed: -4 to 12 m/s, hardly more\n    - `effort`: -6e-1 to 0\n    total: -inf to +12.5\n"
    )
    assert stated_ranges(source(text)) == {"speed": (-4, 12), "effort": (-0.6, 0), "total": (-np.inf, 12.5)}
    assert stated_ranges(source("speed: 3 to 1\n    far: from 1 to 2")) == {}
    assert stated_ranges("def compute_reward(state, action, next_state):\n    return {}\n") == {}


@pytest.mark.parametrize(
    ("stated", "told"),
    [
        ("speed: -1 to 9", ()),  # 9.5 is beyond by less than a tenth of the range.
        ("speed: -1 to 8", ("`speed` is -0.500 to 9.50 in 3 recorded steps, 33 % of them outside -1 to 8",)),
        ("speed: 0 to 10", ("33 % of them outside 0 to 10",)),
        ("effort: 0 to inf", ("`effort` is -0.300 to 0", "67 % of them outside 0 to inf")),
        ("total: 0 to 10", ("`total` is -0.800 to 9.50",)),
        ("effort: -1 to 0\n    height: 5 to 6", ()),
    ],
)
def test_what_recorded_steps_say_otherwise_is_told_with_numbers(stated: str, told: tuple[str, ...]) -> None:
    found = outside_stated(source(stated), TERMS, STEPS)
    assert found is not None and len(found) == bool(told)
    assert all(part in found[0].message for part in told)


def test_where_nothing_is_stated_there_is_nothing_to_ask() -> None:
    assert outside_stated(source("Forward is +x."), TERMS, STEPS) is None
    assert outside_stated(source("height: 0 to 1"), TERMS, STEPS) is None
