"""How a goal's sentence is taken apart, and what its words say of time and direction."""

from __future__ import annotations

import pytest

from reward_synth.roles.statements import Statement, statements


@pytest.mark.parametrize(
    ("goal", "expected"),
    [
        ("make the half-cheetah run backwards", ["make the half-cheetah run backwards"]),
        ("Hop forward without falling.", ["Hop forward", "without falling"]),
        ("The hopper jumps up and down, again and again.", ["The hopper jumps up and down, again and again"]),
        (
            "Drive to the middle, and stay there until the end, and never tip over",
            ["Drive to the middle and stay there until the end", "never tip over"],
        ),
        (
            "Bring it to its place and hold it there whatever happens; don't spill anything.",
            ["Bring it to its place and hold it there whatever happens", "don't spill anything"],
        ),
        ("Run with the torso low, but keep the head up", ["Run", "with the torso low", "keep the head up"]),
        ("Stand on one leg so that the other one is in the air", ["Stand on one leg", "the other one is in the air"]),
        ('Go to "A\\B" now', ["Go to A B now"]),
        ("Open the drawer, please", ["Open the drawer, please"]),
        ("run at 3.5 m/s, and turn 0.2 rad", ["run at 3.5 m/s", "turn 0.2 rad"]),
        ("hop on the spot, again and again", ["hop, again and again", "on the spot"]),
        ("make the ant spin in place", ["make the ant spin", "in place"]),
        ("stand up and stay in place", ["stand up", "stay in place"]),
        ("on the spot", ["on the spot"]),
        ("", []),
        ("go", ["go"]),
    ],
)
def test_a_sentence_is_taken_apart_where_something_new_is_said(goal: str, expected: list[str]) -> None:
    assert [each.text for each in statements(goal)] == expected


@pytest.mark.parametrize(
    ("text", "whens"),
    [
        ("its foot leaves the ground each time", ("again and again",)),
        ("hop over and over until the end", ("again and again",)),
        ("it keeps both poles upright all the time", ("all the time",)),
        ("without turning", ("all the time",)),
        ("it doesn't travel", ("all the time",)),
        ("it cannot fall", ("on average", "at the end", "at some moment")),
        ("stands on its feet", ("until the end",)),
        ("no longer moves", ("until the end",)),
        ("in the end it is open", ("at the end",)),
        ("run backwards", ("on average", "at the end", "at some moment")),
    ],
)
def test_the_time_that_counts_is_read_from_words(text: str, whens: tuple[str, ...]) -> None:
    assert Statement(text).whens == whens


@pytest.mark.parametrize(
    ("text", "towards"),
    [
        ("with its front leg high in the air", "high"),
        ("lower the arm", "low"),
        ("jump up and down", None),
        ("run", None),
    ],
)
def test_a_direction_is_read_from_words(text: str, towards: str | None) -> None:
    assert Statement(text).towards == towards


def test_what_must_not_happen_is_told_from_what_should() -> None:
    assert Statement("without running onto the bank").of_an_early_end
    assert Statement("it never tips over").of_an_early_end
    assert not Statement("fall onto the back").of_an_early_end, "this one is wanted"
    assert not Statement("it doesn't travel").of_an_early_end


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("in place", True),
        ("stay in place", True),
        ("it doesn't travel away from where it started", True),
        ("without moving away", True),
        ("travel far", False),
        ("place the block", False),
    ],
)
def test_a_kept_place_is_noticed(text: str, kept: bool) -> None:
    assert Statement(text).of_a_kept_place == kept
    assert not kept or Statement(text).whens == ("all the time",)


def test_numbers_are_read() -> None:
    assert Statement("run at 3.5 m/s or -2").numbers == {3.5, -2.0}
    assert not Statement("the x2 in v5").numbers


def test_parts_and_the_start_are_noticed() -> None:
    assert Statement("both feet are up").both and not Statement("the foot is up").both
    assert Statement("it doesn't travel away from where it started").of_the_start
    assert not Statement("run fast").of_the_start
    assert Statement("hop again and again").of_height and not Statement("run").of_height


@pytest.mark.parametrize(
    ("text", "turns", "counted"),
    [
        ("make the ant spin", True, False),
        ("the ant turns around itself once", True, True),
        ("one full circle in either direction", True, True),
        ("rotate three times", True, True),
        ("do a back flip", True, True),
        ("turn left", False, False),
        ("drive without turning around", False, False),
        ("lift one leg at once", False, False),
    ],
)
def test_a_turn_is_told_from_a_direction(text: str, turns: bool, counted: bool) -> None:
    assert (Statement(text).turns, Statement(text).counts_turns) == (turns, counted)
