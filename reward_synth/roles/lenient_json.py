"""JSON as models write it: fenced, commented, single-quoted, with trailing commas, or cut off."""

from __future__ import annotations

import re
from typing import Any

from reward_synth.roles.parsing import ParseError, blocks, clean

_SPACE = re.compile(r"(?:\s+|//[^\n]*|#[^\n]*|/\*.*?(?:\*/|\Z))*", re.DOTALL)
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_WORD = re.compile(r"[^\s,:\[\]{}\"'#]+")
_WORDS = {"true": True, "false": False, "null": None, "none": None}
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
_MAXIMUM_DEPTH = 40
_MAXIMUM_STARTS = 100


class _NotJsonError(Exception):
    """This text is no JSON value, however kindly read."""


class _Reader:
    """Recursive descent over one text; an end of text closes whatever is open."""

    def __init__(self, text: str, position: int) -> None:
        self.text = text
        self.position = position

    def skip(self) -> None:
        match = _SPACE.match(self.text, self.position)
        self.position = match.end() if match else self.position

    def peek(self) -> str:
        self.skip()
        return self.text[self.position : self.position + 1]

    def value(self, depth: int = 0) -> Any:
        first = self.peek()
        if depth > _MAXIMUM_DEPTH or not first:
            raise _NotJsonError
        if first == "{":
            return self.mapping(depth)
        if first == "[":
            return self.sequence(depth)
        if first in "\"'":
            return self.string(first)
        return self.word()

    def mapping(self, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        self.position += 1
        while (first := self.peek()) and first != "}":
            if first == ",":
                self.position += 1
                continue
            key = self.string(first) if first in "\"'" else str(self.word())
            if self.peek() != ":":
                if not self.text[self.position :].strip():
                    return found
                raise _NotJsonError
            self.position += 1
            if not self.peek():
                return found
            found[key] = self.value(depth + 1)
        self.position += 1
        return found

    def sequence(self, depth: int) -> list[Any]:
        found: list[Any] = []
        self.position += 1
        while (first := self.peek()) and first != "]":
            if first == ",":
                self.position += 1
                continue
            found.append(self.value(depth + 1))
        self.position += 1
        return found

    def string(self, quote: str) -> str:
        if self.text.startswith(quote * 3, self.position):
            end = self.text.find(quote * 3, self.position + 3)
            end = len(self.text) if end < 0 else end
            body, self.position = self.text[self.position + 3 : end], end + 3
            return body
        characters: list[str] = []
        self.position += 1
        while self.position < len(self.text):
            character = self.text[self.position]
            self.position += 1
            if character == quote and self.ends_string(quote):
                break
            if character == "\\" and self.position < len(self.text):
                character = self.escape()
            characters.append(character)
        return "".join(characters)

    def ends_string(self, quote: str) -> bool:
        """An apostrophe inside a single-quoted word (``it's``) does not end the string."""
        following = self.text[self.position : self.position + 1]
        return quote == '"' or not following.isalnum()

    def escape(self) -> str:
        character = self.text[self.position]
        self.position += 1
        if character == "u":
            digits = self.text[self.position : self.position + 4]
            if re.fullmatch(r"[0-9a-fA-F]{4}", digits):
                self.position += 4
                return chr(int(digits, 16))
        return _ESCAPES.get(character, character)

    def word(self) -> Any:
        match = _WORD.match(self.text, self.position)
        if not match:
            raise _NotJsonError
        self.position = match.end()
        word = match.group()
        if word.lower() in _WORDS:
            return _WORDS[word.lower()]
        if _NUMBER.fullmatch(word):
            return int(word) if re.fullmatch(r"[+-]?\d{1,15}", word) else float(word)
        return word


def extract_json(text: str, keys: tuple[str, ...] = ()) -> Any:
    """The JSON object (or list) in a model's answer.

    :param keys: names, at least one of which the object must hold; of several that do, the longest is taken. A bare
        list is returned only if no object fits.
    :raises ParseError: nothing that can be read as JSON, or no object with one of ``keys``.
    """
    cleaned = clean(text)
    found: list[tuple[bool, bool, int, Any]] = []
    for source in (*(block.text for block in blocks(cleaned)), cleaned):
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


def _values(text: str) -> list[tuple[Any, int]]:
    """Outermost objects and lists that can be read, each with its length in characters."""
    found: list[tuple[Any, int]] = []
    position = 0
    for _ in range(_MAXIMUM_STARTS):
        starts = [index for index in (text.find("{", position), text.find("[", position)) if index >= 0]
        if not starts:
            break
        reader = _Reader(text, min(starts))
        try:
            value = reader.value()
        except _NotJsonError:
            position = min(starts) + 1
            continue
        if value:
            found.append((value, reader.position - min(starts)))
        position = max(reader.position, min(starts) + 1)
    return found
