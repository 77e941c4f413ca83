# ruff: noqa: RUF005  (lists of kinds are longer than lines)
"""Defects of known kind, planted in kept rewards: the material of `benchmarks/lint_ablation.py`.

A kind is text with holes: `@F` a number of the next state that takes both signs if there is one, `@V` an array, `@N`
its length, `@T` the reward's own first term, `@FAR` a number that `@F` exceeds neither on recorded nor on sampled
transitions. A kind whose name ends in `(rare)` is behind `@F > @FAR`: no run of the code on such transitions meets it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from reward_synth.screening.checker import RewardChecker
from reward_synth.screening.probe import RANDOM_ROWS, Transitions
from reward_synth.state.view import column_indices

Harm = Literal["wrong", "crash", "slow", "none"]
"""What it does where nothing finds it: the reward is another one than was meant; the training ends early with a finding
of its own; it is slow, or ended by its process's deadline or memory; nothing."""


@dataclass(frozen=True)
class Kind:
    """One kind of defect."""

    name: str
    harm: Harm
    term: str = "@T"
    """What stands in the place of the first term."""
    lines: str = ""
    """Before everything else in the function."""
    head: str = ""
    """At the top of the file."""
    memory: bool = False
    returned: str = ""
    """The whole `return`, where it is not a dict with the first term changed."""


def _kinds(harm: Harm, text: str) -> list[Kind]:
    """Kinds of one line each: a name, a bar, and the first term."""
    rows = [line.partition("|") for line in text.strip().splitlines()]
    return [Kind(name.strip(), harm, term=term.strip()) for name, _, term in rows]


def _before(harm: Harm, text: str, head: str = "", memory: bool = False) -> list[Kind]:
    """Kinds of one line each: a name, a bar, and statements that stand before the reward's own."""
    rows = [line.partition("|") for line in text.strip().splitlines()]
    statements = [(name.strip(), lines.strip().replace(" ;; ", "\n")) for name, _, lines in rows]
    return [Kind(name, harm, lines=lines, head=head, memory=memory) for name, lines in statements]


