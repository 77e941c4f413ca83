"""Turns pydantic's validation errors into one error for the person who wrote the values."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from reward_synth.core.errors import RewardSynthError
from reward_synth.core.nearest import did_you_mean, nearest

Location = tuple[int | str, ...]
"""Keys and indices, from the outermost value inwards."""

_KINDS = {
    "int_(type|parsing|from_float)": "a whole number",
    "float_(type|parsing)": "a number",
    "string_type": "text",
    "bool_(type|parsing)": "true or false",
    "(tuple|list)_type": "a list, with '- ' before each entry",
    "(dict|model)_type": "a mapping, with one 'key: value' a line",
}
"""What a value must be, by a pattern of pydantic's error types."""


def in_words(
    error: ValidationError, model: type[BaseModel], file: str, line_of: Callable[[Location], int | None]
) -> RewardSynthError:
    """One error with a line per fault, in the order of the file, and the most useful hint.

    :param file: where the values were written, in words.
    :param line_of: gives the line of a location; None if it is not known.
    """
    faults = [(line_of(item["loc"]) or 0, *_explain(item, _siblings(model, item["loc"]))) for item in error.errors()]
    # pydantic reports a misspelt key twice, as unknown and as missing; only the unknown one suggests a correction.
    meant = [hint for _, _, hint in faults if hint.startswith("did you mean")]
    faults = sorted(fault for fault in faults if not any(f"'{_missing(fault[1])}'" in hint for hint in meant))
    texts = [f"line {line}: {message}" if line else message for line, message, _ in faults]
    text = f", {texts[0]}" if len(texts) == 1 else ":" + "".join(f"\n  {text}" for text in texts)
    return RewardSynthError(f"{file}{text}", hint=meant[0] if meant else faults[0][2])


def complaint(item: ErrorDetails) -> str:
    """pydantic's message on one value, without its opening words: ``should be greater than 0``."""
    return re.sub(r"^(Value error, |Input |String )", "", item["msg"])


def _missing(message: str) -> str:
    """The last part of the key that the message calls missing; empty if the message says something else."""
    found = re.fullmatch(r"the key '(?:.*\.)?(\w+)' is missing", message)
    return found.group(1) if found else ""


def _explain(item: ErrorDetails, known: Sequence[str]) -> tuple[str, str]:
    """The fault in words, and what to do about it."""
    key = ".".join(str(part) for part in item["loc"])
    leaf = key.rpartition(".")[2]
    if item["type"] in ("extra_forbidden", "invalid_key"):
        hint = did_you_mean(nearest(leaf, known), f"known keys here: {', '.join(known)}", quote="'")
        return f"unknown key '{key}'", hint
    if item["type"] == "missing":
        return f"the key '{key}' is missing", f"add a line '{leaf}: …'"
    given = f"{item['input']!r:.60}"
    kind = next((words for types, words in _KINDS.items() if re.fullmatch(types, item["type"])), None)
    text = f"'{key}' must be {kind}, not {given}" if kind else f"'{key}' is {given}, but {complaint(item)}"
    return text, f"mend the value of '{key}'"


def _siblings(model: type[BaseModel], location: Location) -> list[str]:
    """The keys that the model allows in the mapping that the location's last part belongs to."""
    for part in location[:-1]:
        field = model.model_fields.get(str(part))
        kind = field.annotation if field else None
        if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
            return []
        model = kind
    return list(model.model_fields)
