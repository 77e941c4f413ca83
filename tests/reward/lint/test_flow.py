"""What the lint sees by following values: writes under other names, growth, sizes in variables, NaN."""

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
    "reshape": "x = next_state.hand.reshape(3, 1)\nx[0] = 1.0",
    "transposed": "x = next_state.hand.T\nx += 1.0",
    "asarray": "x = np.asarray(action)\nx *= 2.0",
    "atleast_1d of squeeze": "x = np.atleast_1d(np.squeeze(action))\nx[:] = 0.0",
    "unpacked": "x, y = next_state.hand, next_state.box\ny -= x",
    "loop": "for x in (state.hand, next_state.box):\n    x[0] = 0.0",
    "loop over pairs": "for x, y in zip([state.hand], [next_state.box]):\n    y += x",
    "list": "xs = [action]\nxs[0][1] = 2.0",
    "appended": "xs = []\nxs.append(action)\nxs[0][1] = 2.0",
    "dict": 'd = {"a": action}\nd["a"] += 1.0',
    "dict by get": 'd = {"a": action}\nx = d.get("a")\nx += 1.0',
    "either": "x = action if next_state.height > 1.0 else np.zeros(6)\nx[0] = 1.0",
    "walrus": "if (x := action) is not None:\n    x[0] = 1.0",
    "comprehension": "xs = [x for x in (action,)]\nxs[0][0] = 1.0",
    "out by position": "np.add(action, action, action)",
    "out of a method by position": "next_state.hand.clip(0.0, 1.0, action)",
    "out of a star": "np.add(*(action, action, action))",
    "nan_to_num in place": "np.nan_to_num(action, copy=False)",
    "median that sorts": "np.median(action, overwrite_input=True)",
    "view of the state": "next_state |= {'a': 1}",
}


@pytest.mark.parametrize("name", WRITES)
def test_writes_to_the_inputs_are_seen_under_any_name(name: str) -> None:
    assert errors(check(WRITES[name])) & {"writes-input", "refused-keyword"}


def test_writes_in_a_helper_are_seen() -> None:
    helper = "def wipe(v, w=0.0):\n    v[:] = w\n    return v\n"
    assert errors(check("wipe(next_state.hand)", helper)) == {"writes-input"}
    assert errors(check("wipe(w=1.0, v=action)", helper)) == {"writes-input"}
    assert errors(check("wipe(np.array(action))", helper)) == set()
    keep = "def same(v):\n    return v\n"
    assert errors(check("x = same(action)\nx[0] = 1.0", keep)) == {"writes-input"}


def test_hidden_state_is_seen_through_names_and_helpers() -> None:
    helper = "KEPT = {'n': 0.0}\ndef bump(d):\n    d['n'] += 1.0\n"
    assert errors(check("bump(KEPT)", helper)) == {"module-state"}
    assert errors(check("k = KEPT\nk['n'] = 1.0", helper)) == {"module-state"}
    assert errors(check("bump({'n': 0.0})", helper)) == set()
    assert "module-state" in errors(check("SEEN[0].append(1.0)", "SEEN = [[0.0]]\n"))


TOO_MUCH = {
    "size in a variable": "n = 900\nx = np.zeros((n, n))",
    "product of variables": "n = 900000\nn = n * 1000\nx = np.ones(n)",
    "constant of the module": "x = np.zeros(SIZE)",
    "range of a constant of the module": "for k in range(SIZE):\n    pass",
    "shape by keyword": "x = np.zeros_like(action, shape=(9000, 9000))",
    "all pairs": "v = np.arange(900.0)\nx = v[:, None, None] + v[None, :, None] + v",
    "outer": "v = np.arange(900.0)\nx = np.outer(v, v)",
    "einsum": "a = np.ones(200)\nx = np.einsum('i,j,k,l->ijkl', a, a, a, a)",
    "nested loops": "for a in range(1000):\n    for b in range(1000):\n        pass",
    "nested comprehension": "x = sum(1 for a in range(5000) for b in range(5000))",
    "loop in a helper in a loop": "for a in range(1000):\n    slow(a)",
    "range of data": "for k in range(int(next_state.height * 1e9)):\n    pass",
    "range of memory": "for k in range(memory.get('n', 1)):\n    pass",
    "range of a number in a text": "for k in range(int('9' * 9)):\n    pass",
    "repetition of data": "x = [0.0] * int(next_state.height)",
    "repetition in a variable": "n = 10 ** 8\nx = [0.0] * n",
    "doubling list": "x = [1.0]\nfor k in range(60):\n    x = x + x",
    "doubling text": "x = 'a'\nfor k in range(60):\n    x = f'{x}{x}'",
    "doubling array": "x = np.ones(3)\nfor k in range(60):\n    x = np.concatenate([x, x])",
    "squares": "x = 3\nfor k in range(60):\n    x *= x",
    "appending for long": "x = []\nfor a in range(300):\n    for b in range(300):\n        x.append([0.0, 1.0, 2.0])",
    "grows while read": "x = [1]\nfor k in x:\n    x.append(k)",
    "power of data": "x = 2 ** int(next_state.height)",
    "rounding": "x = round(5, -10 ** 8)",
    "tree of calls": "x = c0(1.0)",
}
SLOW = "SIZE = 50 * 1000\ndef slow(a):\n    return sum(k for k in range(5000))\n"
TREE = (
    "".join(f"def c{k}(x):\n    return c{k + 1}(x) + c{k + 1}(x)\n" for k in range(20)) + "def c20(x):\n    return x\n"
)


@pytest.mark.parametrize("name", TOO_MUCH)
def test_work_and_memory_are_bounded(name: str) -> None:
    report = check(TOO_MUCH[name], SLOW + TREE, memory=True)
    assert errors(report) == {"too-much-work"}


def test_functions_that_call_each_other_are_refused() -> None:
    helper = "def f(x):\n    return g(x)\ndef g(x):\n    return f(x)\n"
    assert errors(check("x = f(1.0)", helper)) == {"recursion"}
    assert errors(check("x = (lambda f: f(f))(lambda f: f(f))")) == {"recursion"}


NEVER_FINITE = (
    "float('nan')", "np.nan", "-math.inf", "2.0 * float('inf') + next_state.height",
    "np.sqrt(-abs(next_state.height) - 1.0)",
    "math.log(-1.0)", "np.arccos(2.0 + next_state.height ** 2)",
)  # fmt: skip


@pytest.mark.parametrize("text", NEVER_FINITE)
def test_terms_that_are_never_finite_are_refused(text: str) -> None:
    assert errors(check(f'return {{"a": {text}, "b": next_state.height}}')) == {"not-finite"}


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
    "reduced": "x = np.sum(action)\nx *= 2.0",
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
