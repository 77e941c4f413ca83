from __future__ import annotations

import itertools
import json
import random
import re
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from reward_synth.evaluation.play import field_table
from reward_synth.reward.lint import lint
from reward_synth.reward.namespace import as_number, compile_reward
from reward_synth.reward.vector.form import agree, vectorise
from reward_synth.reward.vector.numbers import Deviates, power
from reward_synth.state.view import Layout, batch_viewer, width
from reward_synth.tasks.spec import load_task

SCALARS: Layout = (("x", ()), ("y", ()), ("touch", ()))
LAYOUT: Layout = (*SCALARS, ("place", (3,)), ("goal", (3,)), ("joints", (9,)), ("turn", (2, 2)))
ACTIONS = 4
SIZES = (1, 2, 3, 4, 9, 16)
HEAD = "import numpy as np\nimport math\nSCALE = 0.5\nAXIS = np.array([0.0, 0.6, 0.8])\nWEIGHTS = [0.5, 0.25, 1.5]\n"
Arrays = tuple[np.ndarray, np.ndarray, np.ndarray]


def function(body: str) -> str:
    """A reward of this body, or of this expression as its only term."""
    if "return" not in body:
        body = f'return {{"t": {body}}}'
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    return f"{HEAD}\ndef compute_reward(state, action, next_state):\n    s = next_state\n{lines}\n"


def terms_of(body: str) -> tuple[str, ...]:
    return ("a", "b") if '"b"' in body else ("t", "u") if '"u"' in body else ("a",) if '"a"' in body else ("t",)


def batch(count: int, seed: int = 0, layout: Layout = LAYOUT, actions: int = ACTIONS) -> Arrays:
    """Random transitions, with some zeros and ties."""
    generator = np.random.default_rng(seed)
    states, after = generator.normal(size=(2, count, width(layout)))
    after[generator.random(after.shape) < 0.05] = 0.0
    return states, generator.uniform(-1, 1, (count, actions)), after


def scalar(source: str, arrays: Arrays, terms: tuple[str, ...], layout: Layout = LAYOUT) -> np.ndarray:
    """Terms (N, K) of the reward called row by row."""
    compute, _ = compile_reward(source)
    view = batch_viewer(layout)
    results = list(map(compute, view(arrays[0]), list(arrays[1]), view(arrays[2])))
    assert {name for result in results for name in result} <= set(terms)
    return np.array([[as_number(result.get(name, 0.0), "term", name) for name in terms] for result in results])


def same(source: str, arrays: Arrays, terms: tuple[str, ...], layout: Layout = LAYOUT) -> bool:
    """Assert that the vector form changes nothing; False if it leaves this batch to the scalar form."""
    form = vectorise(source, layout, arrays[1].shape[1], terms)
    assert form is not None
    with np.errstate(all="ignore"):
        try:
            values = form.call(*arrays)
        except (Deviates, ArithmeticError, ValueError):
            return False
        if not np.isfinite(values).all():
            return False
        # An error that only the scalar form raises ends the test here.
        np.testing.assert_array_equal(values, scalar(source, arrays, terms, layout))
    return True