UNDEFINED = _kinds(
    "crash",
    """
    np.sqrt of a signed field            | @T + 0.1 * float(np.sqrt(@F))
    math.sqrt of a signed field          | @T + 0.1 * math.sqrt(@F)
    np.log of a signed field             | @T + 0.1 * float(np.log(@F))
    math.log of a distance               | @T - 0.1 * math.log(abs(@F))
    np.log1p of a signed field           | @T + 0.1 * float(np.log1p(3.0 * @F))
    np.arccos of an unbounded number     | @T - 0.1 * float(np.arccos(2.0 * @F))
    np.arccos of a cosine by rounding    | @T - 0.1 * float(np.arccos(np.dot(@V, @V) / np.linalg.norm(@V) ** 2))
    root of what is left of a square     | @T + 0.1 * float(np.sqrt(1.0 - (3.0 * @F) ** 2))
    np.power with a fraction             | @T + 0.1 * float(np.power(@F, 0.5))
    ** with a fraction: complex          | @T + 0.1 * @F ** 0.5
    np.arctanh                           | @T + 0.1 * float(np.arctanh(2.0 * @F))
    division by a field                  | @T + 0.01 / (@F - @F)
    division by a change                 | @T + 0.01 * @F / (@F - state.@f)
    division by the norm of the action   | @T / np.linalg.norm(action)
    division by the size of the action   | @T / float(np.sum(np.abs(action)))
    overflow of np.exp                   | @T + 0.1 * float(np.exp(9000.0 * @F))
    overflow of math.exp                 | @T + 0.1 * math.exp(9000.0 * abs(@F))
    float nan                            | @T + float("nan") * @F
    infinity kept from the start         | @T + min([math.inf])
    """,
) + [
    Kind("np.sqrt through a name", "crash", "@T + float(np.sqrt(level))", "level = @F\nlevel = level - 0.01"),
    Kind("np.log in a helper", "crash", "@T + shaped(@F)", head="def shaped(x):\n    return float(np.log(x))\n"),
    Kind("np.sqrt below the recorded range (rare)", "crash", "@T + 0.0 * float(np.sqrt(@FAR - @F))"),
    Kind("np.log (rare)", "crash", "@T + 0.1 * float(np.log(-@F))" + " if @F > @FAR else @T"),
    Kind("division by zero (rare)", "crash", "@T / (@F - @F) if @F > @FAR else @T"),
    Kind("float nan (rare)", "crash", '@T + float("nan") if @F > @FAR else @T'),
]
SCALE = _kinds(
    "wrong",
    """
    a weight of 1e8                      | 1e8 * @T
    a high power                         | @T + 1e8 * @F ** 9
    an exponent of 80                    | @T + @F ** 80
    a number beyond 1e9                  | @T + 1e12 * @F
    """,
)
DEAD = _kinds(
    "wrong",
    """
    a condition that never holds         | @T if @F > @FAR else 0.0
    a constant term                      | 0.5
    a term that cancels                  | @T - (@T)
    the negative part of a size          | max(0.0, -abs(@F))
    """,
) + [
    Kind("all terms constant", "wrong", returned='return {"alive": 1.0, "near": 0.0 * @F}'),
    Kind("a doubled term", "wrong", returned='return {"near": @T, "close": @T, "far": @F}'),
    Kind("a total among the terms", "wrong", returned='return {"near": @T, "far": @F, "total": @T + @F}'),
    Kind("two terms of one name", "wrong", returned='return {"near": @T, "near": @F}'),
]
FORM = _kinds(
    "crash",
    """
    an array as a term                   | @T + @V
    an array of one element              | np.array([@T])
    a norm along an axis that is not     | @T + np.linalg.norm(@V, axis=1)
    an index beyond the array            | @T + @V[@N]
    a number indexed                     | @T + @F[0]
    shapes that do not fit               | @T + float(np.sum(@V + np.zeros(@N + 1)))
    a text as a term                     | "high"
    None as a term                       | None
    truth of an array                    | @T if @V > 0.0 else 0.0
    the whole state as an array          | @T + float(np.sum(next_state))
    the whole state as a number          | @T + float(state)
    the state indexed                    | @T + next_state[0]
    an index beyond the array (rare)     | @T + @V[@N] if @F > @FAR else @T
    truth of an array (rare)             | (1.0 if @V > 0.0 else 0.0) if @F > @FAR else @T
    the whole state as an array (rare)   | float(np.sum(next_state)) if @F > @FAR else @T
    """,
) + [
    Kind("an index beyond the array by a name", "crash", "@T + place[@N]", "place = @V"),
    Kind("an index in a helper", "crash", "@T + last(@V)", head="def last(x):\n    return x[@N]\n"),
    Kind("a number indexed in a helper", "crash", "@T + last(@F)", head="def last(x):\n    return x[0]\n"),
    Kind("a tuple returned", "crash", returned='return @T, {"near": @T}'),
    Kind("one number returned", "crash", returned="return @T"),
    Kind("a term missing on one path", "none", lines='if @F > 0.0:\n    return {"up": 1.0}'),
    Kind("no return on one path", "crash", returned='if @F > 0.0:\n    return {"near": @T}'),
    Kind("no return on one path (rare)", "crash", returned='if @F < @FAR:\n    return {"near": @T}'),
    Kind("a new term (rare)", "crash", lines='if @F > @FAR:\n    return {"up": 1.0}'),
    Kind("states compared", "wrong", "@T if next_state == state else 2.0 * @T"),
    Kind("a state in a text", "none", lines='name = f"{state}"'),
    Kind("% on a text", "none", lines='name = "%s" % @F'),
    Kind("a loop over a set", "none", "@T + sum(w * @F for w in {0.1, 0.2})"),
]
NAMES = _kinds(
    "crash",
    """
    a field that is not                  | @T + next_state.@fx
    a field without its state            | @T + @f
    a function that is not               | @T + float(np.norm(@V))
    a name that is not                   | @T + WEIGHT
    the judge's field                    | @T + next_state.success
    a field as a text                    | @T + next_state["@f"]
    a field that is not (rare)           | next_state.@fx if @F > @FAR else @T
    a name that is not (rare)            | WEIGHT if @F > @FAR else @T
    """,
)
WRITES = _before(
    "crash",
    """
    action changed                       | action *= 0.5
    action changed by another name       | a = action ;; a *= 0.5
    action changed by a slice            | a = action[:1] ;; a[0] = 0.0
    action changed in a list             | a = [action] ;; a[0][0] = 0.0
    action written to by out             | np.clip(action, -0.5, 0.5, out=action)
    action written to by a position      | np.add(action, action, action)
    a field's array changed by a name    | v = @V ;; v -= 1.0
    a field set                          | next_state.@f = 0.0
    action changed in a helper           | wipe(action)
    action changed by a name (rare)      | if @F > @FAR: a = action; a *= 0.5
    action changed in a helper (rare)    | if @F > @FAR: wipe(action)
    """,
    head="def wipe(x):\n    x[:] = 0.0\n",
)
OUTSIDE = _before(
    "wrong",
    """
    kept at module level                 | BEST["f"] = max(BEST["f"], @F) ;; if BEST["f"] > 1.0: return {"near": 0.0}
    kept at module level by a name       | b = BEST ;; b["f"] += 1.0 ;; if b["f"] > 9.0: return {"near": 0.0}
    kept at module level by a helper     | bump(BEST) ;; if BEST["f"] > 9.0: return {"near": 0.0}
    a module-level list grows            | SEEN.append(@F) ;; if len(SEEN) > 9: return {"near": 0.0}
    kept at module level, never read     | BEST["f"] = @F
    kept at module level (rare)          | if BEST["f"] > 0.0: return {"near": 0.0} ;; if @F > @FAR: BEST["f"] = 1.0
    kept at module level by a name (rare)| if BEST["f"]: return {"near": 0.0} ;; b = BEST ;; if @F > @FAR: b["f"] = 1.0
    """,
    head='BEST = {"f": 0.0}\nSEEN = []\ndef bump(d):\n    d["f"] += 1.0\n',
) + _before(
    "none",
    """
    a list in memory grows               | memory.setdefault("f", []).append(@F)
    a list in memory grows by a name     | kept = memory.setdefault("f", []) ;; kept.append(@F)
    a key of memory that is a number     | memory[0] = @F
    """,
    memory=True,
)
OUTSIDE += _before(
    "crash", 'memory read before it is written     | last = memory["f"] ;; memory["f"] = @F', memory=True
)
OUTSIDE += [
    Kind(
        "a default that is kept",
        "wrong",
        "@T + kept(@F)",
        head="def kept(x, s=[0.0]):\n    s[0] += 1\n    return s[0]\n",
    )
]
WORK = _before(
    "slow",
    """
    1e8 rounds                           | total = 0.0 ;; for k in range(10**8): total += k * @F
    rounds by the data                   | total = 0.0 ;; for k in range(int(1e8 * abs(@F))): total += k
    1e6 rounds in two loops              | total = 0.0 ;; for a in range(1000): total += sum(k for k in range(1000))
    a matrix of 5,000 by 5,000           | total = float(np.sum(np.zeros((5000, 5000))))
    size in a variable                   | n = 5000 ;; total = float(np.sum(np.zeros((n, n))))
    a list of 1e9                        | many = [0.0] * 10**9
    a list that doubles                  | many = [1.0] ;; for k in range(40): many = many + many
    a number that is squared             | n = 3 ;; for k in range(40): n *= n
    pairs in a comprehension             | total = sum(1 for a in range(3000) for b in range(3000))
    all pairs of an array                | v = np.arange(3000.0) ;; total = float(np.sum(v[:, None] * v[None, :]))
    a power by the data                  | n = 7 ** int(1e7 * abs(@F))
    a number rounded to 1e8 places       | n = round(5, -10**8)
    3,000 rounds                         | total = 0.0 ;; for k in range(3000): total += k * @F
    a matrix of 300 by 300               | total = float(np.sum(np.zeros((300, 300))))
    1e8 rounds (rare)                    | if @F > @FAR: n = sum(k for k in range(10**8))
    rounds by the data (rare)            | for k in range(int(1e9 * max(0.0, @F - @FAR))): pass
    a list of 1e9 (rare)                 | if @F > @FAR: n = [0.0] * 10**9
    a number that is squared (rare)      | n = 3 ;; for k in range(40 if @F > @FAR else 1): n *= n
    """,
) + _before(
    "slow",
    "a tree of calls                      | n = c0(@F)",
    head="".join(f"def c{k}(x):\n    return c{k + 1}(x) + c{k + 1}(x)\n" for k in range(24))
    + "def c24(x):\n    return x\n",
) + _before(
    "crash",
    """
    a function that calls itself         | n = f(@F)
    functions that call each other       | n = g(@F)
    a function that calls itself (rare)  | if @F > @FAR: n = f(@F)
    functions that call each other (rare)| if @F > @FAR: n = g(@F)
    """,
    head="def f(x):\n    return f(x + 1.0)\ndef g(x):\n    return h(x)\ndef h(x):\n    return g(x)\n",
)  # fmt: skip
KINDS = {
    "undefined": UNDEFINED, "scale": SCALE, "dead": DEAD, "form": FORM, "names": NAMES, "writes": WRITES,
    "outside": OUTSIDE, "work": WORK,
}  # fmt: skip


