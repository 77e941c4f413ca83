"""Python's parser, for a process with several threads."""

from __future__ import annotations

import ast
import functools
from collections.abc import Callable
from typing import TypeVar, cast

TRIES = 5
Parser = TypeVar("Parser", bound=Callable[..., object])


def _tried_again(parser: Parser) -> Parser:
    @functools.wraps(parser)
    def patient(*values: object, **options: object) -> object:
        for _ in range(TRIES - 1):
            try:
                return parser(*values, **options)
            except SystemError:  # It says nothing of the text: too deep a one is a RecursionError.
                pass
        return parser(*values, **options)

    return cast(Parser, patient)


parse = _tried_again(ast.parse)
"""As `ast.parse`, tried again where threads met in it.

In CPython 3.11, all threads count the depth of their trees in one place. If another thread parses while this one is
interrupted, for example by a callback of the garbage collector, the count does not come out even, and Python ends with
"AST constructor recursion depth mismatch".
"""