HANDLED = """
s.x * 2 - state.y / 3.0 + 1
-s.x
+s.x
abs(s.x) + abs(s.y - state.y)
s.x ** 2
s.x ** 3 - abs(s.y) ** 0.5
2.0 ** s.x
s.x // 0.3 + s.y % 2
float(s.x > 0.0)
1.0 if s.x > 0.0 else s.y
s.x * 0.5 if s.x > s.y > -1.0 else -1
math.sqrt(s.x) if s.x > 0.0 else 0.0
math.log(s.x) if s.x > 0 and s.x < 2.0 else s.y
1.0 / s.x if s.x != 0.0 else 5.0
1.0 / (1.0 + math.exp(-s.x))
1.0 / (1.0 + s.x * s.x)
1.0 / max(abs(s.x), 0.1)
1.0 / (np.linalg.norm(s.place) + 1e-6)
math.tanh(s.x) + math.cos(s.y) + math.sin(s.x) + math.exp(s.y) + math.atan2(s.x, s.y) + math.hypot(s.x, s.y)
math.sqrt(s.x * s.x + s.y ** 2) + math.fabs(s.x) + math.pi
max(s.x, 0.0) + min(s.x, 0.0)
max(0.0, s.x) + min(s.x, s.y, 1.0)
max(s.x, s.y) - min(max(s.x, -1), 1)
max([s.x, s.y]) + min((s.x, 0.25))
max(s.place) - min(s.joints)
sum([s.x, s.y, 0.1]) + sum((s.x, s.y))
sum(s.place) + sum(w * p for w, p in zip(WEIGHTS, s.place))
sum([p ** 2 for p in s.place[:2]])
sum([s.x > 0.0, s.y > 0.0, s.touch > 1.0])
5 * (s.x > 0.0) + 0.5 * (s.y > 0.0)
(s.x > 0) + (s.y > 0) - 1
np.exp(-s.x ** 2) + np.tanh(s.y) + np.abs(s.x) + np.sqrt(np.abs(s.y))
np.square(s.x) + np.power(s.x, 2) + np.hypot(s.x, s.y) + np.arctan2(s.x, s.y) + np.sign(s.x)
np.maximum(s.x, 0.0) + np.minimum(s.x, s.y) + np.clip(s.x, -0.5, 0.5) + np.clip(s.y, 0, None)
np.clip(s.place, -0.5, 0.5).sum() + s.place.clip(-0.1, 0.1).mean()
np.where(s.x > 0.0, s.x, -1.0) + np.where(s.x > s.y, 1, 0)
np.sum(np.where(s.place > 0.0, s.place, 0.0))
np.sum(np.where(s.x > 0.0, s.place, s.goal))
np.sum(action) - np.mean(action) + np.sum(np.square(action)) + np.sum(action ** 2) + np.sum(action ** 3)
np.sum(s.joints) + np.mean(s.joints) + np.std(s.joints) + np.var(s.joints)
s.joints.sum() + s.joints.mean() + s.joints.max() + s.joints.min() + s.joints.std()
np.max(np.abs(s.joints)) - np.min(s.joints) + np.prod(s.joints) + np.max(s.x)
np.sum(s.place, axis=0) + np.sum(s.place, axis=-1) + s.place.sum(0)
np.sum(s.turn) + s.turn[0, 1] + s.turn[1][0] + np.mean(s.turn[:, 0]) + np.linalg.norm(s.turn[0])
np.linalg.norm(s.place - s.goal)
np.linalg.norm(s.place[:2]) + np.linalg.norm(s.joints) + np.linalg.norm(s.place, ord=1) + np.linalg.norm(s.goal, ord=2)
np.dot(s.place, s.goal) + s.place @ s.goal + np.inner(s.place, s.place) + np.dot(action, action) + s.place.dot(AXIS)
np.dot(AXIS, s.place) + np.sum(AXIS * s.place) + np.sum(s.x * AXIS) + np.linalg.norm(s.place - AXIS)
np.linalg.norm(np.array([s.x, s.y, 1.0])) + np.sum([s.x, s.y]) + np.mean([s.x, s.touch, s.place[0]])
np.linalg.norm(np.array([0.1, 0.2, 0.3], dtype=float) - s.goal) + np.sum(np.zeros(3) + s.place)
np.sum(np.concatenate([s.place[:2], s.goal]))
np.sum(np.array([s.place, s.goal])) + np.sum(np.array(s.place))
np.any(s.place > 1.0) * 2.0 + np.all(s.place > -1.0) * 0.5 + np.sum(s.place > 0.0) + np.mean(s.joints > 0.0)
np.sum((s.place > 0.0) * 3) + np.sum(5 * (s.place > s.goal) * s.x)
float(any([s.x > 0.0, s.y > 0.0])) + float(all(p > -1.0 for p in s.place))
float(s.x > 0.0 and s.y > 0.0) + float(s.x > 1.0 or not s.y > 0.0) + bool(s.touch) * 0.5
float(0.0 < s.x <= 1.0) + (np.abs(s.x) < 0.5) * 2.0 + float(-1.0 < np.sin(s.x) < 0.5)
int(s.x > 0.0) / 2 + float((s.place[0] > 0.0) & (s.place[1] > 0.0)) + float(~(s.place[0] > 0.0))
s.place[-1] + s.place[1:].sum() + np.sum(s.joints[::2]) + np.sum(s.joints[[0, 4]]) + len(s.place) + action.shape[0]
np.exp(-np.sum(s.place ** 2)) * SCALE + float(np.float64(s.x)) + s.place.copy()[0] + s.place[0].item()
(s.place[0] + s.x) ** 2 + np.tanh(1.0 / s.place[0])
s.x or s.y
np.minimum(s.x, 0.0) * np.copysign(1.0, max(s.x, 0.0))
0.25
True
np.logical_and(s.x > 0.0, s.y > 0.0) * 1.0 + np.isfinite(s.x) + math.isfinite(s.y) + np.floor(s.x) + np.mod(s.x, 0.3)
"""

