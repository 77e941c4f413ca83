"""The names that generated code may use: numpy functions one by one, and methods. Other names have messages.

A whole module is never allowed: `np.f2py.os` is an attribute chain without a single underscore. The lists are in
``allowed.json``.
"""

from __future__ import annotations

import ast
import json
import math
from pathlib import Path
from typing import Any

import numpy as np

_LISTS: dict[str, Any] = json.loads(Path(__file__).with_name("allowed.json").read_text(encoding="utf-8"))


def words(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


def _listed(name: str) -> frozenset[str]:
    return words(" ".join(_LISTS[name]))


def _nodes(name: str) -> tuple[type[ast.AST], ...]:
    return tuple(getattr(ast, node) for node in _listed(name))


NODES = _nodes("nodes")
TYPE_NODES = _nodes("type_nodes")
"""Nodes that the annotation of a plain type may consist of."""
NUMPY = _listed("numpy") & frozenset(dir(np)) | {"errstate"}
LINALG = _listed("linalg") & frozenset(dir(np.linalg))
MATH = frozenset(name for name in dir(math) if not name.startswith("_")) - {"factorial", "comb", "perm"}
METHODS = _listed("methods")
SCALAR_METHODS = frozenset({"real", "imag", "conjugate", "is_integer"})
"""Attributes and methods of a float."""

OUT_POSITION: dict[str, int] = {
    name: getattr(np, name).nin for name in NUMPY if isinstance(getattr(np, name), np.ufunc)
} | _LISTS["out_position"]
"""How many arguments a numpy function takes before the array that it would write into."""
METHOD_OUT_POSITION: dict[str, int] = _LISTS["method_out_position"]

REFUSED_KEYWORDS: dict[str, str] = _LISTS["refused_keywords"]
"""Keywords that make a function write into its arguments, or accept something other than numbers."""
REFUSED_NUMPY: dict[str, str] = _LISTS["refused_numpy"]
REFUSED_NAMES: dict[str, str] = _LISTS["refused_names"]
REFUSED_NODES: dict[type[ast.AST], tuple[str, str]] = {
    getattr(ast, name): (what, fix) for name, (what, fix) in _LISTS["refused_nodes"].items()
}
"""What a kind of node is called, and what to write instead."""
NUMBER_TYPES = _listed("number_types")

ALIASES = {"numpy": "np", "np": "np", "math": "math"}
ANNOTATION_MODULES = frozenset({"typing", "__future__", "numpy.typing", "collections.abc"})
"""Imports from these are for annotations only, which are never evaluated."""

JUDGE_NAMES = _listed("judge_names")
"""Names that models try to read from the state and must not get, because the environment or the task decides them."""
TOTAL_NAMES = _listed("total_names")
"""Names that a term must not have: it would be counted on top of the terms that it sums up."""
