"""Reading and writing YAML; the errors of faulty files are held by ``tests/tasks/test_spec.py``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from reward_synth.core.errors import RewardSynthError
from reward_synth.core.yaml import parse_value, read_yaml, write_yaml


class Held(BaseModel):
    values: dict[str, Any]


# What YAML writes as itself, quotes, folds or escapes; \x85 and others are line ends to some readers.
TEXTS = st.text(
    st.one_of(st.sampled_from("ab1 e.-+:#\n\t'\"|>~=<&*[]{},?_0on\x85\u2028\x07"), st.characters(codec="utf-8"))
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXTS, inner, max_size=3)),
    max_leaves=6,
)


@settings(deadline=None, max_examples=200)
@given(values=st.dictionaries(TEXTS, VALUES, max_size=3))
def test_what_is_written_reads_back_the_same(tmp_path_factory: pytest.TempPathFactory, values: dict[str, Any]) -> None:
    path = tmp_path_factory.mktemp("yaml") / "a.yaml"
    write_yaml(path, {"values": values})
    assert repr(read_yaml(path, Held, "file").values) == repr(values)


def test_code_stands_as_lines_and_long_texts_are_folded(tmp_path: Path) -> None:
    path, sentence = tmp_path / "a.yaml", "A sentence: " + "that goes on " * 12 + "and ends."
    write_yaml(path, {"values": {"code": "def f():\n\treturn 1\n", "notes": sentence}})
    lines = path.read_text().splitlines()
    assert lines[:4] == ["values:", "  code: |", "    def f():", "    \treturn 1"]
    assert lines[4] == "  notes: >-" and len(lines) > 6
    assert all(len(line) < 110 and line == line.rstrip() for line in lines)
    assert read_yaml(path, Held, "file").values["notes"] == sentence


def test_files_of_before_read_as_they_did(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    # As PyYAML wrote it, which wrapped plain texts and quoted whatever YAML 1.1 would have read otherwise.
    path.write_text(
        "values:\n  notes: one two\n    three\n  a: 'on'\n  b: '012'\n  c: \"tab\\tand\\nline\"\n"
        "  d: 1.0e-04\n  e: '1e-4'\n"
        "  f: |\n    def f():\n        return 1\n"
    )
    assert read_yaml(path, Held, "file").values == {
        "notes": "one two three", "a": "on", "b": "012", "c": "tab\tand\nline", "d": 1e-4, "e": "1e-4",
        "f": "def f():\n    return 1\n",
    }  # fmt: skip


def test_a_value_is_read_as_in_a_file() -> None:
    given = ("1e-4", "off", "true", "012", "2020-01-01", "[1, 2]", "a b", "", "=")
    assert [parse_value(text, "it") for text in given] == [
        1e-4,
        "off",
        True,
        12,
        "2020-01-01",
        [1, 2],
        "a b",
        None,
        "=",
    ]
    with pytest.raises(RewardSynthError, match=r"--argument x is not valid YAML: \[1"):
        parse_value("[1", "--argument x")
    with pytest.raises(RewardSynthError, match="--argument x is not valid YAML"):
        parse_value("{a: 1, a: 2}", "--argument x")