BODIES = [
    'v = s.x\nif v > 0.0:\n    v = v * 2.0\nreturn {"t": v}',
    'v = 0\nif s.x > 0.0:\n    v += 1.5\nelif s.x > -0.5:\n    v = s.y\nelse:\n    v -= 1\nreturn {"t": v}',
    'if s.x > 0.0:\n    return {"t": 1.0}\nreturn {"t": s.y}',
    'if s.x > 0.0:\n    if s.y > 0.0:\n        return {"t": 1.0}\n    v = 2.0\nelse:\n    v = s.y\nreturn {"t": v}',
    'if s.x > 0.5:\n    return {"a": 1.0}\nreturn {"a": s.y, "b": s.x}',
    'terms = {}\nterms["a"] = s.x\nterms["b"] = -s.y\nif s.x > 0.0:\n    terms["a"] *= 2.0\nreturn terms',
    'terms = {"a": s.x}\nif s.x > 0.0:\n    terms["b"] = 1.0\nreturn terms',
    'terms = {"a": s.x}\nsame = terms\nif s.x > 0.0:\n    same["a"] = 1.0\nterms["b"] = same["a"]\nreturn terms',
    'total = 0.0\nfor k in range(3):\n    total += s.place[k] * WEIGHTS[k]\nreturn {"t": total}',
    'v = 0.0\nfor k, w in enumerate(WEIGHTS):\n    if s.place[k] > 0.0:\n        v += w\nreturn {"t": v}',
    'found = []\nfor p in s.place:\n    found.append(abs(p))\nreturn {"t": max(found)}',
    'a, b = s.x, s.y\na, b = b, a\nreturn {"t": a - 2.0 * b}',
    'with np.errstate(all="ignore"):\n    v = np.log(s.place[0] ** 2 + 0.1)\nreturn {"t": v}',
    'r = np.linalg.norm(s.place)\nunit = s.place / r\nreturn {"t": unit[0], "u": float(np.dot(unit, AXIS))}',
    'd = {k: v for k, v in zip(("a", "b"), (s.x, s.y))}\nreturn d',
    'if SCALE > 1.0:\n    return {"t": s.missing}\nreturn {"t": s.x}',
    'return {"t": np.tanh(1.0 / np.float64(max(s.x, 0.0)))}',
]

RAISING = [
    'unused = math.sqrt(s.x + 2.0)\nreturn {"t": s.y}',
    'unused = s.x ** 0.5\nreturn {"t": s.y}',
    'unused = 1.0 / s.x\nreturn {"t": s.y}',
    'gone = 1.0 / (1.0 + math.exp(800.0 * s.x))\nreturn {"t": gone}',
    'return {"t": math.tanh(1.0 / max(s.x, 0.0))}',
    "math.log(s.x)",
    "s.x ** 0.5",
    "1.0 / s.x + 0.0 * math.exp(-s.y)",
    "s.x // s.y",
    "math.exp(400.0 * s.x) * 0.0",
    'if s.y > 0.0:\n    v = math.acos(s.x)\nelse:\n    v = 0.0\nreturn {"t": min(v, 1.0)}',
]
"""Codes that raise for some rows; of those batches nothing may come that looks like a value."""

HELPERS = """
import numpy as np
from math import exp, tanh


def soft(value, scale=2.0):
    \"\"\"Between -1 and 1.\"\"\"
    if value < 0.0:
        return scale * value
    return tanh(value / scale)


def reach(s):
    return -float(np.linalg.norm(s.goal - s.place))


def split(v):
    return v[0], v[1:]


def compute_reward(state, action, next_state) -> dict[str, float]:
    first, rest = split(next_state.place)
    gain = reach(next_state) - reach(state)
    return {"soft": soft(next_state.x) + soft(gain, scale=0.1), "gain": gain, "first": first + np.sum(rest)}
"""

