"""Finds the code in a model's answer, in any wrapping."""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterator

from reward_synth.reward.source import parse_python

_INVISIBLE = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff\x00"))
_THOUGHT = re.compile(r"<(think|thinking|reasoning)>.*?</\1>", re.DOTALL | re.IGNORECASE)
_THOUGHT_TAG = re.compile(r"</?(?:think|thinking|reasoning)>", re.IGNORECASE)
_THOUGHT_END = re.compile(r"^.*</(?:think|thinking|reasoning)>", re.DOTALL | re.IGNORECASE)
_FENCE = re.compile(r"^(?P<before>.*?)(?P<fence>`{3,}|~{3,})[ \t]*(?P<language>[\w+#.-]*)[^\n`]*$")
_IMPORT = re.compile(r"^[ \t>*`-]*((?:import|from)[ \t]+[\w.]+[^\n`]*?)[ \t`]*$", re.MULTILINE)
_QUOTED_IMPORT = re.compile(r"`((?:import|from)[ \t]+[^`\n]+)`")
_CODE_LINE = re.compile(
    r"^(?:\s*$|[ \t]|#|@|[)\]}]|(?:async\s+)?def\s+\w+\s*\(|import\s+\w|from\s+[\w.]+\s+import\b|\"\"\"|'''"
    r"|[A-Za-z_]\w*\s*(?::\s*[\w.\[\], ]+)?\s*=[^=])"
)
_MAXIMUM_CHARACTERS = 200_000
_MAXIMUM_TRIMS = 200


class ParseError(ValueError):
    """The answer holds nothing usable. The message is the reason, which the model reads when it is asked again."""


def clean(text: str) -> str:
    """The text without reasoning tags, carriage returns, zero-width characters and no-break spaces."""
    text = text[:_MAXIMUM_CHARACTERS].replace("\r\n", "\n").replace("\r", "\n").translate(_INVISIBLE)
    text = text.replace("\u00a0", " ").replace("\u2028", "\n").replace("\u2029", "\n")
    text = _THOUGHT.sub("", text)
    # Some servers omit the opening tag; then all text before the closing one is reasoning. An opening tag that is
    # never closed is only removed, since the answer may follow the reasoning without any separator.
    after = _THOUGHT_END.sub("", text)
    return _THOUGHT_TAG.sub("", after if after.strip() else text)


def blocks(text: str) -> tuple[str, ...]:
    """The content of all fenced blocks of a cleaned text, in order. An unclosed block runs to the end."""
    found: list[str] = []
    lines = text.split("\n")
    index = 0
    while index < len(lines):
        opening = _FENCE.match(lines[index])
        index += 1
        if not opening:
            continue
        body: list[str] = []
        while index < len(lines):
            line = lines[index]
            index += 1
            if _closes(line, opening["fence"]):
                head = line.split(opening["fence"])[0]
                body.extend([head] if head.strip() else [])
                break
            body.append(line)
        found.append(textwrap.dedent("\n".join(body)))
    return tuple(found)


def _closes(line: str, fence: str) -> bool:
    stripped = line.rstrip()
    if not stripped.endswith(fence):
        return False
    rest = stripped[: -len(fence)].rstrip(fence[0])
    return not rest.strip() or fence[0] not in rest


def extract_code(text: str, entry: str = "compute_reward") -> str:
    """The Python source in a model's answer that defines the function ``entry``.

    If several blocks define it, the last complete one is taken, because models improve on their first draft.
    Helpers, constants and imports that it needs are taken from the other blocks and from lines outside any block.
    The lint decides whether the code is *right*: source with a syntax error is returned unchanged.

    :raises ParseError: no definition of ``entry`` anywhere.
    """
    cleaned = clean(text)
    found = blocks(cleaned)
    defines = re.compile(rf"^[ \t]*(?:async[ \t]+)?def[ \t]+{re.escape(entry)}[ \t]*\(", re.MULTILINE)
    sources = [block for block in found if defines.search(block)]
    if not sources:
        bare = _bare_code(cleaned, defines)
        if bare is None:
            raise ParseError(_why_no_code(cleaned, found, entry))
        sources = [bare]
    trimmed = [_trim(source, entry) for source in sources]
    whole = [source for source in trimmed if _returns(source, entry)]
    chosen = whole[-1] if whole else trimmed[-1]
    others = [block for block in found if not defines.search(block)]
    return _complete(chosen, others, cleaned).strip("\n") + "\n"


