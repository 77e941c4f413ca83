"""Roots, logarithms and arc functions of what may lie outside of their range."""

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


HEIGHT = "next_state.height"
MAY_BE_UNDEFINED = {
    "a field": "np.sqrt(next_state.height)",
    "through a name": "np.log(level)",
    "through a name twice": "math.sqrt(level - 0.5)",
    "an array": "np.arccos(next_state.hand)",
    "an element": "math.acos(action[0])",
    "of a distance that may be zero": "math.log(np.linalg.norm(next_state.hand - next_state.box))",
    "what is left of a square": "np.sqrt(1.0 - next_state.height ** 2)",
    "half clipped": "np.arcsin(np.minimum(next_state.height, 1.0))",
    "a cosine by rounding": "np.arccos(np.dot(next_state.hand, next_state.box))",
    "either of two": "np.sqrt(next_state.height if next_state.height > 0.0 else -1.0)",
    "behind a condition": "1.0 if next_state.height < 9.0 else math.log(9.0 - next_state.height)",
}


@pytest.mark.parametrize("name", MAY_BE_UNDEFINED)
def test_what_may_be_undefined_is_a_warning_with_a_form_that_cannot(name: str) -> None:
    text = MAY_BE_UNDEFINED[name]
    report = check(f"level = next_state.height - 0.1\nx = {text}")
    assert [(f.rule, f.severity) for f in report.findings] == [("may-be-undefined", "warning")]
    repaired = report.findings[0].fix.removeprefix("write `").removesuffix("`")
    assert check(f"level = next_state.height - 0.1\nx = {repaired}").findings == ()


DEFINED = (
    "np.sqrt(np.sum(np.square(action)))", "np.sqrt(next_state.height ** 2 + 1.0)", "math.sqrt(abs(next_state.height))",
    "np.arccos(np.clip(next_state.height, -1.0, 1.0))", "math.acos(max(-1.0, min(1.0, next_state.height)))",
    "np.log(np.exp(next_state.height) + 1.0)", "math.log1p(abs(next_state.height))",
    "math.sqrt(next_state.hand @ next_state.hand)", "np.sqrt(np.dot(action, action))",
    "np.sqrt(1.0 - np.tanh(next_state.height) ** 2)",
    "np.sqrt(next_state.hand.clip(0.0, 2.0))", "math.sqrt(2.0 ** 0.5)", "np.sqrt(2.5 - np.mean(np.sin(action)))",
    "np.sqrt(np.where(next_state.hand > 0.0, 1.0, 2.0))", "math.log(helper(next_state.height))",
)  # fmt: skip


@pytest.mark.parametrize("text", DEFINED)
def test_what_cannot_be_undefined_or_is_not_known_is_no_finding(text: str) -> None:
    assert check(f"x = {text}", "def helper(x):\n    return x\n").findings == ()


def test_names_that_stand_for_each_other_come_to_an_end() -> None:
    names = "\n".join(f"x{k} = x{k + 1} + x{k + 1}" for k in range(400))
    assert check(f"{names}\na = b\nb = a\ny = math.sqrt(x0) + math.sqrt(a)\nx400 = action[0]").ok
