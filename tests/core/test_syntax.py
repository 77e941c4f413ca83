"""Python's parser, where another thread has met this one in it."""

from __future__ import annotations

import ast

import pytest

from reward_synth.core import syntax


def failing(times: int) -> tuple[list[str], object]:
    asked: list[str] = []

    def parser(source: str) -> ast.Module:
        asked.append(source)
        if len(asked) <= times:
            raise SystemError("AST constructor recursion depth mismatch (before=144, after=52)")
        return ast.parse(source)

    return asked, syntax._tried_again(parser)


def test_an_accident_of_threads_is_tried_again() -> None:
    asked, parse = failing(2)
    assert ast.unparse(parse("x = 1")) == "x = 1" and asked == ["x = 1"] * 3  # type: ignore[operator]


def test_not_forever() -> None:
    asked, parse = failing(99)
    with pytest.raises(SystemError, match="depth mismatch"):
        parse("x = 1")  # type: ignore[operator]
    assert len(asked) == syntax.TRIES


def test_a_fault_of_the_text_is_told_at_once() -> None:
    with pytest.raises(SyntaxError):
        syntax.parse("x =")
    assert isinstance(syntax.parse("1", mode="eval"), ast.Expression)
