"""Reads and writes the YAML files that people edit; errors name the file and the line.

YAML 1.2: ``1e-4`` is a number, and only ``true`` and ``false`` are truth values. (YAML 1.1 reads the first as text, and
turns ``on``, ``yes`` and ``no`` into truth values.)
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.constructor import SafeConstructor
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.representer import SafeRepresenter

from reward_synth.core.errors import RewardSynthError
from reward_synth.core.files import write_text
from reward_synth.core.validation import Location, in_words

Model = TypeVar("Model", bound=BaseModel)
LONG = 80
"""Texts with more characters than this are folded into several lines."""


class _GivenTwice(Exception):
    """A key occurs twice in one mapping; the message names both lines."""


class _Constructor(SafeConstructor):
    """Makes plain values only; dates and ``=`` stay text."""

    def check_mapping_key(self, node: Any, key_node: Any, mapping: Any, key: Any, value: Any) -> bool:
        if key in mapping:
            line, first = key_node.start_mark.line + 1, _line(node, (key_node.value,))
            raise _GivenTwice(f"line {line}: '{key}' was given before, in line {first}")
        return True


for _tag in ("timestamp", "value"):
    _Constructor.add_constructor(f"tag:yaml.org,2002:{_tag}", SafeConstructor.construct_yaml_str)


class _Representer(SafeRepresenter):
    """Writes texts of several lines as they are, so that code stays readable, and folds long ones."""

    def represent_str(self, data: str) -> ScalarNode:
        style = "|" if "\n" in data else ">" if len(data) > LONG else None
        if not data.replace("\n", "").replace("\t", "").isprintable():
            style = '"'  # The other styles do not escape such a character, and parsers refuse it.
        return self.represent_scalar("tag:yaml.org,2002:str", data, style=style)


_Representer.add_representer(str, _Representer.represent_str)


def _yaml() -> YAML:
    yaml = YAML(typ="safe", pure=True)
    yaml.Constructor, yaml.Representer = _Constructor, _Representer
    yaml.default_flow_style, yaml.width = False, 100
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]  # The annotation there is wrong.
    return yaml


def write_yaml(path: Path, values: dict[str, Any]) -> None:
    """Write the mapping, keys in the given order; the file appears whole or not at all."""
    text = io.StringIO()
    _yaml().dump(values, text)
    write_text(path, text.getvalue())


def parse_value(text: str, what: str) -> Any:
    """Parse one value as in our YAML files: ``1e-4`` is a number, ``off`` is text.

    :param what: what the value is, in words, for the error text.
    :raises RewardSynthError: it is not valid YAML.
    """
    try:
        return _yaml().load(text)
    except (YAMLError, _GivenTwice) as error:
        raise RewardSynthError(f"{what} is not valid YAML: {text}", "put quotes around a text") from error


def read_yaml(path: Path, model: type[Model], what: str) -> Model:
    """Read the file into the pydantic model.

    :param what: what the file is, in words, for the error texts: ``task spec``.
    :raises RewardSynthError: the file cannot be read, is not YAML, or does not fit the model. Names the file,
        the line of each fault and, for a misspelt key, the nearest one.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise RewardSynthError(f"cannot read the {what} {path}: {reason}", hint="check the path") from error
    node, values = _parse(text, f"the {what} {path}")
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise in_words(error, model, f"the {what} {path}", lambda place: _line(node, place)) from error


def _parse(text: str, file: str) -> tuple[MappingNode, dict[str, Any]]:
    yaml = _yaml()
    try:
        node = yaml.compose(text)
        if isinstance(node, MappingNode):
            return node, yaml.constructor.construct_document(node)
    except _GivenTwice as error:
        raise RewardSynthError(f"{file}, {error}", hint="keep one of the two") from error
    except MarkedYAMLError as error:
        mark, begun = error.problem_mark or error.context_mark, error.context_mark
        where = f", line {mark.line + 1}," if mark else ""
        since = f" ({error.context} begun in line {begun.line + 1})" if begun and begun is not mark else ""
        raise RewardSynthError(
            f"{file}{where} is not valid YAML: {error.problem or error.context}{since}",
            hint="look at the indentation and colons there; code of several lines stands indented under '|'",
        ) from error
    except YAMLError as error:
        first = str(error).splitlines()[0]
        raise RewardSynthError(f"{file} is not valid YAML: {first}", hint="save it as plain text") from error
    hint = "start it with a line such as 'name: gym/my_task'"
    raise RewardSynthError(f"{file} must be a mapping of keys to values", hint)


def _line(node: Node, location: Location) -> int | None:
    """Line, counted from 1, of the key at that location, or of the nearest enclosing key that exists."""
    line: int | None = None
    for part in location:
        pairs = []
        if isinstance(node, MappingNode):
            pairs = [(key, value) for key, value in node.value if key.value == str(part)]
        elif isinstance(node, SequenceNode) and isinstance(part, int):
            pairs = [(value, value) for value in node.value[part : part + 1]]
        if not pairs:
            break
        line, node = pairs[0][0].start_mark.line + 1, pairs[0][1]
    return line
