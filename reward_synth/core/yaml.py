"""YAML files that people write: read without surprises, and with errors that name the file and the line.

Numbers and truth values follow YAML 1.2: ``1e-4`` is a number (YAML 1.1, PyYAML's default, reads it as text)
and only ``true`` and ``false`` are truth values (YAML 1.1 turns ``on``, ``yes`` and ``no`` into them).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from reward_synth.core.errors import RewardSynthError
from reward_synth.core.files import write_text
from reward_synth.core.nearest import did_you_mean, nearest

Model = TypeVar("Model", bound=BaseModel)
Location = tuple[int | str, ...]

_KINDS = {
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "string_type": "text",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "tuple_type": "a list, with '- ' before each entry",
    "list_type": "a list, with '- ' before each entry",
    "dict_type": "a mapping, with one 'key: value' a line",
    "model_type": "a mapping, with one 'key: value' a line",
}
"""What pydantic's error types expected, in words."""


class _Loader(yaml.SafeLoader):
    """The safe loader with YAML 1.2's scalars, refusing a key that is written twice."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - PyYAML's name


_SCALARS = (
    ("tag:yaml.org,2002:null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("tag:yaml.org,2002:bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("tag:yaml.org,2002:int", r"[-+]?[0-9][0-9_]*", list("-+0123456789")),
    (
        "tag:yaml.org,2002:float",
        r"[-+]?(?:\.[0-9]+|[0-9][0-9_]*(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.inf|\.nan",
        list("-+.0123456789"),
    ),
)
for _tag, _pattern, _first in _SCALARS:
    _Loader.add_implicit_resolver(_tag, re.compile(f"^(?:{_pattern})$"), _first)


def _construct_whole_number(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> int:
    return int(loader.construct_scalar(node).replace("_", ""))  # 012 is twelve; YAML 1.1 reads it as octal.


_Loader.add_constructor("tag:yaml.org,2002:int", _construct_whole_number)


class _Dumper(yaml.SafeDumper):
    """The safe dumper with texts of several lines written as blocks, so that code stays readable."""


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _represent_text)
# The dumper asks its resolvers which plain texts need quotes. It keeps YAML 1.1's rules for the sake of other
# programs, and gets the loader's on top.
for _tag, _pattern, _first in _SCALARS:
    _Dumper.add_implicit_resolver(_tag, re.compile(f"^(?:{_pattern})$"), _first)


def write_yaml(path: Path, values: dict[str, Any]) -> None:
    """Write the mapping, keys in the given order; the file appears whole or not at all."""
    text = yaml.dump(values, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)
    write_text(path, text)


def read_yaml(path: Path, model: type[Model], what: str) -> Model:
    """Read the file into the pydantic model.

    :param what: what the file is, in words, for the error texts: ``task spec``.
    :raises RewardSynthError: the file cannot be read, is no YAML, or does not fit the model. Names the file,
        the line of each fault and, for a misspelt key, the nearest one.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise RewardSynthError(f"cannot read the {what} {path}: {reason}", hint="check the path") from error
    node, values = _parse(text, path, what)
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise _in_words(error, node, model, f"{what} {path}") from error


def _parse(text: str, path: Path, what: str) -> tuple[yaml.MappingNode, dict[str, Any]]:
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        if not isinstance(node, yaml.MappingNode):
            raise RewardSynthError(
                f"the {what} {path} must be a mapping of keys to values",
                hint="start it with a line such as 'name: gym/my_task'",
            )
        _refuse_doubles(node, path, what)
        return node, loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f", line {mark.line + 1}," if mark else ""
        begun = error.context_mark
        since = f" ({error.context} begun in line {begun.line + 1})" if begun and begun is not mark else ""
        raise RewardSynthError(
            f"the {what} {path}{where} is not valid YAML: {error.problem or error.context}{since}",
            hint="look at the indentation and colons there; code of several lines stands indented under '|'",
        ) from error
    except yaml.YAMLError as error:
        raise RewardSynthError(
            f"the {what} {path} is not valid YAML: {str(error).splitlines()[0]}", hint="save it as plain text"
        ) from error


def _refuse_doubles(node: yaml.Node, path: Path, what: str) -> None:
    """YAML would silently take the last of two equal keys."""
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _refuse_doubles(item, path, what)
    if not isinstance(node, yaml.MappingNode):
        return
    seen: dict[str, int] = {}
    for key, value in node.value:
        line = key.start_mark.line + 1
        if key.value in seen:
            raise RewardSynthError(
                f"the {what} {path}, line {line}: '{key.value}' was given before, in line {seen[key.value]}",
                hint="keep one of the two",
            )
        seen[key.value] = line
        _refuse_doubles(value, path, what)


def _in_words(error: ValidationError, node: yaml.MappingNode, model: type[BaseModel], where: str) -> RewardSynthError:
    """One error for the person out of pydantic's list: a line per fault, and the most telling hint."""
    faults: list[tuple[int, str, str]] = []
    for item in error.errors():
        line = _line(node, item["loc"]) or 0
        faults.append((line, *_explain(item, _siblings(model, item["loc"]))))
    # A misspelt key is reported twice, as unknown and as missing; the unknown one knows what was meant.
    meant = [hint for _, _, hint in faults if hint.startswith("did you mean")]
    faults = [fault for fault in faults if not any(f"'{_missing(fault[1])}'" in hint for hint in meant)]
    texts = [f"line {line}: {message}" if line else message for line, message, _ in sorted(faults)]
    text = f", {texts[0]}" if len(texts) == 1 else ":" + "".join(f"\n  {text}" for text in texts)
    return RewardSynthError(f"the {where}{text}", hint=meant[0] if meant else sorted(faults)[0][2])


def _missing(message: str) -> str:
    """The last part of the key that the message calls missing; empty if it calls none so."""
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
    if item["type"] in _KINDS:
        return f"'{key}' must be {_KINDS[item['type']]}, not {given}", f"mend the value of '{key}'"
    said = item["msg"].removeprefix("Value error, ").removeprefix("Input ").removeprefix("String ")
    return f"'{key}' is {given}, but {said}", f"mend the value of '{key}'"


def _siblings(model: type[BaseModel], location: Location) -> list[str]:
    """The keys that the model knows at the place of the last part of the location."""
    for part in location[:-1]:
        field = model.model_fields.get(str(part))
        kind = field.annotation if field else None
        if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
            return []
        model = kind
    return list(model.model_fields)


def _line(node: yaml.Node, location: Location) -> int | None:
    """Line, counted from 1, of the key at that place, or of the nearest one around it that exists."""
    line: int | None = None
    for part in location:
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if key.value == str(part):
                    line, node = key.start_mark.line + 1, value
                    break
            else:
                return line
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
    return line