@dataclass(frozen=True)
class Host:
    """A sound kept reward, and what stands for the holes."""

    checker: RewardChecker
    name: str
    source: str
    field: str
    far: float
    array: str
    length: int

    def filled(self, text: str, term: str) -> str:
        """The text without its holes."""
        values = {
            "@FAR": f"{self.far:.6g}", "@F": f"next_state.{self.field}", "@fx": f"{self.field}x", "@f": self.field,
            "@V": self.array, "@N": str(self.length), "@T": f"({term})",
        }  # fmt: skip
        for hole, value in values.items():
            text = text.replace(hole, value)
        return text


@dataclass(frozen=True)
class Defect:
    """A kind planted in a host."""

    group: str
    kind: Kind
    host: Host
    source: str


def host(checker: RewardChecker, name: str, source: str, others: Transitions) -> Host:
    """What a reward of the task has to be planted with.

    :param others: the transitions that the probe samples, rows of all fields.
    """
    shown = checker.table.for_rewards()
    real = checker.reference_episodes.transitions(shown.names).next_states
    layout = shown.layout()
    assert len(others) == RANDOM_ROWS
    numbers = [(field, column_indices(layout, (field,))[0]) for field, shape in layout if shape == ()]
    signed = [(f, c) for f, c in numbers if real[:, c].min() < -0.05 and real[:, c].max() > 0.05]
    field, column = signed[0] if signed else max(numbers, key=lambda pair: float(np.ptp(real[:, pair[1]])))
    far = 1.5 * max(float(real[:, column].max()), float(others.next_states[:, column].max()), 1.0)
    arrays = [(f"next_state.{f}", shape[0]) for f, shape in layout if len(shape) == 1 and shape[0] > 1]
    array, length = arrays[0] if arrays else ("action", len(shown.actions))
    return Host(checker, name, source, field, far, array, length)


