"""What generated code may name: numpy functions one by one, methods, and what to say about the rest.

Never a whole module: `np.f2py.os` is an attribute chain without a single underscore. The lists stand in
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
"""What the annotation of a plain type is made of."""
NUMPY = _listed("numpy") & frozenset(dir(np)) | {"errstate"}
LINALG = _listed("linalg") & frozenset(dir(np.linalg))
MATH = frozenset(name for name in dir(math) if not name.startswith("_")) - {"factorial", "comb", "perm"}
METHODS = _listed("methods")
SCALAR_METHODS = frozenset({"real", "imag", "conjugate", "is_integer"})
"""What a float has."""

OUT_POSITION: dict[str, int] = {
    name: getattr(np, name).nin for name in NUMPY if isinstance(getattr(np, name), np.ufunc)
} | _LISTS["out_position"]
"""Arguments that a numpy function takes before the array that it would write into."""
METHOD_OUT_POSITION: dict[str, int] = _LISTS["method_out_position"]

REFUSED_KEYWORDS: dict[str, str] = _LISTS["refused_keywords"]
"""Keywords that make a function write into its arguments, or take what is no number."""
REFUSED_NUMPY: dict[str, str] = _LISTS["refused_numpy"]
REFUSED_NAMES: dict[str, str] = _LISTS["refused_names"]
REFUSED_NODES: dict[type[ast.AST], tuple[str, str]] = {
    getattr(ast, name): (what, fix) for name, (what, fix) in _LISTS["refused_nodes"].items()
}
"""What a kind of node is called, and what to write instead."""
NUMBER_TYPES = _listed("number_types")

ALIASES = {"numpy": "np", "np": "np", "math": "math"}
ANNOTATION_MODULES = frozenset({"typing", "__future__", "numpy.typing", "collections.abc"})
"""Imports from these serve annotations only, which are never evaluated."""

JUDGE_NAMES = _listed("judge_names")
"""What a model asks the state for and must not get, because the environment or the task decides it."""
TOTAL_NAMES = _listed("total_names")
"""Names that a term must not have: it would be counted on top of the terms that it sums up."""
