"""Writes to the inputs, and to what stands outside of the function, are seen where they are written."""

from __future__ import annotations

import pytest

from reward_synth.reward.lint import LintReport, lint
from tests.reward.lint.examples import EXAMPLE_ACTION_SIZE, EXAMPLE_LAYOUT

FORWARD = 'return {"forward": next_state.x_velocity}'


def check(lines: str, helpers: str = "", memory: bool = False) -> LintReport:
    body = "\n".join("    " + line for line in lines.strip("\n").split("\n"))
    extra = ", memory" if memory else ""
    head = f"import math\nimport numpy as np\n{helpers}\n"
    source = f"{head}def compute_reward(state, action, next_state{extra}):\n{body}\n    {FORWARD}\n"
    return lint(source, EXAMPLE_LAYOUT, action_size=EXAMPLE_ACTION_SIZE)


def errors(report: LintReport) -> set[str]:
    return {finding.rule for finding in report.findings if finding.severity == "error"}


WRITES = {
    "second name": "x = next_state.hand\ny = x\ny[0] = 1.0",
    "slice": "x = next_state.hand[:2]\nx[0] = 1.0",
    "in place": "action *= 2.0",
    "in place by a second name": "x = action\nx *= 2.0",
    "behind a condition": "if next_state.height > 9.0:\n    x = next_state.box\n    x[1] = 0.0",
    "unpacked": "x, y = next_state.hand, next_state.box\ny -= x",
    "element in a loop": "for k in range(6):\n    action[k] = 0.0",
    "target of a loop": "for action[0] in (1.0, 2.0):\n    pass",
    "out by position": "np.add(action, action, action)",
    "out of a method by position": "next_state.hand.clip(0.0, 1.0, action)",
    "out of a star": "np.add(*(action, action, action))",
    "nan_to_num in place": "np.nan_to_num(action, copy=False)",
    "median that sorts": "np.median(action, overwrite_input=True)",
    "view of the state": "next_state |= {'a': 1}",
}


@pytest.mark.parametrize("name", WRITES)
def test_writes_to_the_inputs_are_seen(name: str) -> None:
    assert errors(check(WRITES[name])) & {"writes-input", "refused-keyword"}


OUTSIDE = {
    "by name": "KEPT['n'] = 1.0",
    "by a second name": "k = KEPT\nk['n'] = 1.0",
    "by a method": "KEPT.update(n=1.0)",
    "by an element": "SEEN[0].append(1.0)",
    "an array": "TABLE[0] += 1.0",
    "behind a condition": "if next_state.height > 9.0:\n    SEEN.append([])",
}


@pytest.mark.parametrize("name", OUTSIDE)
def test_hidden_state_is_seen(name: str) -> None:
    head = "KEPT = {'n': 0.0}\nSEEN = [[0.0]]\nTABLE = np.zeros(3)\n"
    assert errors(check(OUTSIDE[name], head)) == {"module-state"}


def test_what_only_has_the_name_of_something_outside_may_change() -> None:
    assert check("KEPT = {'n': 0.0}\nKEPT['n'] = 1.0", "KEPT = {'n': 0.0}\n").findings == ()
    assert check("x = bump({'n': 0.0})", "D = {}\ndef bump(D):\n    D['n'] += 1.0\n    return D['n']\n").findings == ()
    assert check("w = WEIGHT\nw += 1.0", "WEIGHT = 2.0\n").findings == ()


def test_functions_that_call_each_other_are_refused() -> None:
    helper = "def f(x):\n    return g(x)\ndef g(x):\n    return f(x)\n"
    assert errors(check("x = f(1.0)", helper)) == {"recursion"}
    fine = "def f(x):\n    return x\ndef g(x):\n    return f(f(x))\n"
    assert check("x = f(g(1.0))", fine).findings == ()