REFUSED = [
    "int(s.x)",
    "round(s.x)",
    "round(s.x, 2)",
    "math.floor(s.x)",
    "s.place[int(s.x > 0.0)]",
    "s.place[np.argmax(s.joints[:3])]",
    "np.median(s.place)",
    "np.cumsum(s.place)[-1]",
    "s.place[:1]",
    "sorted(s.place)[0]",
    "s.x[0]",
    "s.x.clip(0.0, 1.0)",
    "1.0 if s.place else 0.0",
    "s.x / 0.0",
    "s.unknown",
    "s.x.real",
    "np.sum(np.float32(0.1) * s.place)",
    "np.exp(s.x > 0.0)",
    "-(s.place[0] > 0.0)",
    "10 ** 20 * (s.x > 0.0)",
    "str(s.x)",
    "np.sum(s.place, keepdims=True)",
    "(lambda v: v)(s.x)",
    'return {"other": 1.0}',
    'return {"t": s.x}["t"]',
    'v = s.place.copy()\nv += 1.0\nreturn {"t": v[0]}',
    'v = s.place.copy()\nv[0] = 1.0\nreturn {"t": v[0]}',
    'v = np.where(s.x > 0.0, 1.0, 0.0)\nw = v\nw += 1.0\nreturn {"t": v}',
    'WEIGHTS.append(1.0)\nreturn {"t": 1.0}',
    'WEIGHTS[0] += 1.0\nreturn {"t": 1.0}',
    'while s.x > 0.0:\n    return {"t": 1.0}\nreturn {"t": 0.0}',
    'try:\n    v = 1.0 / s.x\nexcept ZeroDivisionError:\n    v = 0.0\nreturn {"t": v}',
    'if s.x > 0.0:\n    v = 1.0\nreturn {"t": v}',
    'if s.x > 0.0:\n    return {"t": 1.0}',
    'for k in range(10**9):\n    pass\nreturn {"t": 1.0}',
    'SCALE = SCALE + 1.0\nreturn {"t": SCALE}',
    'with np.errstate(all="raise"):\n    v = s.x\nreturn {"t": v}',
    'terms = {"t": 1.0}\nif s.x > 0.0:\n    terms["u"] = 1.0\nreturn {"t": sum(terms.values())}',
]


@pytest.mark.parametrize("body", [*HANDLED.strip().splitlines(), *BODIES])
def test_the_vector_form_gives_the_same_bits(body: str) -> None:
    for count, seed in itertools.product(SIZES, range(4)):
        assert same(function(body), batch(count, seed), terms_of(body))


@pytest.mark.parametrize("body", RAISING)
def test_what_the_scalar_form_raises_is_not_hidden(body: str) -> None:
    outcomes = [same(function(body), batch(count, seed), terms_of(body)) for count in SIZES for seed in range(40)]
    assert not all(outcomes)


@pytest.mark.parametrize("body", [*HANDLED.strip().splitlines(), *BODIES, *RAISING])
@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf, -0.0, 1e200, 5e-324])
def test_odd_numbers(body: str, odd: float) -> None:
    generator = np.random.default_rng(1)
    for count in (1, 3, 9):
        states, action, after = batch(count, 1)
        after[generator.random(after.shape) < 0.3] = odd
        states[generator.random(states.shape) < 0.1] = odd
        same(function(body), (states, action, after), terms_of(body))


def test_helper_functions_are_unrolled() -> None:
    for count, seed in itertools.product(SIZES, range(4)):
        assert same(HELPERS, batch(count, seed), ("soft", "gain", "first"))


@pytest.mark.parametrize("body", REFUSED)
def test_what_is_not_surely_the_same_is_left_to_the_scalar_form(body: str) -> None:
    assert vectorise(function(body), LAYOUT, ACTIONS, ("t",)) is None


def test_memory_and_what_is_no_reward_are_left_to_the_scalar_form() -> None:
    memory = "def compute_reward(state, action, next_state, memory):\n    return {'t': 1.0}\n"
    for source in (memory, "", "x = (", "import os\n", "def compute_reward(a, b, c):\n    return 1.0\n"):
        assert vectorise(source, LAYOUT, ACTIONS, ("t",)) is None
    recursive = "def f(v):\n    return f(v)\n\ndef compute_reward(a, b, c):\n    return {'t': f(1.0)}\n"
    assert vectorise(recursive, LAYOUT, ACTIONS, ("t",)) is None


def test_terms_come_in_the_order_asked_for_and_missing_ones_are_zero() -> None:
    form = vectorise(function('return {"a": s.x, "b": 1.0}'), LAYOUT, ACTIONS, ("b", "c", "a"))
    assert form is not None
    arrays = batch(3)
    np.testing.assert_array_equal(form.call(*arrays), np.stack([np.ones(3), np.zeros(3), arrays[2][:, 0]], axis=1))


