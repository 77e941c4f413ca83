"""The reward that follows from a form pays more the nearer a state is to what the form says."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from reward_synth.roles.form_reward import form_reward
from reward_synth.roles.measure_form import START, Form, Wish
from tests.roles.role_cases import QUANTITIES

HEIGHT, VELOCITY, TO_CUP = QUANTITIES
DT = 0.05
"""Seconds of a step: a way that takes less than four of them is trembling."""
HOP = Wish(HEIGHT, "more than", "again and again", 1.4)
"""Its ways are from 1.0 to 1.5 and back."""


def earned(form: Form, heights: Iterable[float], **state: Any) -> float:
    """The sum of the height's term along an episode."""
    namespace: dict[str, Any] = {}
    exec(form_reward(form, DT), namespace)  # our own code
    memory: dict[str, object] = {}
    step = namespace["compute_reward"]
    states = (SimpleNamespace(arm_height=height, **state) for height in heights)
    return float(sum(step(None, np.zeros(2), each, memory)["arm_height"] for each in states))


def terms(form: Form, **state: Any) -> dict[str, float]:
    namespace: dict[str, Any] = {}
    exec(form_reward(form, DT), namespace)  # our own code
    state = {"arm_height": 1.0, "arm_velocity": 0.0, "arm_to_cup": np.zeros(3), **state}
    found: dict[str, float] = namespace["compute_reward"](None, np.zeros(2), SimpleNamespace(**state))
    return found


@pytest.mark.parametrize(
    ("wish", "values"),
    [
        (Wish(HEIGHT, "more than", "on average", 1.5), [0.5, 1.0, 1.4, 1.6]),
        (Wish(HEIGHT, "less than", "until the end", 0.2), [2.0, 1.0, 0.5, 0.2]),
        (Wish(HEIGHT, "near", "until the end", 0.0), [1.5, 1.0, 0.5, 0.1, 0.0]),
        (Wish(HEIGHT, "near", "all the time", other=START), [2.0, 0.5, 0.9, 1.0]),
        (Wish(HEIGHT, "near", "until the end", other="arm_velocity"), [1.0, 0.5, 0.1, 0.0]),
        # Aimless behaviour is higher than this on average already, and starts lower.
        (Wish(HEIGHT, "more than", "all the time", 0.9), [0.5, 0.8, 1.0, 1.05]),
    ],
)
def test_each_step_towards_a_wish_pays(wish: Wish, values: list[float]) -> None:
    paid = [terms(Form(((wish,),)), arm_height=value)["arm_height"] for value in values]
    assert all(after > before for before, after in pairwise(paid)), paid


def test_what_is_wanted_pays_one_and_the_start_nothing() -> None:
    form = Form(((Wish(VELOCITY, "less than", "on average", -1.0),),))
    assert terms(form)["arm_velocity"] == 0.0
    assert terms(form, arm_velocity=-1.0)["arm_velocity"] == pytest.approx(1.0)
    assert terms(form, arm_velocity=-50.0)["arm_velocity"] == 1.5


def test_lasting_is_paid_only_where_it_is_wanted() -> None:
    wish = Wish(TO_CUP, "near", "until the end", 0.0)
    assert "lasting" not in terms(Form(((wish,),)))
    found = terms(Form(((wish,), ()), lasts=True))
    assert found["lasting"] == 1.0 and found["arm_to_cup_2"] == 1.0


def test_what_the_goal_says_first_weighs_more_than_the_rest() -> None:
    first, then = Wish(TO_CUP, "near", "until the end", 0.0), Wish(VELOCITY, "near", "all the time", 0.0)
    found = terms(Form(((first,), (then,))))
    assert found["arm_to_cup_2"] == 2.0 * found["arm_velocity"]


def test_two_wishes_about_one_quantity_are_two_terms() -> None:
    wishes = (Wish(HEIGHT, "less than", "on average", 0.5), Wish(HEIGHT, "near", "until the end", 0.0))
    assert set(terms(Form((wishes,)))) == {"arm_height", "arm_height_2", "effort"}


def test_a_movement_pays_each_way_there_and_back() -> None:
    there, back = [1.0, 1.1, 1.2, 1.3, 1.4, 1.5, *[1.5] * 4], [1.4, 1.3, 1.2, 1.1, 1.0, *[1.0] * 4]
    form = Form(((HOP,),))
    once = earned(form, there)
    assert once == pytest.approx(4.0), "as much as four steps of what is wanted all the time"
    assert earned(form, there + back) == pytest.approx(2 * once)
    assert earned(form, (there + back) * 5) == pytest.approx(10 * once)
    assert earned(form, there + [1.5] * 50) == pytest.approx(once), "who stays there does not do it again"
    assert earned(form, [1.0, 1.3, 1.2, 1.3, 1.2, 1.3] * 20) == pytest.approx(0.6 * once), "half a way pays once"
    assert earned(form, [1.5, 1.0] * 50) < 5 * once, "trembling pays next to nothing"


def test_a_movement_pays_where_it_should_be() -> None:
    away = Wish(TO_CUP, "near", "all the time", other=START)
    form = Form(((HOP,), (away,)))
    heights = [1.0, 1.25, 1.5]
    paid = [earned(form, heights, arm_to_cup=np.array([0.0, 0.0, 0.4 + far])) for far in (0.0, 0.2, 0.4)]
    assert paid[0] > 2 * paid[1] > 4 * paid[2] > 0.0


def test_what_should_be_in_the_air_is_paid_there() -> None:
    lifted = replace(HOP, lifted_from="cup_tilt")
    assert earned(Form(((lifted,),)), [1.0, 1.25, 1.5], cup_tilt=1.0) == 0.0
    assert earned(Form(((lifted,),)), [1.0, 1.25, 1.5], cup_tilt=0.0) == pytest.approx(4.0)
    held = Form(((replace(lifted, when="until the end"),),))
    assert terms(held, arm_height=1.4, cup_tilt=1.0)["arm_height"] == -1.0
    assert terms(held, arm_height=1.4, cup_tilt=0.0)["arm_height"] == pytest.approx(1.0)