def _why_no_code(text: str, found: tuple[str, ...], entry: str) -> str:
    if not text.strip():
        return "the answer was empty"
    if found:
        return f"no code block defines a function named {entry}"
    return f"the answer holds no code: write one python code block that defines {entry}"


def _bare_code(text: str, defines: re.Pattern[str]) -> str | None:
    """Code without fences: the lines around the last definition that look like code."""
    matches = list(defines.finditer(text))
    if not matches:
        return None
    lines = text.split("\n")
    first = last = text.count("\n", 0, matches[-1].start())
    if lines[first].startswith((" ", "\t")):
        lines = textwrap.dedent("\n".join(lines[first:])).split("\n")
        first = last = 0
    while first > 0 and _CODE_LINE.match(lines[first - 1]) and not _FENCE.match(lines[first - 1]):
        first -= 1
    while last + 1 < len(lines) and _CODE_LINE.match(lines[last + 1]) and not _FENCE.match(lines[last + 1]):
        last += 1
    kept = lines[first : last + 1]
    while kept and (not kept[0].strip() or kept[0].startswith((" ", "\t"))):
        kept.pop(0)
    return "\n".join(kept)


def _trim(source: str, entry: str) -> str:
    """The code without trailing prose or a cut-off line, if removing them makes it parse."""
    if parse_python(source) is not None:
        return source
    lines = source.split("\n")
    for end in range(len(lines) - 1, max(0, len(lines) - _MAXIMUM_TRIMS), -1):
        shorter = "\n".join(lines[:end])
        if _returns(shorter, entry):
            return shorter
    return source


def _returns(source: str, entry: str) -> bool:
    """True if it parses and ``entry`` ends in a ``return`` with a value."""
    tree = parse_python(source)
    return tree is not None and any(
        isinstance(node, ast.FunctionDef)
        and node.name == entry
        and any(isinstance(inner, ast.Return) and inner.value is not None for inner in ast.walk(node))
        for node in tree.body
    )


def _complete(source: str, others: list[str], text: str) -> str:
    """``source``, preceded by the top-level statements that it needs from other parts of the answer."""
    supply: dict[str, str] = {}
    for line in (*_IMPORT.findall(text), *_QUOTED_IMPORT.findall(text)):
        supply.update(_top_level(line))
    for other in others:
        supply.update(_top_level(other))
    front: list[str] = []
    for _ in range(len(supply)):
        needed = [name for name in _missing("\n".join([*front, source])) if name in supply]
        if not needed:
            break
        statements = dict.fromkeys(supply.pop(name) for name in needed)
        front = [*(s for s in statements if s not in front), *front]
    imports = [statement for statement in front if statement.startswith(("import ", "from "))]
    rest = [statement for statement in front if statement not in imports]
    return "\n".join([*imports, *rest, source]) if front else source


def _top_level(source: str) -> dict[str, str]:
    """Each name that a piece of code binds at its top level, with the binding statement."""
    tree = parse_python(source)
    if tree is None:
        return {}
    bound: dict[str, str] = {}
    for statement in tree.body:
        code = ast.get_source_segment(source, statement) or ""
        bound.update(dict.fromkeys(_binds(statement), code))
    return bound


def _binds(statement: ast.stmt) -> Iterator[str]:
    if isinstance(statement, ast.FunctionDef):
        yield statement.name
    elif isinstance(statement, ast.Import | ast.ImportFrom):
        yield from ((alias.asname or alias.name).split(".")[0] for alias in statement.names)
    elif isinstance(statement, ast.Assign | ast.AnnAssign):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        for target in targets:
            yield from (node.id for node in ast.walk(target) if isinstance(node, ast.Name))


def _missing(source: str) -> list[str]:
    """Names that a piece of code reads but binds in no scope, in order."""
    tree = parse_python(source)
    if tree is None:
        return []
    bound: set[str] = set()
    read: dict[str, None] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            if isinstance(node.ctx, ast.Load):
                read[node.id] = None
            else:
                bound.add(node.id)
        elif isinstance(node, ast.arg):
            bound.add(node.arg)
        elif isinstance(node, ast.FunctionDef | ast.Import | ast.ImportFrom):
            bound.update(_binds(node))
    return [name for name in read if name not in bound]
