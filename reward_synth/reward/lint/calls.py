"""What the functions of numpy, ``math`` and Python make of what the lint knows of their arguments."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

from reward_synth.reward.lint.allowed import words
from reward_synth.reward.lint.values import (
    INFINITY,
    NOWHERE,
    UNKNOWN,
    Shape,
    Value,
    elementwise,
    is_array,
    join,
    number,
    shape_of,
)

SHARING = words(
    """
    asarray atleast_1d atleast_2d reshape ravel squeeze transpose swapaxes moveaxis expand_dims flip rot90
    diagonal diag real T
    """
)
"""What gives the same memory in another shape."""

_REDUCTIONS = words(
    """
    sum mean max min amax amin median std var ptp any all argmax argmin norm prod nansum nanmean nanmax nanmin
    average count_nonzero percentile quantile trace allclose array_equal det item vdot inner trapezoid
    """
)
_WITHIN = words(
    """
    mean max min amax amin median nanmean nanmax nanmin average percentile quantile item
    """
)
_NOT_NEGATIVE = words(
    """
    norm std var ptp count_nonzero argmax argmin
    """
)
_TRUTHS = words(
    """
    any all allclose array_equal isfinite isnan isinf isclose
    """
)
_SAME_BOUNDS = words(
    """
    array copy astype flatten sort repeat roll float64 float32 tolist flip sorted list tuple set frozenset
    reversed round around rint floor ceil trunc float int
    """
)


def _exponential(value: float) -> float:
    return math.exp(value) if value < 700.0 else INFINITY


_BOUNDS: dict[str, Callable[[float, float], tuple[float, float]]] = {
    "exp": lambda low, high: (_exponential(low), _exponential(high)),
    "abs": lambda low, high: (max(low, -high, 0.0), max(abs(low), abs(high))),
    "sqrt": lambda low, high: (math.sqrt(max(low, 0.0)), math.sqrt(max(high, 0.0))),
    "square": lambda low, high: (max(low, -high, 0.0) ** 2, max(abs(low), abs(high)) ** 2),
    "negative": lambda low, high: (-high, -low),
    "nan_to_num": lambda low, high: (low, high),
    "log1p": lambda low, high: (0.0 if low >= 0.0 else -INFINITY, INFINITY),
}
_BOUNDS |= dict.fromkeys(("fabs", "absolute"), _BOUNDS["abs"])
_BOUNDS |= dict.fromkeys(("tanh", "sin", "cos", "sign", "sinc"), lambda low, high: (-1.0, 1.0))
_BOUNDS |= dict.fromkeys(("arctan", "atan", "arcsin", "asin"), lambda low, high: (-math.pi / 2, math.pi / 2))
_BOUNDS |= dict.fromkeys(("arctan2", "atan2"), lambda low, high: (-math.pi, math.pi))
_BOUNDS |= dict.fromkeys(("arccos", "acos"), lambda low, high: (0.0, math.pi))
_BOUNDS |= dict.fromkeys(("hypot", "isqrt", "cosh"), lambda low, high: (0.0, INFINITY))

NEEDS: dict[str, tuple[float, float, str]] = {
    "sqrt": (0.0, INFINITY, "np.sqrt(np.maximum({0}, 0.0))"),
    "log": (5e-324, INFINITY, "np.log(np.maximum({0}, 1e-6))"),
    "log2": (5e-324, INFINITY, "np.log2(np.maximum({0}, 1e-6))"),
    "log10": (5e-324, INFINITY, "np.log10(np.maximum({0}, 1e-6))"),
    "log1p": (-1.0 + 1e-16, INFINITY, "np.log1p(np.maximum({0}, 0.0))"),
    "arccos": (-1.0, 1.0, "np.arccos(np.clip({0}, -1.0, 1.0))"),
    "arcsin": (-1.0, 1.0, "np.arcsin(np.clip({0}, -1.0, 1.0))"),
    "acos": (-1.0, 1.0, "math.acos(min(1.0, max(-1.0, {0})))"),
    "asin": (-1.0, 1.0, "math.asin(min(1.0, max(-1.0, {0})))"),
}
"""Functions that are NaN, infinite or raise outside of an interval, and a form that cannot."""


def result_of(name: str, values: list[Value], options: dict[str, Value]) -> Value:
    """Value of a call of a listed function, or of the method of that name with its owner as first value."""
    first = values[0] if values else UNKNOWN
    data = any(value.data for value in [*values, *options.values()])
    if name in ("maximum", "minimum", "fmax", "fmin", "max", "min") and len(values) > 1:
        choose = max if "max" in name else min
        return elementwise(values, choose(v.low for v in values), choose(v.high for v in values))
    if name == "clip":
        limits = [*values[1:3], *options.values()]
        low = limits[0].low if limits else -INFINITY
        high = limits[1].high if len(limits) > 1 else INFINITY
        return elementwise([first], min(max(low, first.low), high), max(min(high, first.high), low))
    if name == "where" and len(values) == 3:
        chosen = join(values[1:])
        return replace(elementwise(values, chosen.low, chosen.high), undefined=chosen.undefined)
    if name in _TRUTHS and name not in _REDUCTIONS:
        return elementwise([first], 0.0, 1.0)
    if name in _REDUCTIONS:
        return _reduced(name, first, "axis" in options or len(values) > 1, data)
    sized = _shaped(name, values, options)
    bounds = _bounds_of(name, values)
    # What is an array stays the same memory; what was a list is copied into a new one.
    sites = first.sites if name in SHARING and first.kind in ("array", "any") else NOWHERE
    if sized is not None:
        return Value("array" if sized else "number", *bounds, data=data, shape=sized or None, sites=sites)
    if name in SHARING:
        return Value("array" if is_array(first) else "any", *bounds, data=data, sites=sites)
    if name in _BOUNDS or name in _ELEMENTWISE:
        undefined = first.undefined and name in ("sqrt", "abs", "negative", "square")
        return replace(elementwise(values, *bounds), undefined=undefined)
    return Value("array" if any(map(is_array, values)) else "any", *bounds, data=data)


_ELEMENTWISE = words(
    """
    add subtract multiply divide true_divide mod fmod power floor ceil trunc log log2 log10 tan sinh arcsinh
    arctanh greater greater_equal less less_equal equal not_equal logical_and logical_or logical_not heaviside
    copysign remainder floor_divide round around deg2rad rad2deg radians degrees float_power reciprocal
    """
)


def _bounds_of(name: str, values: list[Value]) -> tuple[float, float]:
    first = values[0] if values else UNKNOWN
    if name in ("zeros", "zeros_like"):
        return 0.0, 0.0
    if name in ("ones", "ones_like"):
        return 1.0, 1.0
    if name in ("full", "full_like") and len(values) > 1:
        return values[1].low, values[1].high
    if name in _BOUNDS:
        return _BOUNDS[name](first.low, first.high)
    if name in _SAME_BOUNDS:
        return _depth_bounds(first).low, _depth_bounds(first).high
    return (first.low, first.high) if name in SHARING else (-INFINITY, INFINITY)


def _depth_bounds(value: Value) -> Value:
    for _ in range(4):
        if value.kind not in ("list", "tuple", "set", "range"):
            break
        value = value.element
    return value


def _reduced(name: str, first: Value, by_axis: bool, data: bool) -> Value:
    inner = _depth_bounds(first)
    low, high = -INFINITY, INFINITY
    if name in _TRUTHS:
        low, high = 0.0, 1.0
    elif name in _WITHIN:
        low, high = inner.low, inner.high
    elif name in _NOT_NEGATIVE:
        low = 0.0
    elif name in ("sum", "nansum", "trapezoid"):
        size = 1.0
        for length in shape_of(first) or (INFINITY,):
            size *= length
        low = 0.0 if inner.low >= 0.0 else min(inner.low, inner.low * size)
        high = 0.0 if inner.high <= 0.0 else max(inner.high, inner.high * size)
    kind = "any" if by_axis and name not in ("allclose", "array_equal", "inner", "vdot", "item") else "number"
    return Value("number" if kind == "number" else "any", low, high, data=data)


def dimensions(value: Value) -> Shape | None:
    """The shape that a number, tuple or list stands for as an argument."""
    if value.kind == "number":
        return (max(value.high, 0.0),) if value.high < INFINITY or value.data else None
    if value.elements:
        parts = [dimensions(element) for element in value.elements]
        return None if None in parts else tuple(part[0] for part in parts if part)
    if value.kind in ("list", "tuple") and value.items is not None and value.shape:
        part = dimensions(value.items)
        return part * int(min(value.shape[0], 8.0)) if part else None
    return None


def _shaped(name: str, values: list[Value], options: dict[str, Value]) -> Shape | None:
    """Shape of what a function makes, where its arguments tell it."""
    first = values[0] if values else UNKNOWN
    shape = shape_of(first)
    if "shape" in options or name in _MADE:
        return _made(name, values, options)
    if name in ("array", "asarray", "copy", "astype", "sort", "roll", "flip", "cumsum", "nan_to_num"):
        return shape
    if name in ("zeros_like", "ones_like", "full_like", "negative", "square", "abs", "exp", "tanh", "sqrt"):
        return shape
    if shape is None:
        return None
    size = math.prod(shape)
    if name in ("ravel", "flatten"):
        return (size,)
    if name in ("repeat", "vander") and len(values) > 1:
        times = dimensions(values[1])
        return (size, times[0]) if times else None
    if name == "diag" and len(shape) == 1:
        return (size, size)
    if name in ("outer", "kron") and len(values) > 1:
        other = shape_of(values[1])
        return None if other is None else (size, math.prod(other))
    if name in ("concatenate", "hstack", "vstack", "stack", "column_stack", "append") and values:
        total = size if name != "append" else size + math.prod(shape_of(values[-1]) or (1.0,))
        return (total,)
    return None


_MADE = words("zeros ones full empty eye identity arange linspace logspace geomspace")


def _made(name: str, values: list[Value], options: dict[str, Value]) -> Shape | None:
    """Shape of an array that is made from its size."""
    first = values[0] if values else UNKNOWN
    if "shape" in options:
        return dimensions(options["shape"])
    if name in ("zeros", "ones", "full", "empty") and values:
        return dimensions(first)
    if name in ("eye", "identity") and values:
        one = dimensions(first)
        return None if one is None else one * 2
    if name == "arange" and values:
        low, high = (0.0, first.high) if len(values) == 1 else (first.low, values[1].high)
        step = values[2].low if len(values) > 2 else 1.0
        known = high < INFINITY or any(value.data for value in values)
        return (max(0.0, (high - low) / step),) if known and step > 0.0 else None
    if name in ("linspace", "logspace", "geomspace"):
        return dimensions(options.get("num", values[2] if len(values) > 2 else number(50.0)))
    return None
