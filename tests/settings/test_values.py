from __future__ import annotations

import pytest

from reward_synth.settings.values import parse_duration, parse_rungs, parse_some_time, rename_roles, spell_rungs


@pytest.mark.parametrize(
    ("given", "seconds"),
    [("2h", 7200), ("30m", 1800), ("1h30m", 5400), ("90s", 90), ("45", 45), ("1.5h", 5400), (12, 12)],
)
def test_durations(given: object, seconds: float) -> None:
    assert parse_duration(given) == seconds


def test_some_time_is_more_than_none() -> None:
    assert parse_some_time("1m") == 60
    assert parse_some_time(None) is None
    with pytest.raises(ValueError, match="more than 0 seconds"):
        parse_some_time("0s")


def test_rungs_rise_to_one_and_have_one_form() -> None:
    assert parse_rungs("0.10, 0.3,1.0") == (0.1, 0.3, 1.0)
    assert spell_rungs("0.10, 0.3,1.0") == "0.1,0.3,1"
    for wrong in ("", "0.5", "0.3,0.1,1", "0,1", "some"):
        with pytest.raises(ValueError, match="rise to 1"):
            parse_rungs(wrong)


def test_earlier_names_of_roles_are_read() -> None:
    assert rename_roles({"goal": "a", "critic": "b"}) == {"task_drafter": "a", "critic": "b"}
    assert rename_roles("no mapping") == "no mapping"
