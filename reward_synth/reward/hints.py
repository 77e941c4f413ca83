"""Repairs for exceptions in reward code, written for a small model to follow."""

from __future__ import annotations

import re

_BY_EXCEPTION = (
    (r"name 'np' is not defined", "put `import numpy as np` in the first line"),
    (r"name 'math' is not defined", "put `import math` in the first line"),
    (r"name '(\w+)' is not defined", r"define `{0}` before it is used, or read the field `next_state.{0}`"),
    (r"local variable '(\w+)'", "give `{0}` a value on every path, for example `{0} = 0.0` first"),
    (r"truth value of an array", "compare one number: use `np.all(...)`, `np.any(...)`, or one element"),
    (r"'float' object is not subscriptable", "this field is one number: remove the index"),
    (r"'float' object is not iterable", "this field is one number: use it directly"),
    (r"'float' object has no attribute '(\w+)'", "this is one number: remove `.{0}`"),
    (r"could not be broadcast together", "combine arrays of one shape only; pick the same number of elements"),
    (r"index (-?\d+) is out of bounds .*size (\d+)", "the array has {1} elements; count from 0"),
    (r"only .* arrays can be converted", "reduce the array to one number first, with `np.sum(x)` or `x[0]`"),
    (r"KeyError", "`memory` is empty at the start of an episode: use `memory.get(name, default)`"),
    (r"ZeroDivisionError", "add 1e-6 to the denominator"),
    (r"has no field `\w+`; did you mean `(\w+)`", "use `{0}`"),
    (r"assignment destination is read-only", "state and action cannot be changed: make a new array"),
    (r"RecursionError", "use a loop instead of a function that calls itself"),
    (r"module 'numpy.*' has no attribute", "use a function that numpy has, or write it out with + - * /"),
)


def fix_for(text: str) -> str:
    """What to write instead, for an exception with this text; empty if nothing fits."""
    for pattern, fix in _BY_EXCEPTION:
        match = re.search(pattern, text)
        if match:
            return fix.format(*match.groups())
    return ""
