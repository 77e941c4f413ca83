"""The namespace that generated code runs in, and how its source becomes a function.

The locked reward process imports this module, so it may import numpy and the standard library only. The short
list of builtins gives a model an early, readable error. It does not contain hostile code; the kernel's locks do.
"""

from __future__ import annotations
import __future__

import ast
import builtins
import math
from collections.abc import Callable, Mapping, Sequence
from types import FunctionType
from typing import Any, Literal

import numpy as np

from reward_synth.core.syntax import parse

Entry = Literal["compute_reward", "success", "fitness"]
FILE_NAME = "reward.py"
"""File name of the code in tracebacks."""

BUILTINS = (
    "abs", "all", "any", "bool", "dict", "divmod", "enumerate", "filter", "float", "frozenset", "int",
    "isinstance", "len", "list", "map", "max", "min", "range", "reversed", "round", "set", "slice",
    "sorted", "str", "sum", "tuple", "zip",
    "ArithmeticError", "Exception", "FloatingPointError", "IndexError", "KeyError", "OverflowError",
    "TypeError", "ValueError", "ZeroDivisionError",
)  # fmt: skip
MODULES = ("numpy", "math", "typing", "__future__")
PARAMETERS = ("state", "action", "next_state")


class ContractBreach(Exception):
    """The code does not keep the contract; the first argument is the rule, the second the message."""


def _import(
    name: str,
    globals: Mapping[str, object] | None = None,
    locals: Mapping[str, object] | None = None,
    fromlist: Sequence[str] | None = (),
    level: int = 0,
) -> Any:
    # numpy's own C code imports parts of numpy with the import function of the code that called it.
    if level or not (name in MODULES or name.startswith("numpy.")):
        raise ImportError(f"only `import numpy as np` and `import math` are available, not `{name}`")
    return builtins.__import__(name, globals, locals, fromlist or (), level)


def new_namespace(**values: object) -> dict[str, Any]:
    """Globals for generated code: the allowed builtins, an import of numpy and math only, and ``values``."""
    allowed = {name: getattr(builtins, name) for name in BUILTINS}
    return {"__builtins__": {**allowed, "__import__": _import}, "__name__": "reward", **values}


def _run(source: str | ast.Module, namespace: dict[str, Any]) -> None:
    # With this flag annotations are not evaluated: models copy `state: State` from the stub, but no such class exists.
    flags = __future__.annotations.compiler_flag
    exec(compile(source, FILE_NAME, "exec", flags=flags, dont_inherit=True), namespace)


def compile_reward(source: str) -> tuple[Callable[..., Any], bool]:
    """Run the source and return ``compute_reward`` and whether it takes ``memory``.

    :raises ContractBreach: if there is no such function, or it does not have the parameters of the contract.
    :raises Exception: whatever the source raises.
    """
    namespace = new_namespace()
    _run(source, namespace)
    function = namespace.get("compute_reward")
    if not isinstance(function, FunctionType):
        raise ContractBreach("no-function", "there is no function `compute_reward`")
    count = function.__code__.co_argcount
    if count not in (3, 4) or function.__code__.co_kwonlyargcount:
        raise ContractBreach("wrong-signature", f"`compute_reward` takes {count} parameters")
    return function, count == 4


def compile_measure(source: str, entry: Entry) -> Callable[[Any], Any]:
    """The function of an ``episode`` that a success or fitness source defines.

    The source is one Python expression over ``episode``, or a module that defines a function named ``entry``.
    ``np`` and ``math`` are available without an import.

    :raises ContractBreach: if there is no such function.
    :raises Exception: whatever the source raises.
    """
    namespace = new_namespace(np=np, math=math)
    source = source.strip()
    if is_expression(source):
        code = compile(source, FILE_NAME, "eval", dont_inherit=True)
        return lambda episode: eval(code, {**namespace, "episode": episode})
    _run(source, namespace)
    function = namespace.get(entry)
    if not isinstance(function, FunctionType) or function.__code__.co_argcount != 1:
        raise ContractBreach("no-function", f"there is no function `{entry}(episode)`")
    return function


def is_expression(source: str) -> bool:
    """True if the source is one Python expression."""
    try:
        parse(source.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def as_number(value: object, what: str, name: str = "") -> float:
    """A float, finite or not, from a number, numpy scalar, bool or array of shape ().

    :raises ContractBreach: for anything else, naming its type and shape.
    """
    if isinstance(value, (bool, int, float, np.bool_, np.integer, np.floating)):
        return float(value)
    what = f"{what} `{name}`" if name else what
    if isinstance(value, np.ndarray):
        if value.shape == () and value.dtype.kind in "biuf":
            return float(value)
        raise ContractBreach("wrong-shape", f"{what} is an array of shape {value.shape}, not one number")
    raise ContractBreach("wrong-type", f"{what} is of type `{type(value).__name__}`, not a number")
