"""What a filled-in form means: its measures are held against episodes whose behaviour is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from reward_synth.core.arrays import FloatArray
from reward_synth.core.errors import RewardSynthError
from reward_synth.llm.fake import ScriptedModel
from reward_synth.reward.lint import lint
from reward_synth.roles.form_answers import agreed, parse_form
from reward_synth.roles.form_reward import form_reward
from reward_synth.roles.measure_form import START, WAYS, WHENS, Form, Quantity, Way, Wish, last_steps
from reward_synth.roles.parsing import ParseError
from reward_synth.roles.statements import When, statements
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
HOPS = np.tile([0.1, 0.1, 1.9, 1.9], STEPS)[: STEPS + 1]
TREMBLES = np.where(np.arange(STEPS + 1) == STEPS - 4, 1.0, RISES.clip(1.0, None))
"""It is above 1 from halfway on, but for one step."""


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
        ("more than", "all the time", 1.0, HIGH, TREMBLES),
        ("less than", "all the time", 1.0, LOW, PEAK),
        ("near", "all the time", 0.1, LOW, PEAK),
        ("more than", "until the end", 1.0, TREMBLES, PEAK),
        ("less than", "until the end", 1.0, RISES[::-1], PEAK),
        ("near", "until the end", 1.9, HIGH, RISES),
        ("more than", "again and again", 1.0, HOPS, RISES),
        ("less than", "again and again", 1.0, HOPS, np.full(STEPS + 1, 1.5)),
    ],
)
def test_a_wish_means_what_its_words_say(
    way: Way, when: When, amount: float, fulfilled: FloatArray, failed: FloatArray
) -> None:
    form = Form(((Wish(replace(HEIGHT, tolerance=0.15), way, when, amount),),))
    good, bad = scored(form, episode(fulfilled)), scored(form, episode(failed))
    assert (good[0], bad[0]) == (True, False)
    assert good[1] > bad[1], "what fulfils it is the fitter one"


def test_the_end_of_a_short_episode_is_its_last_quarter() -> None:
    form = Form(((Wish(HEIGHT, "more than", "at the end", 1.0),),))
    rows = np.zeros((21, 6))
    rows[-5:, 0] = 2.0
    short = Episode(LAYOUT, rows, np.zeros((20, 2)), dt=0.05, horizon=20, seed=0, terminated=False)
    assert last_steps(short) == 5 and scored(form, short)[0]
    rows[-5, 0] = 0.0
    assert not scored(form, short)[0]


def test_several_wishes_and_what_stays_all_count() -> None:
    fast = Wish(VELOCITY, "more than", "on average", 0.4)
    low = Wish(HEIGHT, "less than", "on average", 0.5)
    stays = Wish(TO_CUP, "near", "all the time", other=START)
    form = Form(((fast,), (low, stays)))
    both = scored(form, episode(LOW, velocity=0.5))
    assert both[0] and both[1] == pytest.approx(3.0)
    for other in (episode(LOW), episode(HIGH, velocity=0.5)):
        assert not scored(form, other)[0] and scored(form, other)[1] < both[1]
    wandering = episode(LOW, velocity=0.5)
    wandering.rows[40:, 4] = 0.4
    assert not scored(form, wandering)[0]
    assert scored(form, wandering)[1] == pytest.approx(2.0 + 0.1 / (0.4 * 41 / 81)), "0.1 m were allowed"
    twice_as_fast = scored(form, episode(LOW, velocity=1.0))
    assert twice_as_fast[1] == pytest.approx(3.0), "more than is wanted does not make up for the other"


def test_a_quantity_can_be_wanted_near_another_one() -> None:
    form = Form(((Wish(HEIGHT, "near", "until the end", other="arm_velocity"),),))
    assert scored(form, episode(HIGH, velocity=1.85))[0] and not scored(form, episode(HIGH, velocity=1.7))[0]


def test_an_episode_that_must_last_fails_if_it_ends_early() -> None:
    form = Form(((Wish(HEIGHT, "less than", "on average", 0.5),),), lasts=True)
    whole = episode(LOW)
    short = Episode(LAYOUT, whole.rows[:41], whole.actions[:40], dt=0.05, horizon=STEPS, seed=0, terminated=True)
    assert scored(form, whole)[0] and not scored(form, short)[0]


GOAL = statements("lower the arm, don't hurry, keep its place over the cup, and don't fall")
FILLED = """1. lower the arm
   arm_height should be low: near the table.
   So: arm_height less than 0.2 m at the end
