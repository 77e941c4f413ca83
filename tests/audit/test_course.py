from __future__ import annotations

from pathlib import Path

import pytest

from reward_synth.audit.course import Line, answers, read_monitor, rows_of
from reward_synth.core.errors import RewardSynthError


def course(totals: list[float], steps: list[int], success: list[bool | None] | None = None) -> list[Line]:
    known = success or [None] * len(totals)
    return [Line(*each) for each in zip(totals, steps, known, strict=True)]


def test_more_pay_and_fewer_successes_sink() -> None:
    rising = [float(n) for n in range(40)]
    sinking = course(rising, [100] * 40, [True] * 20 + [False] * 20)
    found, verdicts = answers(sinking)
    assert "the share of successes falls from 100 % to 0 %" in found[0].message
    assert verdicts == {"audit/sinks-in-training": "found"}
    for sound in (course(rising, [100] * 40, [False] * 20 + [True] * 20), course(rising[::-1], [100] * 40)):
        assert answers(sound)[1] == {"audit/sinks-in-training": "not found"}
    assert answers(sinking[:5])[1] == {"audit/sinks-in-training": "not enough data"}


def test_without_success_shorter_episodes_that_are_paid_more_are_told() -> None:
    rising = [float(n) for n in range(-40, 0)]
    found, _ = answers(course(rising, list(range(100, 20, -2))))
    assert "an episode becomes shorter, from 97 to 25 steps" in found[0].message
    assert answers(course(rising, [100] * 40))[0] == []


def test_a_sum_that_is_no_number_is_told() -> None:
    found, verdicts = answers(course([1.0] * 30 + [float("nan")], [10] * 31))
    assert "nan in episode 31" in found[0].message and verdicts["audit/no-number"] == "found"


def test_a_monitor_file_is_read_and_names_its_environment(tmp_path: Path) -> None:
    path = tmp_path / "monitor.csv"
    path.write_text('#{"t_start": 1.0, "env_id": "Hopper-v5"}\nr,l,t,is_success\n3.5,20,0.1,True\n4.5,22,0.2,False\n')
    lines, env_id = read_monitor(path)
    assert (lines, env_id) == ([Line(3.5, 20, True), Line(4.5, 22, False)], "Hopper-v5")
    (row,) = rows_of(lines)
    assert (row.behaviour, row.total, row.steps) == ("all of the training, median of 2", 4.0, 21)
    path.write_text('#{"env_id": "os:system"}\nr,l,t\n')
    assert read_monitor(path) == ([], ""), "a module that a file names is not imported"


@pytest.mark.parametrize(
    "text", ["", "r,l,t\n1,2,3\n", '#{"t_start": 1}\na,b\n1,2\n', "#[]\nr,l,t\n1,2,3\n", "#{}\nr,l\n,\n"]
)
def test_what_is_no_monitor_file_is_refused_in_words(text: str, tmp_path: Path) -> None:
    path = tmp_path / "monitor.csv"
    path.write_text(text)
    with pytest.raises(RewardSynthError, match="is no monitor file"):
        read_monitor(path)
