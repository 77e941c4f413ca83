"""Sound code raises no finding, however it says what it says; odd texts are refused."""

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


FINE = {
    "number from an array": "x = next_state.hand[0]\nx -= 1.0",
    "numbers by unpacking": "x, y, z = next_state.hand\nx += y",
    "numbers in a loop": "for a in action:\n    a *= 2.0",
    "field of one number": "x = next_state.height\nx **= 2",
    "copy": "x = np.array(action)\nx[0] = 0.0",
    "copy by arithmetic": "x = 1.0 * next_state.hand\nx[2] += 1.0\nx -= next_state.box",
    "copy by method": "x = next_state.hand.copy()\nx[0] = 0.0",
    "copy by a list": "x = list(action)\nx[0] = 0.0\nx.append(1.0)",
    "fancy index": "x = next_state.hand[[0, 1]]\nx[0] = 0.0",
    "new array": "x = np.zeros(3)\nx[:] = next_state.hand\nx += 1.0",
    "reduced": "x = np.sum(action**2)\nx *= 2.0",
    "row of a new array": "x = np.stack([next_state.hand, next_state.box])\nx[0] -= 1.0",
    "terms that are scaled": "terms = {'a': 1.0}\nfor k in terms:\n    terms[k] *= 0.5",
    "least so far": "x = float('inf')\nfor v in next_state.hand:\n    x = min(x, v)",
    "least so far in memory": "x = memory.get('x', math.inf)\nmemory['x'] = min(x, next_state.height)",
    "loop over sizes": "for k in range(len(action)):\n    x = action[k]\nfor k in range(action.shape[0]):\n    pass",
    "bounded by min": "for k in range(min(int(abs(next_state.height)), 10)):\n    pass",
    "bounded by clip": "for k in range(int(np.clip(next_state.height, 0, 5))):\n    pass",
    "powers": "x = sum(0.5 ** k * action[k] for k in range(6))\ny = 2 ** 10",
    "small pairs": "x = next_state.hand[:, None] - next_state.box[None, :]\ny = np.outer(x[0], x[1])",
    "guarded": "x = np.sqrt(np.sum(np.square(action)))\ny = np.arccos(np.clip(next_state.height, -1.0, 1.0))",
    "guarded otherwise": "x = math.sqrt(max(next_state.height, 0.0))\ny = math.log1p(abs(next_state.height))",
    "guarded share": "x = abs(next_state.height) / max(state.height - 0.1, 0.02)\ny = math.sqrt(min(x, 1.5) + 1e-6)",
    "kept in memory": "memory['last'] = np.array(action)\nmemory['n'] = memory.get('n', 0) + 1",
    "text of a number": "k = f'joint_{1}'\nmemory[k] = 0.0",
    "helper used twice": "x = twice(next_state.height) + twice(state.height)",
    "sorted by a key": "x = sorted(action, key=lambda v: -abs(v))[0]",
    "mapped": "x = sum(map(abs, action)) + max(map(lambda v: v * v, next_state.hand))",
    "underscores in a text": "memory['steps__so__far'] = 0.0",
    "own keyword": "x = twice(1.0, where=2.0)",
}


@pytest.mark.parametrize("name", FINE)
def test_sound_code_is_not_refused(name: str) -> None:
    report = check(FINE[name], "def twice(x, where=2.0):\n    y = where * x\n    y += 0.0\n    return y\n", memory=True)
    assert report.findings == ()


ODD = {
    "direction of writing": ("# \u202e\n", "hidden-character"),
    "form feed": ("\x0c", "hidden-character"),
    "lone carriage return": ("# a\rimport os\n", "hidden-character"),
    "surrogate": ("# \ud800\n", "hidden-character"),
    "encoding": ("# -*- coding: utf-7 -*-\n", "hidden-character"),
    "wide letters": ("ｏｐｅｎ = 1\n", "hidden-character"),
    "dunder in a text": ("NAME = '__class__'\n", "refused-name"),
    "with of something else": ("def f(errstate):\n    with open('errstate'):\n        pass\n", "refused-syntax"),
    "percent": ("X = '%999999999d' % 1\n", "refused-syntax"),
    "buffer": ("import numpy as np\nX = np.ndarray((9,), buffer=b'', strides=(8,))\n", "refused-keyword"),
    "objects": ("import numpy as np\nX = np.array([1], dtype=object)\n", "refused-keyword"),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_texts_are_refused(name: str) -> None:
    text, rule = ODD[name]
    source = f"{text}\ndef compute_reward(state, action, next_state):\n    {FORWARD}\n"
    assert rule in {finding.rule for finding in lint(source, EXAMPLE_LAYOUT).findings}


def test_prose_in_any_language_and_windows_line_ends_are_fine() -> None:
    source = (
        f'# Tempo über 2 m/s 🙂\r\ndef compute_reward(state, action, next_state):\r\n    "größer"\r\n    {FORWARD}\r\n'
    )
    assert lint(source, EXAMPLE_LAYOUT).findings == ()


def test_many_unknown_names_do_not_make_it_search_for_ever() -> None:
    names = "\n".join(f"x = {'abcdefgh'[k % 8] * 20}{k} + next_state.{'q' * 40}{k}" for k in range(150))
    report = check(names)
    assert "unknown-name" in errors(report)
    assert all(len(finding.message) < 2_000 for finding in report.findings)
