"""Reads JSON as models write it: fenced, commented, single-quoted, with trailing commas, or cut off."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from reward_synth.roles.parsing import ParseError, blocks, clean

_PYTHON_TEXT = re.compile(r'"""(.*?)(?:"""|\Z)|\'\'\'(.*?)(?:\'\'\'|\Z)', re.DOTALL)
_STRICT = json.JSONDecoder(strict=False)
_MAXIMUM_STARTS = 100
_MAXIMUM_REPAIRS = 5
_MAXIMUM_DEPTH = 40
_MAXIMUM_REPAIRED = 20_000
"""In characters. json-repair takes quadratic time: minutes for 40,000 open brackets."""


def extract_json(text: str, keys: tuple[str, ...] = ()) -> Any:
    """The JSON object (or list) in a model's answer.

    :param keys: the object must hold at least one of these. If several objects do, the longest is taken. A bare
        list is returned only if no object fits.
    :raises ParseError: nothing can be read as JSON, or no object has one of ``keys``.
    """
    cleaned = clean(text)
    found: list[tuple[bool, bool, int, Any]] = []
    for source in (*blocks(cleaned), cleaned):
        for value, length in _values(source):
            fits = isinstance(value, dict) and (not keys or any(key in value for key in keys))
            found.append((fits, isinstance(value, dict), length, value))
        if any(fits for fits, *_ in found):
            break
    if not found:
        raise ParseError("the answer holds no JSON object")
    fits, mapping, _, value = max(found, key=lambda entry: entry[:3])
    if keys and not fits and mapping:
        raise ParseError(f"the JSON object lacks the keys {', '.join(keys)}")
    return value


def _values(text: str) -> Iterator[tuple[Any, int]]:
    """Objects and lists in the order of their beginnings, each with its length in characters.

    Broken JSON is repaired up to the end of the text. Its inner values may then appear again on their own, so the
    caller takes the longest.
    """
    repairs, start = 0, -1
    for _ in range(_MAXIMUM_STARTS):
        opening = re.compile(r"[{[]").search(text, start + 1)
        if opening is None:
            return
        start = opening.start()
        try:
            value, end = _STRICT.raw_decode(text, start)
        except (ValueError, RecursionError):
            if repairs < _MAXIMUM_REPAIRS:
                repairs += 1
                yield from ((each, len(json.dumps(each))) for each in _repaired(text[start:]))
            continue
        if value:
            yield value, end - start
        start = end - 1


def _repaired(text: str) -> list[Any]:
    """The values in a text after a lenient repair; none if that would take long."""
    import json_repair

    depth = 0
    for bracket in re.findall(r"[][{}]", text[:_MAXIMUM_REPAIRED]):
        depth += 1 if bracket in "[{" else -1
        if depth > _MAXIMUM_DEPTH:
            return []
    plain = _PYTHON_TEXT.sub(lambda found: json.dumps(found[1] or found[2] or ""), text[:_MAXIMUM_REPAIRED])
    try:
        value = json_repair.loads(plain)
    except (ValueError, RecursionError):
        return []
    values = value if isinstance(value, list) and text[0] == "{" else [value]
    return [each for each in values if each and isinstance(each, dict | list)]
