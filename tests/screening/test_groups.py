from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from reward_synth.core.errors import RewardSynthError
from reward_synth.screening.groups import MOST_GROUPS, Behaviours
from reward_synth.state.episode import Episode
from reward_synth.state.fields import Field
from reward_synth.state.table import FieldTable
from tests.diagnosis import cases as trainings
from tests.preferences import cases


def stored(*episodes: Episode) -> dict[str, Episode]:
    return {f"001-a/{number}": each for number, each in enumerate(episodes)}


def named(*numbers: int) -> set[str]:
    return {f"001-a/{number}" for number in numbers}


BEHAVIOURS = Behaviours(stored(*cases.FALLS, *cases.CRAWLS, *cases.WALKS), trainings.TABLE)


def test_like_episodes_are_in_one_group_and_the_medoid_is_one_of_them() -> None:
    groups = BEHAVIOURS.groups()
    assert [set(group.members) for group in groups] == [named(0, 1, 2, 3), named(4, 5, 6, 7), named(8, 9, 10, 11)]
    for group in groups:
        assert group.typical == group.members[0]
        assert group.typical.endswith(("1", "2", "5", "6", "9", "10")), "an episode in the middle of its group"
    assert BEHAVIOURS.groups() == groups


def test_words_name_the_fields_that_differ_with_units() -> None:
    falls, crawls, walks = (group.words for group in BEHAVIOURS.groups())
    assert falls.startswith("lasts 2.00 s (others 10.0 s)")
    assert walks.startswith("lasts 10.0 s (others 2.00 s); `torso_x` changes by 0.801 m/s (others 0.013 m/s)")
    assert "`foot`" not in walks, "only essential fields are told"
    assert "torso_height" not in walks, "they bounce by a millimetre more"
    assert "`torso_x` changes by 0.0" in crawls


def test_an_angle_is_told_in_degrees_as_well() -> None:
    heights = [0.5, 0.5, 0.5, 0.5, *np.linspace(1.55, 1.59, 4)]
    whole = [trainings.episode(travelled=0.0) for _ in heights]
    raised = [
        np.where(np.arange(each.rows.shape[1]) == 1, height, each.rows)
        for each, height in zip(whole, heights, strict=True)
    ]
    episodes = [replace(each, rows=rows) for each, rows in zip(whole, raised, strict=True)]
    table = FieldTable(
        [replace(field, unit="rad") if field.name == "torso_height" else field for field in trainings.TABLE],
        trainings.TABLE.actions,
    )
    text = " / ".join(group.words for group in Behaviours(stored(*episodes), table).groups())
    assert "rad = 29° (others 1.5" in text and "rad = 90°" in text


def test_there_are_at_most_eight_groups_whatever_is_played() -> None:
    apart = [cases.walk(float(3**number)) for number in range(12)]
    assert len(Behaviours(stored(*apart), trainings.TABLE).groups()) <= MOST_GROUPS


def test_equal_episodes_are_one_group_and_none_are_none() -> None:
    same = Behaviours(stored(*[cases.WALKS[0]] * 5), trainings.TABLE).groups()
    assert [len(group.members) for group in same] == [5] and same[0].words == "all alike"
    assert Behaviours({}, trainings.TABLE).groups() == ()
    assert len(Behaviours(stored(cases.WALKS[0]), trainings.TABLE).groups()) == 1


def test_a_group_is_split_in_two() -> None:
    both = Behaviours(stored(*cases.CRAWLS, *cases.WALKS), trainings.TABLE)
    whole = BEHAVIOURS.groups()[0].__class__("001-a/0", tuple(sorted(named(*range(8)))), "")
    one, other = both.split(whole)
    assert {frozenset(one.members), frozenset(other.members)} == {
        frozenset(named(0, 1, 2, 3)),
        frozenset(named(4, 5, 6, 7)),
    }
    assert "changes by" in one.words
    alike = Behaviours(stored(*[cases.WALKS[0]] * 3), trainings.TABLE)
    with pytest.raises(RewardSynthError, match="all alike"):
        alike.split(alike.groups()[0])


def test_one_wild_episode_does_not_hide_what_tells_the_others_apart() -> None:
    slow, fast = ([cases.walk(pace + 0.4 * number) for number in range(4)] for pace in (1.0, 5.0))
    groups = Behaviours(stored(*slow, *fast, cases.walk(1e6)), trainings.TABLE).groups()
    assert [set(group.members) for group in groups] == [named(0, 1, 2, 3), named(4, 5, 6, 7), named(8)]


def test_a_switch_is_told_as_a_share_of_the_time_and_what_only_judges_may_read_is_not() -> None:
    def still(env: object) -> float:
        return 0.0

    table = FieldTable(
        [
            Field("contact", (), "0/1", 0.0, 1.0, "Touches.", read=still),
            Field("verdict", (), "1", 0.0, 1.0, "The benchmark's own success.", read=still, judge_only=True),
        ],
        trainings.TABLE.actions,
    )
    rows = [
        np.column_stack([np.arange(11) < touched, np.full(11, touched)]).astype(float) for touched in (0, 0, 11, 11)
    ]
    episodes = [Episode(table.layout(), each, np.zeros((10, 2)), 0.1, 10, 0, False) for each in rows]
    words = [group.words for group in Behaviours(stored(*episodes), table).groups()]
    assert words == [
        "`contact` is on 0 % of the time (others 100 %)",
        "`contact` is on 100 % of the time (others 0 %)",
    ]


def test_what_the_measure_reads_counts_more_and_is_told_first() -> None:
    def drifting(forward: float, tilt: float, number: int) -> Episode:
        episode = cases.walk(forward, number)
        rows = episode.rows.copy()
        place = [name for name, _ in episode.layout].index("torso_height")
        rows[:, place] += tilt
        return replace(episode, rows=rows)

    mixed = stored(*[drifting(forward, tilt, n) for n in range(3) for forward in (1.0, 8.0) for tilt in (0.0, 3.0)])
    for measured in ("torso_x", "torso_height"):
        one, other, *_ = Behaviours(mixed, trainings.TABLE, [measured]).groups(2)
        assert one.words.split("`")[1] == other.words.split("`")[1] == measured


def test_a_measured_field_is_told_before_one_that_differs_more() -> None:
    def still(env: object) -> float:
        return 0.0

    fields = [Field(name, (), "m", 0.0, 9.0, "Some.", read=still) for name in ("goal", "other")]
    table = FieldTable(fields, trainings.TABLE.actions)
    near = [(1.0, 0.0), (2.0, 0.1), (3.0, 0.2), (4.0, 0.3)]
    far = [(1.9, 5.0), (2.9, 5.1), (3.9, 5.2), (4.9, 5.3)]
    rows = [np.tile(each, (11, 1)) for each in (*near, *far)]
    episodes = stored(*[Episode(table.layout(), each, np.zeros((10, 2)), 0.1, 10, 0, False) for each in rows])
    ids = list(episodes)
    names = ids[:4], ids[4:]
    for measured, first in (((), "other"), (("goal",), "goal")):
        words = Behaviours(episodes, table, measured).words(*names)
        assert words.split("`")[1] == first
