"""The values that roles read and return."""

from __future__ import annotations

import re
from dataclasses import dataclass

from reward_synth.core.names import RoleName, ScaleName
from reward_synth.llm.base import Request

Layout = tuple[tuple[str, tuple[int, ...]], ...]


@dataclass(frozen=True)
class Example:
    """A solved task, shown as an example of the form."""

    goal: str
    source: str
    environment: str = ""


@dataclass(frozen=True)
class Attempt:
    """A trained reward with a summary of its results."""

    id: str
    source: str
    summary: str


@dataclass(frozen=True)
class Turn:
    """The analyzer's reading of one iteration."""

    iteration: int
    text: str


@dataclass(frozen=True)
class Exchange:
    """One prompt and the answer to it, for the run folder."""

    role: RoleName
    prompt: str
    answer: str


@dataclass(frozen=True)
class Brief:
    """Everything about the task that a prompt may show. It never holds the native reward, its terms or its name.

    :param goal: the goal in the person's words.
    :param meaning: the task's own sentence on what success means; empty if the goal says the same.
    :param environment: a description of the environment.
    :param stub: typed state stub with units, ranges and signs.
    :param short_stub: the essential fields only, for a small model.
    :param fields: names of all fields.
    :param horizon: steps of an episode, of ``dt`` seconds each and ``seconds`` in total.
    :param attempts: trained rewards, best first.
    :param analysis: the analyzer's latest reading and plan; empty at first.
    :param feedback: the person's words, unchanged, oldest first.
    :param ordered: recorded behaviours in the person's order, and what the rewards so far pay there.
    :param findings: lessons so far: why rewards were rejected.
    :param small: True if the model wants short prompts.
    :param layout: names and shapes of all fields. With it, a grammar keeps a small model from writing unknown fields;
        without it, there is no grammar.
    :param action_size: elements of the action vector; 0 if unknown.
    :param scale: how the terms become the reward.
    :param falls: False if the environment ended no failed aimless episode early.
    :param seen: start values and ranges of the essential fields over aimless episodes, one line per field.
    :param training: which learner trains on the reward, for how long, and how far it looks ahead, in words.
    """

    goal: str
    environment: str
    stub: str
    short_stub: str
    fields: tuple[str, ...]
    horizon: int
    dt: float
    seconds: float
    examples: tuple[Example, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    analysis: str = ""
    feedback: tuple[str, ...] = ()
    ordered: str = ""
    findings: tuple[str, ...] = ()
    small: bool = False
    layout: Layout = ()
    action_size: int = 0
    scale: ScaleName = "sum"
    meaning: str = ""
    training: str = ""
    falls: bool = True
    seen: str = ""

    @property
    def short_layout(self) -> Layout:
        """Names and shapes of the fields in the short stub."""
        shown = set(re.findall(r"\w+", self.short_stub))
        return tuple((name, shape) for name, shape in self.layout if name in shown)


def as_text(request: Request) -> str:
    """A request as one readable text, for the run folder and for a person who pastes it into a chat window."""
    if len(request.messages) == 1:
        return request.messages[0].text
    return "\n\n".join(f"<!-- {message.role} -->\n{message.text}" for message in request.messages)