def planted(place: Host, group: str, kind: Kind) -> Defect | None:
    """The defect in the host; None where the host's last statement is no `return {…}`."""
    tree = ast.parse(place.source)
    function = next(n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == "compute_reward")
    last = function.body[-1]
    if not (isinstance(last, ast.Return) and isinstance(last.value, ast.Dict) and last.value.values):
        return None
    term = ast.unparse(last.value.values[0])
    if kind.memory and len(function.args.args) == 3:
        function.args.args.append(ast.arg("memory"))
    if kind.returned:
        function.body[-1:] = _statements(place.filled(kind.returned, term))
    else:
        last.value.values[0] = ast.parse(place.filled(kind.term, term), mode="eval").body
    if kind.lines:
        begin = int(ast.get_docstring(function) is not None)
        function.body[begin:begin] = _statements(place.filled(kind.lines, term))
    imports = [n for n in tree.body if isinstance(n, ast.Import | ast.ImportFrom)]
    rest = [n for n in tree.body if n not in imports]
    head = ast.parse("import math\nimport numpy as np\n" + place.filled(kind.head, term)).body
    tree.body = [*(n for n in imports if isinstance(n, ast.ImportFrom)), *head, *rest]
    return Defect(group, kind, place, ast.unparse(ast.fix_missing_locations(tree)) + "\n")


def _statements(text: str) -> list[ast.stmt]:
    """Statements of a function's body."""
    function = ast.parse("def f():\n" + "\n".join(f"    {line}" for line in text.splitlines())).body[0]
    assert isinstance(function, ast.FunctionDef)
    return function.body


def sound(place: Host) -> Defect | None:
    """The host written anew without a defect: what must raise no alarm."""
    return planted(place, "sound", replace(Kind("sound", "none"), term="@T"))


def defects(hosts: list[Host], each: int) -> Iterator[Defect]:
    """Every kind in so many hosts, in turn."""
    turn = 0
    for group, kinds in KINDS.items():
        for kind in kinds:
            for _ in range(each):
                found = planted(hosts[turn % len(hosts)], group, kind)
                turn += 1
                if found is not None:
                    yield found
