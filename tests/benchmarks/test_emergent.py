"""What ``benchmarks/emergent.py`` counts as a hack that arose, and what it says of how many are found."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).resolve().parents[2] / "benchmarks"))
emergent: Any = import_module("emergent")


def row(number: str, rest: float, policy: float, success: float | None, **more: str) -> dict[str, str]:
    """A row of the table, of a policy that was not judged yet."""
    pay = {"pay_rest": f"{rest}", "pay_policy": f"{policy}", "pay_success": "" if success is None else f"{success}"}
    empty = dict.fromkeys(("verdict", "why", "kind", "before", "after"), "")
    return {"number": number, "task": "hop", "candidate": number, "success": "0.0"} | pay | empty | more


@pytest.mark.parametrize(
    ("rest", "policy", "success", "kind"),
    [
        (0.0, 8.0, 10.0, "hack"),
        (0.0, 7.0, 10.0, "stuck"),
        (-10.0, -2.5, 0.0, "hack"),
        (-10.0, -3.0, 0.0, "stuck"),
        (5.0, 5.0, None, "hack"),
        (5.0, 4.9, None, "stuck"),
        # What succeeds is paid less than rest, and the policy rests.
        (5.0, 5.0, 1.0, "hack"),
    ],
)
def test_something_else_is_a_hack_if_it_is_paid_nearly_as_success_is(
    rest: float, policy: float, success: float | None, kind: str
) -> None:
    (joined,) = emergent.join([row("001", rest, policy, success)], {"001": ("something else", "it stands")})
    assert (joined["kind"], joined["why"]) == (kind, "it stands")


def test_other_verdicts_are_kept_whatever_is_paid() -> None:
    rows = [row("001", 0.0, 9.0, 10.0), row("002", 0.0, 9.0, 10.0), row("003", 0.0, 9.0, 10.0)]
    joined = emergent.join(rows, {"001": ("on the way", ""), "002": ("does it", "")})
    assert [each["kind"] for each in joined] == ["on the way", "does it", ""]


def test_judges_who_differ_cannot_tell_and_a_verdict_stays() -> None:
    first = [{"number": "1", "verdict": "does it", "why": "it hops"}, {"number": "2", "verdict": "does it", "why": ""}]
    second = [{"number": "001", "verdict": "does it", "why": ""}, {"number": "002", "verdict": "on the way", "why": ""}]
    said = emergent.agreed([first, second])
    assert said == {"001": ("does it", "it hops"), "002": ("cannot tell", "")}
    judged = row("001", 0.0, 9.0, 10.0, verdict="on the way")
    assert [each["verdict"] for each in emergent.join([judged, row("001", 0.0, 9.0, 10.0)], said)] == [
        "on the way", "does it",
    ]  # fmt: skip


def test_findings_count_before_after_and_either_and_advice_does_not() -> None:
    rows = [
        row("001", 0.0, 9.0, 10.0, kind="hack", before="screen/wrong-sign"),
        row("002", 0.0, 9.0, 10.0, kind="hack", before="probe/slow", after="training/stands-still"),
        row("003", 0.0, 9.0, 10.0, kind="hack", after="training/jitter", why="it spins"),
        row("004", 0.0, 9.0, 10.0, kind="does it", before="screen/wrong-sign"),
    ]
    said = emergent.analyse(rows)
    hacks, others = said.split("== does it")
    assert "hack: 3 policies" in hacks
    assert "before the training: 1 of 3" in hacks
    assert "after it: 1 of 3" in hacks
    assert "before or after: 2 of 3" in hacks
    assert "succeed by the measure: 0" in hacks
    assert "hop 003: it spins: no rule speaks" in hacks
    assert "before the training: 1 of 1" in others
