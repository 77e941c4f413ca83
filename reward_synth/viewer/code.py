"""Reward code as lines of highlighted pieces, and how two codes differ."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

from pygments.lexers.python import PythonLexer
from pygments.token import Comment, Keyword, Name, Number, Operator, String, Token

from reward_synth.core.types import Finding

_KINDS = {Comment: "comment", String: "string", Number: "number", Keyword: "keyword", Operator.Word: "keyword"}
_NAMES = {Name.Function: "function", Name.Builtin: "builtin"}


@dataclass(frozen=True)
class Piece:
    """A part of a line."""

    text: str
    kind: str = ""
    """``comment``, ``string``, ``number``, ``keyword``, ``function``, ``builtin``, or empty."""
    term: int | None = None
    """The index of the reward term that it names."""


@dataclass(frozen=True)
class Line:
    """One line of code."""

    number: int
    """Counted from 1."""
    pieces: tuple[Piece, ...]
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class Change:
    """One line of a difference: ``+``, ``-``, ``@`` or a blank, and its text."""

    sign: str
    text: str


def highlighted(source: str, terms: Sequence[str] = (), findings: Sequence[Finding] = ()) -> list[Line]:
    """The lines of a reward, with the names of its terms marked and each finding at its line."""
    index = {name: number for number, name in enumerate(terms)}
    lines: list[list[Piece]] = [[]]
    for token, text in PythonLexer(ensurenl=False, stripnl=False).get_tokens(source):
        kind = _kind(token)
        for number, part in enumerate(text.split("\n")):
            if number:
                lines.append([])
            if part:
                lines[-1].append(Piece(part, kind, index.get(part) if kind == "string" else None))
    at: dict[int, list[Finding]] = {}
    for finding in findings:
        if finding.line is not None:
            at.setdefault(finding.line, []).append(finding)
    if lines and not lines[-1]:
        lines.pop()
    return [Line(number, tuple(pieces), tuple(at.get(number, ()))) for number, pieces in enumerate(lines, 1)]


def _kind(token: Token) -> str:
    return next((name for parent, name in (*_NAMES.items(), *_KINDS.items()) if token in parent), "")


def difference(before: str, after: str) -> list[Change]:
    """How one code became another, in changed parts with three lines around each; empty if they are equal."""
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="")
    return [Change(line[:1], line if line[:1] == "@" else line[1:]) for line in list(lines)[2:]]
