"""Repairs for what goes wrong when reward code runs, written for a small model to follow."""

from __future__ import annotations

import re

_BY_RULE = {
    "no-function": "define `def compute_reward(state, action, next_state):` at the top level of the file",
    "wrong-signature": "write `def compute_reward(state, action, next_state):` (or, to remember things "
    "within an episode, `def compute_reward(state, action, next_state, memory):`)",
    "wrong-return": 'return named terms, for example `return {"forward": forward, "effort": effort}`',
    "wrong-shape": "make it one number: pick an element, as in `x[0]`, or reduce it with `np.sum(x)`, "
    "`np.mean(x)` or `np.linalg.norm(x)`",
    "wrong-type": "make it a float",
    "new-term": "return the same term names on every path; a term that does not apply is 0.0",
    "term-name": "use plain names such as `forward_velocity`",
    "too-many-terms": "join terms that belong together",
    "not-finite": "guard it: add 1e-6 to a denominator, use `np.sqrt(max(x, 0.0))`, `np.log(max(x, 1e-6))`, "
    "`np.arccos(np.clip(x, -1.0, 1.0))`, `np.exp(min(x, 20.0))`",
    "memory": "make no large arrays; a reward needs a few numbers only",
    "impure": "keep nothing outside of the function; within an episode use the parameter `memory`",
    "forbidden": "delete it: a reward computes numbers and cannot open files, sockets, processes or more memory",
}

_BY_EXCEPTION = (
    (r"name 'np' is not defined", "put `import numpy as np` in the first line"),
    (r"name 'math' is not defined", "put `import math` in the first line"),
    (r"name '(\w+)' is not defined", r"define `{0}` before it is used, or read the field `next_state.{0}`"),
    (r"local variable '(\w+)'", "give `{0}` a value on every path, for example `{0} = 0.0` first"),
    (r"truth value of an array", "compare one number: use `np.all(...)`, `np.any(...)`, or one element"),
    (r"'float' object is not subscriptable", "this field is one number: remove the index"),
    (r"'float' object is not iterable", "this field is one number: use it directly"),
    (r"'float' object has no attribute '(\w+)'", "this is one number: remove `.{0}`"),
    (
        r"could not be broadcast together",
        "combine arrays of one shape only; pick the same number of elements",
    ),
    (r"index (-?\d+) is out of bounds .*size (\d+)", "the array has {1} elements; count from 0"),
    (r"only .* arrays can be converted", "reduce the array to one number first, with `np.sum(x)` or `x[0]`"),
    (r"KeyError", "`memory` is empty at the start of an episode: use `memory.get(name, default)`"),
    (r"ZeroDivisionError", "add 1e-6 to the denominator"),
    (r"has no field `\w+`; did you mean `(\w+)`", "use `{0}`"),
    (r"assignment destination is read-only", "state and action cannot be changed: make a new array"),
    (r"RecursionError", "use a loop instead of a function that calls itself"),
    (r"module 'numpy.*' has no attribute", "use a function that numpy has, or write it out with + - * /"),
)


def fix_for(rule: str, text: str) -> str:
    """What to write instead, for a failure of this rule with this text; empty if nothing fits."""
    if rule != "exception":
        return _BY_RULE.get(rule, "")
    for pattern, fix in _BY_EXCEPTION:
        match = re.search(pattern, text)
        if match:
            return fix.format(*match.groups())
    return ""