def test_a_helper_may_not_change_what_it_is_given() -> None:
    helper = 'def add(terms, v):\n    if v > 0.0:\n        terms["t"] = v\n    return 0.0\n'
    body = 'terms = {"t": 1.0}\nadd(terms, s.x)\nreturn terms'
    assert vectorise(helper + function(body), LAYOUT, ACTIONS, ("t",)) is None


@pytest.mark.parametrize("count", [1, 7, 8, 16])
def test_powers_are_those_of_python(count: int) -> None:
    # numpy multiplies for a square, which rounds differently in one of a thousand numbers.
    values = np.random.default_rng(0).normal(size=20_000 * count).reshape(-1, count) * 3.0
    expected = [[value**2 for value in row] for row in values.tolist()]
    np.testing.assert_array_equal([power(row, 2.0, None) for row in values], expected)


def test_only_what_is_needed_is_computed() -> None:
    form = vectorise(function("s.x"), LAYOUT, ACTIONS, ("t",))
    assert form is not None
    assert "actions.T" not in form.source
    assert " states.T" not in form.source


def test_agreement_allows_for_rounding_only() -> None:
    terms = np.array([[1.0, 0.0], [np.nan, 1e6]])
    assert agree(terms * (1.0 + 1e-15), terms)
    assert not agree(terms + 1e-9, terms)


def test_rewards_that_models_wrote() -> None:
    lines = (Path(__file__).parents[1] / "corpus.jsonl").read_text(encoding="utf-8").splitlines()
    written = handled = 0
    for reward in map(json.loads, lines):
        spec, source = load_task(reward["task"]), reward["source"]
        if spec.simulator != "gym" and find_spec(PACKAGES[spec.simulator]) is None:
            continue
        if compile_reward(source)[1]:
            continue  # It takes a memory, and is therefore computed row by row.
        table = field_table(spec).for_rewards()
        read = lint(source, table.layout(), action_size=len(table.actions)).fields
        written += 1
        handled += model_reward_is_the_same(source, table.subset(read).layout(), len(table.actions))
    assert written >= 13
    assert handled / written > 0.9


PACKAGES = {"metaworld": "metaworld", "maniskill": "mani_skill", "crafter": "crafter"}


def model_reward_is_the_same(source: str, layout: Layout, actions: int) -> bool:
    """Compare the forms on numbers around zero."""
    terms = tuple(re.findall(r'^        "(\w+)": ', source, re.MULTILINE))
    if vectorise(source, layout, actions, terms) is None:
        return False
    outcomes = []
    for count, seed in itertools.product((1, 3, 6, 16), range(4)):
        states, action, after = batch(count, seed, layout, actions)
        outcomes.append(same(source, (np.clip(states, -1, 1), action, np.clip(after, -1, 1)), terms, layout))
    assert all(outcomes)
    return True


FORMS = """
({a} + {b})
({a} - {b})
({a} * {b})
({a} / {b})
(-{a})
abs({a})
max({a}, {b})
min({a}, {b})
max([{a}, {b}, {c}])
float({a})
({a} if {b} > {c} else {d})
({a} if {b} > {c} and {c} < {d} else {b})
({a} or {b})
sum([{a}, {b}])
({a} > {b}) * {c}
((0.0 < {a} < {b}) + {c})
({a}) ** 2
math.tanh({a})
math.log({a})
math.exp(-abs({a}))
math.sqrt(abs({a}))
np.exp(-abs({a}))
np.clip({a}, -1.0, 1.0)
np.maximum({a}, {b})
np.where({a} > {b}, {c}, {d})
np.linalg.norm(s.place * {a})
np.sum(s.goal - {a})
np.sum(np.array([{a}, {b}, 1.0]) * s.place)
np.mean(action * {a})
"""


def test_random_expressions() -> None:
    generator = random.Random(0)
    compared = handled = 0
    for _ in range(400):
        source = function(expression(generator, 4))
        if vectorise(source, LAYOUT, ACTIONS, ("t",)) is None:
            continue
        handled += 1
        compared += sum(same(source, batch(count, handled), ("t",)) for count in (1, 3, 9))
    assert handled > 250
    assert compared > handled


def expression(generator: random.Random, depth: int) -> str:
    """Text of a random number."""
    if depth == 0 or generator.random() < 0.1:
        return generator.choice(["s.x", "state.y", "s.place[1]", "action[0]", "0.0", "1.5", "2", "-1", "SCALE"])
    form = generator.choice(FORMS.strip().splitlines())
    return form.format(**{name: expression(generator, depth - 1) for name in "abcd"})
