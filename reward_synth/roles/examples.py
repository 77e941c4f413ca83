"""The pool of solved tasks that a strong model reads as examples of the form."""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from reward_synth.core.resources import data_dir
from reward_synth.roles.brief import Example

_HEADER = re.compile(r"^#\s*(?P<key>task|goal|environment)\s*:\s*(?P<value>.+?)\s*$")
_COMMON = frozenset(
    ("a", "an", "and", "as", "at", "by", "for", "in", "it", "its", "make", "of", "on", "that", "the", "to", "with")
)


@dataclass(frozen=True)
class PoolExample:
    """A worked reward and the task that it solves."""

    task: str
    """Name of the task spec, ``gym/walker2d_walk_forward``. The example is never used for its own task."""
    goal: str
    environment: str
    source: str
    """The reward's code, without the header."""


def read_example(path: Path) -> PoolExample:
    """Read an example file: comment lines ``# task: …``, ``# goal: …``, ``# environment: …``, then the reward.

    :raises ValueError: a header line is missing.
    """
    lines = path.read_text(encoding="utf-8").split("\n")
    header: dict[str, str] = {}
    while lines and (match := _HEADER.match(lines[0])):
        header[match["key"]] = match["value"]
        lines.pop(0)
    missing = {"task", "goal", "environment"} - header.keys()
    if missing:
        raise ValueError(f"{path} lacks the header line '# {sorted(missing)[0]}: …'")
    source = "\n".join(lines).strip("\n") + "\n"
    return PoolExample(header["task"], header["goal"], header["environment"], source)


def load_pool(folder: Path | None = None) -> tuple[PoolExample, ...]:
    """All shipped examples (or those in ``folder``), by file name."""
    folder = folder or data_dir("prompts") / "examples"
    return tuple(read_example(path) for path in sorted(folder.glob("*.py")))


def retrieve(
    goal: str,
    environment: str,
    count: int,
    leave_out_task: str | None = None,
) -> tuple[Example, ...]:
    """The ``count`` examples nearest to a goal, by overlap of weighted words; the goal's own task is left out.

    :param environment: id of the goal's environment; examples of the same robot rank higher.
    :param leave_out_task: task name, with or without its folder. An example with the same goal and environment is also
        left out, under any name.
    """
    own = (leave_out_task or "").rsplit("/", 1)[-1]
    pool = [
        example
        for example in load_pool()
        if example.task.rsplit("/", 1)[-1] != own
        and not (_words(example.goal) == _words(goal) and example.environment == environment)
    ]
    weights = _rarity([*(_words(e.goal) | _words(e.environment) for e in pool), _words(goal)])
    wanted = _words(goal) | _words(environment)
    ranked = sorted(pool, key=lambda e: -_overlap(wanted, _words(e.goal) | _words(e.environment), weights))
    return tuple(Example(e.goal, e.source, e.environment) for e in ranked[: max(count, 0)])


def _words(text: str) -> frozenset[str]:
    split = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text)
    words = re.findall(r"[a-z]+", split.lower())
    return frozenset(_stem(word) for word in words if word not in _COMMON and len(word) > 1)


def _stem(word: str) -> str:
    for ending in ("ping", "ning", "ing", "wards", "ward", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)]
    return word


def _rarity(documents: list[frozenset[str]]) -> dict[str, float]:
    counts = Counter(word for document in documents for word in document)
    return {word: math.log(1 + len(documents) / number) for word, number in counts.items()}


def _overlap(one: frozenset[str], other: frozenset[str], weights: dict[str, float]) -> float:
    shared = sum(weights.get(word, 0.0) for word in one & other)
    whole = sum(weights.get(word, 1.0) for word in one | other)
    return shared / whole if whole else 0.0
