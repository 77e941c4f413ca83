"""A reward's text: where it is read from, its syntax tree, and the lines of its terms.

The lint has its own parser (:mod:`lint.source`), because it explains why a text is not Python.
"""

from __future__ import annotations

import ast
import warnings
from pathlib import Path

from reward_synth.core.errors import RewardSynthError
from reward_synth.core.syntax import parse


def is_path(path_or_source: str | Path) -> bool:
    """True for a path. A source is a text with a line break."""
    return isinstance(path_or_source, Path) or "\n" not in path_or_source


def read_source(path_or_source: str | Path) -> str:
    """The reward's source, read from the file if a path is given."""
    return Path(path_or_source).read_text(encoding="utf-8") if is_path(path_or_source) else str(path_or_source)


def source_of(path_or_source: str | Path) -> str:
    """As :func:`read_source`, of a file that a person named.

    :raises RewardSynthError: it cannot be read.
    """
    try:
        return read_source(path_or_source)
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise RewardSynthError(
            f"cannot read {Path(path_or_source)}: {reason}", "give the path of a reward file"
        ) from error


def parse_python(source: str) -> ast.Module | None:
    """The syntax tree, or None if the text is not Python."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def term_line(source: str, name: str) -> int | None:
    """The line where a term gets its value: its key in a dict display or an assignment to it."""
    tree = parse_python(source)
    for node in ast.walk(tree) if tree is not None else ():
        keys: list[ast.expr | None] = []
        if isinstance(node, ast.Dict):
            keys = list(node.keys)
        elif isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store):
            keys = [node.slice]
        for key in keys:
            if isinstance(key, ast.Constant) and key.value == name:
                return key.lineno
    return None


def constant_terms(source: str) -> frozenset[str]:
    """The terms of dict displays whose values are numbers, or names of numbers at the top of the file."""
    tree = parse_python(source)
    body = tree.body if tree is not None else []
    numbers = {
        target.id
        for node in body
        if isinstance(node, ast.Assign)
        for whole in node.targets
        for target in ast.walk(whole)
        if isinstance(target, ast.Name)
    }
    return frozenset(
        key.value
        for node in body
        for shown in ast.walk(node)
        if isinstance(shown, ast.Dict)
        for key, value in zip(shown.keys, shown.values, strict=True)
        if isinstance(key, ast.Constant) and isinstance(key.value, str)
        if {each.id for each in ast.walk(value) if isinstance(each, ast.Name)} <= numbers
    )
