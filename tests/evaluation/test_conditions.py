from __future__ import annotations

import numpy as np
import pytest

from reward_synth.evaluation.conditions import LENGTH, Condition, conditions_held, split_success
from reward_synth.state.episode import Episode
from reward_synth.tasks.spec import TaskSpec
from tests.diagnosis import cases

FAR = cases.episode(6.0, seed=0)
NEAR = cases.episode(1.0, seed=1)
FELL = cases.episode(6.0, length=40, terminated=True, seed=2)
EPISODES = [FAR, NEAR, FELL]

FUNCTION = """
def success(episode):
    if episode.length < episode.horizon:
        return False
    x = episode.torso_x
    far = x[-1] > 5.0
    return bool(far and np.all(episode.torso_height > 0.0) and (x[0] < 0.5 and True))
"""


def held(success: str, episodes: list[Episode] = EPISODES) -> tuple[Condition, ...]:
    task: TaskSpec = cases.SPEC.model_copy(update={"success": success})
    return conditions_held(task, cases.TABLE, episodes)


def test_each_condition_is_counted_alone_with_the_fields_that_it_reads() -> None:
    found = held(FUNCTION)
    assert [each.reads for each in found[:4]] == [(LENGTH,), ("torso_x",), ("torso_height",), ("torso_x",)]
    assert [each.fulfilled for each in found] == [2, 2, 3, 3, 3]
    expression = "episode.torso_x[-1] > 5.0 and episode.length >= episode.horizon"
    far, lasted = held(expression)
    assert far == Condition(("torso_x",), 2, passing=(6.0, 6.0), failing=(1.0, 1.0))
    assert lasted == Condition((LENGTH,), 2, passing=(200.0, 200.0), failing=(40.0, 40.0))


@pytest.mark.parametrize(
    ("condition", "value"),
    [
        ("episode.torso_x[-1] > 5.0", "episode.torso_x[-1]"),
        ("0.2 * episode.dt <= episode.torso_x[-1]", "episode.torso_x[-1]"),
        ("not episode.torso_x[-1] > 5.0", "episode.torso_x[-1]"),
        ("1.0 < episode.torso_x[-1] < 2.0", "episode.torso_x[-1]"),
        ("np.all(episode.torso_x > 0.0)", "np.min(episode.torso_x)"),
        ("np.any(episode.torso_x > 0.0)", "np.max(episode.torso_x)"),
        ("(x < limit).all()", "np.max(x)"),
        ("bool((x < limit).any())", "np.min(x)"),
        ("np.mean(episode.torso_x > 0.0) >= 0.9", "np.mean(episode.torso_x > 0.0)"),
        ("above", "np.min(x)"),
        ("episode.torso_x[-1] > episode.torso_height[-1]", None),
        ("np.all((x > 0.0) & (x < 1.0))", None),
        ("np.all((x > 0.0) & (x < 1.0), axis=0)", None),
        ("episode.torso_x[-1] == 5.0", None),
        ("np.all(1.0 < x < 2.0)", None),
        ("float(episode.torso_x[-1])", None),
        ("episode.terminated", None),
    ],
)
def test_a_condition_tells_the_number_that_it_compares(condition: str, value: str | None) -> None:
    parts = split_success(
        "def success(episode):\n    limit = 2 / 10\n    x = episode.torso_x\n    above = np.all(x > limit)\n"
        f"    return {condition} and episode.length > 3"
    )
    assert parts is not None
    told = parts.values[0]
    assert told is None if value is None else told is not None and told.endswith(f"return float({value})")


@pytest.mark.parametrize(
    "lines",
    [
        "far = x[-1] > 5.0\n    far = bool(far)",
        "far = bool(x[-1] > 5.0)\n    near = bool(far)\n    far = bool(near)",
        "far = x[-1] > 5.0\n    x = episode.torso_height\n    x[0] = 1.0",
    ],
    ids=["of itself", "in a circle", "of a name that changed"],
)
def test_a_name_whose_making_is_past_has_no_number(lines: str) -> None:
    parts = split_success(f"def success(episode):\n    x = episode.torso_x\n    {lines}\n    return far and x[0] < 9.0")
    assert parts is not None and parts.values[0] is None and parts.reads[0] == ("torso_x",)


def test_a_value_that_is_no_number_is_left_out() -> None:
    first, _ = held("math.inf * (episode.torso_x[-1] - 3.0) > 0.0 and episode.length > 3")
    assert first == Condition(("torso_x",), 2)


@pytest.mark.parametrize(
    "success",
    [
        "bool(episode.torso_x[-1] > 5.0)",
        "episode.torso_x > 5.0",
        "def success(episode):\n    for x in episode.torso_x:\n        pass\n    return x > 1 and x < 2\n",
        "a = 1\ndef success(episode):\n    return True and False\n",
        "def success(episode):\n    if episode.length < 9:\n        return False\n    return episode.torso_x[999] > 0",
    ],
)
def test_a_measure_that_cannot_be_told_apart_has_no_conditions(success: str) -> None:
    assert held(success) == ()


def test_together_the_conditions_are_the_measure() -> None:
    parts = split_success(FUNCTION)
    assert parts is not None
    assert parts.code.startswith("def fitness(episode):") and len(parts.reads) == 5
    everything = held(FUNCTION, [FAR])
    assert all(each.fulfilled == 1 for each in everything)
    assert any(each.fulfilled == 0 for each in held(FUNCTION, [NEAR]))
    assert not np.array_equal(FAR.rows, NEAR.rows)