2. don't hurry
   arm_velocity should be near 0: no hurry.
   So: arm_velocity near 0 m/s all the time
3. keep its place over the cup
   arm_to_cup[2] should be near its start: it stays.
   So: arm_to_cup[2] near its start all the time, and so arm_height
4. don't fall
   That ends an episode early. So it must not happen.
   So: the episode does not end early
"""


def test_a_form_is_read_and_explained() -> None:
    form = parse_form(FILLED, QUANTITIES, GOAL)
    assert form.lasts and not form.silent and [len(answer) for answer in form.answers] == [1, 1, 2, 0]
    assert form.explanation() == (
        "Success: arm_height is less than 0.2 m throughout the end, and arm_velocity is within 0.1 m/s of 0.0 m/s all "
        "the time, and arm_to_cup[2] is within 0.1 m of its start all the time, and arm_height is within 0.3 m of its "
        "start all the time, and the episode does not end early (the end: the last 1 s)."
    )
    assert "episode.arm_to_cup[:, 2]" in form.success()


def test_what_is_said_twice_counts_once_and_the_opposite_does_not_replace_it() -> None:
    wishes = (
        Wish(HEIGHT, "less than", "on average", 0.5),
        Wish(HEIGHT, "more than", "on average", 1.5),
        Wish(HEIGHT, "less than", "at the end", 0.2),
    )
    assert Form((wishes, wishes[:1])).wishes == (wishes[0], wishes[2])


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "0 lines with 'So:', and the goal 4"),
        (FILLED.replace("arm_height should", "So arm_height should").replace("   So: arm_v", "   arm_v"), "3 lines"),
        ("   So: no field tells this\n" * 4, "does not say what the goal wants"),
        ("   So: wing less than 0.5 m on average\n" * 4, "does not say what the goal wants"),
    ],
)
def test_a_form_that_says_nothing_known_cannot_be_used(text: str, why: str) -> None:
    with pytest.raises(ParseError, match=why):
        parse_form(text, QUANTITIES, GOAL)


def test_what_most_forms_mean_counts_statement_by_statement() -> None:
    forms = [parse_form(FILLED, QUANTITIES, GOAL)] * 2
    forms += [parse_form(FILLED.replace("less than 0.2", "less than 0.5"), QUANTITIES, GOAL)]
    strange = FILLED.replace("arm_velocity near 0 m/s all the time", "arm_height more than 1.5 m on average")
    most, split = agreed([*forms, parse_form(strange, QUANTITIES, GOAL)])
    assert not split and most == forms[0], "one amount differs, and one form means another thing by one statement"
    most, split = agreed([forms[0], *[parse_form(strange, QUANTITIES, GOAL)] * 2, forms[0]])
    assert split == (1,)


def test_a_statement_of_which_most_forms_know_nothing_is_left_out() -> None:
    silent = FILLED.replace("arm_velocity near 0 m/s all the time", "no field tells this")
    most, split = agreed([parse_form(silent, QUANTITIES, GOAL)] * 3 + [parse_form(FILLED, QUANTITIES, GOAL)])
    assert not split and most.silent == (1,)
    assert most.shortfall(GOAL) == "the goal says 'don't hurry', and the draft measures nothing of it"
    assert parse_form(FILLED, QUANTITIES, GOAL).shortfall(GOAL) is None


@pytest.mark.parametrize("quantities", [QUANTITIES, QUANTITIES[1:2]], ids=["all", "a-velocity-only"])
def test_whatever_the_grammar_allows_can_be_read_and_passes_the_lint(quantities: tuple[Quantity, ...]) -> None:
    goal = (
        "raise the arm, in the end it is over the cup, it stays at its place, and keep it low, "
        "lift it again and again without falling"
    )
    quantities = tuple(replace(each, alike=(quantities[0].name,), targets=("cup_height",)) for each in quantities)
    model = ScriptedModel(lambda request: "no form", small=True)
    with pytest.raises(RewardSynthError):
        fill_in(model, quantities=quantities, goal=goal)
    walker = Grammar(model.requests[0].grammar or "", np.random.default_rng(0))
    layout = (*LAYOUT, ("cup_height", ()))
    seen: set[tuple[Way, When]] = set()
    for _ in range(300):
        text = walker.say("root")
        try:
            form = parse_form(text, quantities, statements(goal))
        except ParseError:
            assert "should be" not in text
            continue
        assert form.lasts and len(form.answers) == len(statements(goal))
        seen |= {(wish.way, wish.when) for wish in form.wishes}
        for entry, source in (("success", form.success()), ("fitness", form.fitness())):
            report = lint(source, layout, entry)  # type: ignore[arg-type]
            assert report.ok, (text, source, report.findings)
        report = lint(form_reward(form, 0.05), layout)
        assert report.ok, (text, form_reward(form, 0.05), report.findings)
    if len(quantities) > 1:
        assert seen >= {(way, when) for way in WAYS[:2] for when in WHENS if when != "all the time"}
        assert ("near", "all the time") in seen and ("near", "until the end") in seen


def test_what_should_be_off_the_ground_touches_nothing() -> None:
    contact = Quantity(
        name="arm_contact", unit="0/1", usual=dict.fromkeys(WHENS, 0.5), more=dict.fromkeys(WHENS, (0.5,)),
        less=dict.fromkeys(WHENS, (0.5,)), near=(), start=1.0, tolerance=0.1, drift=None, signed=False,
    )  # fmt: skip
    said = statements("the arm leaves the ground again and again, and it goes high")
    high = Wish(HEIGHT, "more than", "again and again", 1.2)
    form = Form(((high,), (high,))).off_the_ground(said, (HEIGHT, contact))
    lifted = replace(high, lifted_from="arm_contact")
    assert form.answers == ((lifted, Wish(contact, "less than", "again and again", 0.5)), (high,))
    assert "arm_height without arm_contact is more than 1.2 m again and again" in form.explanation()
    assert Form(((high,), ())).off_the_ground(said, (HEIGHT,)).answers == ((high,), ())


@pytest.mark.parametrize(
    ("touches", "fulfilled"),
    [(np.zeros(STEPS + 1), True), (HOPS < 1.0, True), (np.ones(STEPS + 1), False), (HOPS > 1.0, False)],
    ids=["never", "when-low", "always", "when-high"],
)
def test_a_height_counts_in_the_air_only(touches: FloatArray, fulfilled: bool) -> None:
    recorded = episode(HOPS)
    recorded.rows[:, 5] = touches
    hop = Wish(HEIGHT, "more than", "again and again", 1.2)
    assert scored(Form(((hop,),)), recorded)[0]
    assert scored(Form(((replace(hop, lifted_from="cup_tilt"),),)), recorded)[0] is fulfilled


def test_an_early_end_makes_less_of_all_that_was_done() -> None:
    form = Form(((Wish(HEIGHT, "more than", "again and again", 1.2),),), lasts=True)
    found = []
    for heights in (HOPS, LOW):
        for length in (STEPS, STEPS // 2, 4):
            whole = episode(heights)
            part = replace(whole, rows=whole.rows[: length + 1], actions=whole.actions[:length])
            found.append(scored(form, part))
    assert [success for success, _ in found] == [True, *[False] * 5]
    hops, lies = [fitness for _, fitness in found[:3]], [fitness for _, fitness in found[3:]]
    assert hops[0] == 2.0 and hops == sorted(hops, reverse=True)
    assert lies[0] == 0.0 and lies == sorted(lies, reverse=True), "worse than aimless, and ending it soon hides nothing"
    assert hops[1] == 1.0 and hops[1] > lies[0] > lies[2], "half of it is worth half"


def test_a_number_that_is_no_bound_is_to_be_near() -> None:
    fast = replace(VELOCITY, near=(0.0, 2.0), more=dict.fromkeys(WHENS, (0.4, 1.0, 2.0)))
    for text, words in (("run at 2 m/s", ["near 2"]), ("run at more than 2 m/s", ["positive", "near 2"])):
        (statement,) = statements(text)
        found = dict(fast.words(statement, True))
        assert list(found) == words
        assert found["near 2"] == ("near 2 m/s on average",)
    assert found["positive"] == ("more than 2 m/s on average",)
