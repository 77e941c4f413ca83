"""What a filled-in form means: its measures are held against episodes whose behaviour is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from reward_synth.core.arrays import FloatArray
from reward_synth.core.errors import RewardSynthError
from reward_synth.llm.fake import ScriptedModel
from reward_synth.reward.lint import lint
from reward_synth.roles.measure_form import WAYS, WHENS, Form, Quantity, Way, When, Wish, last_steps, parse_form
from reward_synth.roles.parsing import ParseError
from reward_synth.sandbox.process import ScoringProcess
from reward_synth.state.episode import Episode
from tests.roles.role_cases import LAYOUT, QUANTITIES, fill_in
from tests.roles.test_designer import Grammar

HEIGHT, VELOCITY, TO_CUP = QUANTITIES
STEPS = 80
"""Of 0.05 s: four seconds, of which the last one is the end."""


def episode(height: FloatArray, velocity: float = 0.0, to_cup: float = 0.0) -> Episode:
    rows = np.zeros((STEPS + 1, 6))
    rows[:, 0], rows[:, 1], rows[:, 4] = height, velocity, to_cup
    return Episode(LAYOUT, rows, np.zeros((STEPS, 2)), dt=0.05, horizon=STEPS, seed=0, terminated=False)


def scored(form: Form, recorded: Episode) -> tuple[bool, float]:
    success, fitness = form.success(), form.fitness()
    with ScoringProcess(success, fitness, LAYOUT) as process:
        score = process.score(
            recorded.rows, recorded.actions, dt=recorded.dt, horizon=recorded.horizon, terminated=recorded.terminated
        )
    return score.success, score.fitness


RISES = np.linspace(0.0, 2.0, STEPS + 1)
PEAK = np.concatenate([np.linspace(0.0, 2.0, STEPS // 2), np.linspace(2.0, 0.0, STEPS // 2 + 1)])
LOW, HIGH = np.full(STEPS + 1, 0.1), np.full(STEPS + 1, 1.9)


@pytest.mark.parametrize(
    ("way", "when", "amount", "fulfilled", "failed"),
    [
        ("more than", "on average", 1.2, HIGH, RISES),
        ("more than", "at the end", 1.4, RISES, PEAK),
        ("more than", "at some moment", 1.5, PEAK, LOW),
        ("less than", "on average", 0.5, LOW, PEAK),
        ("less than", "at the end", 1.0, PEAK, RISES),
        ("less than", "at some moment", 0.2, RISES, HIGH),
        ("near", "on average", 2.0, HIGH, RISES),
        ("near", "at the end", 0.1, LOW, RISES),
        ("near", "at some moment", 1.0, PEAK, HIGH),
    ],
)
def test_a_wish_means_what_its_words_say(
    way: Way, when: When, amount: float, fulfilled: FloatArray, failed: FloatArray
) -> None:
    form = Form((Wish(replace(HEIGHT, tolerance=0.15), way, when, amount),))
    good, bad = scored(form, episode(fulfilled)), scored(form, episode(failed))
    assert (good[0], bad[0]) == (True, False)
    assert good[1] > bad[1], "what fulfils it is the fitter one"


def test_the_end_of_a_short_episode_is_its_last_quarter() -> None:
    form = Form((Wish(HEIGHT, "more than", "at the end", 1.0),))
    rows = np.zeros((21, 6))
    rows[-5:, 0] = 2.0
    short = Episode(LAYOUT, rows, np.zeros((20, 2)), dt=0.05, horizon=20, seed=0, terminated=False)
    assert last_steps(short) == 5 and scored(form, short)[0]
    rows[-5, 0] = 0.0
    assert not scored(form, short)[0]


def test_several_wishes_and_what_stays_all_count() -> None:
    fast = Wish(VELOCITY, "more than", "on average", 0.4)
    low = Wish(HEIGHT, "less than", "on average", 0.5)
    form = Form((fast, low), stays=(TO_CUP,))
    both = scored(form, episode(LOW, velocity=0.5))
    assert both[0] and both[1] == pytest.approx(3.0)
    for other in (episode(LOW), episode(HIGH, velocity=0.5)):
        assert not scored(form, other)[0] and scored(form, other)[1] < both[1]
    wandering = episode(LOW, velocity=0.5)
    wandering.rows[40:, 4] = 0.4
    assert not scored(form, wandering)[0]
    assert scored(form, wandering)[1] == pytest.approx(2.25), "0.1 m were allowed and 0.4 were taken"
    twice_as_fast = scored(form, episode(LOW, velocity=1.0))
    assert twice_as_fast[1] == pytest.approx(3.0), "more than is wanted does not make up for the other"


def test_an_episode_that_must_last_fails_if_it_ends_early() -> None:
    form = Form((Wish(HEIGHT, "less than", "on average", 0.5),), lasts=True)
    whole = episode(LOW)
    short = Episode(LAYOUT, whole.rows[:41], whole.actions[:40], dt=0.05, horizon=STEPS, seed=0, terminated=True)
    assert scored(form, whole)[0] and not scored(form, short)[0]


def test_a_form_is_read_and_explained() -> None:
    text = (
        "The goal wants arm_height to be low: near the table.\nWhen: at the end, less than 0.2 m\n"
        "It also wants arm_velocity to be near: no hurry.\nWhen: on average, near 0.0 m/s\n"
        "Meanwhile arm_to_cup[2] stays near its start.\nThe episode goes on until the time is up.\nDone.\n"
    )
    form = parse_form(text, QUANTITIES)
    assert form.meaning == ("arm_height", "less than") and form.lasts and form.stays == (TO_CUP,)
    assert form.explanation() == (
        "Success: arm_height is less than 0.2 m throughout the end, and arm_velocity is within 0.05 m/s of 0.0 m/s on "
        "average, and arm_to_cup[2] stays within 0.1 m of its start, and the episode does not end early (the end: the "
        "last 1 s)."
    )
    assert "episode.arm_to_cup[:, 2]" in form.success()


def test_what_is_wanted_twice_or_stays_as_well_counts_once() -> None:
    text = (
        "The goal wants arm_height to be low: a.\nWhen: on average, less than 0.5 m\n"
        "It also wants arm_height to be high: b.\nWhen: on average, more than 1.5 m\n"
        "Meanwhile arm_height stays near its start.\nDone.\n"
    )
    form = parse_form(text, QUANTITIES)
    assert len(form.wishes) == 1 and form.wishes[0].way == "less than" and not form.stays


@pytest.mark.parametrize("text", ["", "The goal wants wing to be low: so.\nWhen: on average, less than 0.5 m\n"])
def test_a_form_that_says_nothing_known_cannot_be_used(text: str) -> None:
    with pytest.raises(ParseError):
        parse_form(text, QUANTITIES)


@pytest.mark.parametrize("quantities", [QUANTITIES, QUANTITIES[1:2]], ids=["all", "nothing-stays"])
def test_whatever_the_grammar_allows_can_be_read_and_passes_the_lint(quantities: tuple[Quantity, ...]) -> None:
    model = ScriptedModel(lambda request: "no form", small=True)
    with pytest.raises(RewardSynthError):
        fill_in(model, quantities=quantities)
    walker = Grammar(model.requests[0].grammar or "", np.random.default_rng(0))
    seen: set[tuple[Way, When]] = set()
    for _ in range(200):
        form = parse_form(text := walker.say("root"), quantities)
        assert form.wishes[0].quantity.name in text and form.lasts == ("until the time is up" in text)
        seen |= {(wish.way, wish.when) for wish in form.wishes}
        for entry, source in (("success", form.success()), ("fitness", form.fitness())):
            report = lint(source, LAYOUT, entry)  # type: ignore[arg-type]
            assert report.ok, (text, source, report.findings)
    assert len(seen) == len(WAYS) * len(WHENS)


def form(*whens: When, stays: int = 0, lasts: bool = False) -> Form:
    wishes = tuple(Wish(quantity, "more than", when, 1.0) for quantity, when in zip(QUANTITIES, whens, strict=False))
    return Form(wishes, QUANTITIES[2:3] * stays, lasts)


@pytest.mark.parametrize(
    ("goal", "short", "enough"),
    [
        ("sit up and stay there", form("at some moment"), form("at the end")),
        ("jump again and again", form("at some moment"), form("on average")),
        ("balance the pole", form("at some moment"), form("on average")),
        ("stand on two legs until the end", form("at some moment", stays=1, lasts=True), form("at the end")),
        (
            "Bring the lower tank to its level and hold it there whatever happens, and don't spill any water.",
            form("at the end"),
            form("at the end", "on average"),
        ),
        (
            "The cart drives to the right, about halfway to the end, and stays there, and it keeps both poles up.",
            form("at the end"),
            form("at the end", "on average"),
        ),
    ],
)
def test_a_form_that_leaves_out_what_the_sentence_says_is_noticed(goal: str, short: Form, enough: Form) -> None:
    assert short.shortfall(goal) is not None
    assert enough.shortfall(goal) is None


@pytest.mark.parametrize(
    "goal",
    ["make the half-cheetah run backwards", "spin in place", "the hopper hops forward without falling",
     "swim forward as fast as you can", "lower the crane's hook, please", "get up, and get up fast"],
)  # fmt: skip
def test_a_short_sentence_needs_one_measure(goal: str) -> None:
    assert form("on average").shortfall(goal) is None
