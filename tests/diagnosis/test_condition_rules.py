from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest

from reward_synth.diagnosis.summary import summarize
from reward_synth.evaluation.conditions import Condition
from reward_synth.state.episode import Episode
from tests.diagnosis import cases


def unread(made: Callable[..., Episode], conditions: tuple[Condition, ...], reads: tuple[str, ...]) -> list[str]:
    episodes = [made(seed=seed) for seed in range(8)]
    result = cases.result(cases.measured(episodes, success=False))
    found = summarize(
        cases.SPEC, cases.TABLE, "001-a", [result], episodes, fields=reads, conditions=conditions
    ).findings
    return [finding.message for finding in found if finding.rule == "unread-condition"]


@pytest.mark.parametrize(
    ("reads", "fulfilled", "said"),
    [
        (("torso_x",), (8, 1), True),
        (("torso_x", "torso_height"), (8, 1), False),  # It is read.
        (("torso_x",), (2, 1), False),  # The policy fails earlier.
        (("torso_x",), (8, 5), False),
        ((), (8, 1), False),
    ],
)
def test_a_condition_that_fails_by_itself_is_held_against_what_the_reward_reads(
    reads: tuple[str, ...], fulfilled: tuple[int, int], said: bool
) -> None:
    conditions = (Condition(("torso_x",), fulfilled[0]), Condition(("torso_height",), fulfilled[1]))
    assert bool(unread(cases.episode, conditions, reads)) is said


def test_a_field_that_others_tell_counts_as_read() -> None:
    distance = (Condition(("joints",), 8), Condition(("foot",), 0))
    # The foot is where the torso is: who reads the torso's position reads the foot's.
    assert unread(cases.episode, distance, ("torso_height",))
    assert not unread(cases.episode, distance, ("torso_x",))
    # The position is a square of the speed, as a distance is one of positions.
    there_and_back = partial(cases.episode, x=np.linspace(-2.0, 2.0, cases.HORIZON + 1) ** 2)
    position = (Condition(("joints",), 8), Condition(("torso_x",), 0))
    assert not unread(there_and_back, position, ("torso_speed",))
    # A speed is how a position changes. With waves alone, its square would tell that of the position.
    steps = np.arange(cases.HORIZON + 1)
    drifting = partial(cases.episode, x=np.sin(0.1 * steps) + 0.02 * steps)
    assert not unread(drifting, position, ("torso_speed",))
    assert unread(drifting, position, ("torso_height",))


def test_a_condition_whose_field_never_moves_is_told() -> None:
    assert unread(cases.episode, (Condition(("torso_x",), 8), Condition(("joints",), 0)), ("torso_x",))
