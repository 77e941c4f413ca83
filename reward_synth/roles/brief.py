"""The values that roles read and pass on."""

from __future__ import annotations

import re
from dataclasses import dataclass

from reward_synth.core.names import RoleName, ScaleName
from reward_synth.llm.base import Request

Layout = tuple[tuple[str, tuple[int, ...]], ...]


@dataclass(frozen=True)
class Example:
    """A solved task, shown as an example of form."""

    goal: str
    source: str
    environment: str = ""


@dataclass(frozen=True)
class Attempt:
    """A reward that has been trained, with its figures in words."""

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

    :param goal: the person's sentence, verbatim.
    :param meaning: the task's own sentence, which says what counts; empty if the goal says the same.
    :param environment: what the environment is, in words.
    :param stub: typed state stub with units, ranges and signs.
    :param short_stub: the essential fields only, for a small model.
    :param fields: names of all fields.
    :param horizon: steps of an episode; ``dt`` seconds each, ``seconds`` together.
    :param attempts: trained rewards, best first.
    :param analysis: the analyzer's latest reading and plan; empty at first.
    :param feedback: the person's words, verbatim, oldest first.
    :param findings: lessons so far (rewards that were rejected, and why).
    :param small: True if the model wants short prompts.
    :param layout: name and shape of all fields. With it, a grammar keeps a small model from writing unknown fields;
        without it, there is no grammar.
    :param action_size: elements of the action vector; 0 if unknown.
    :param scale: how the terms become the reward.
    :param falls: False if the environment never ends a failed episode early, as far as aimless behaviour shows.
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
    findings: tuple[str, ...] = ()
    small: bool = False
    layout: Layout = ()
    action_size: int = 0
    scale: ScaleName = "sum"
    meaning: str = ""
    training: str = ""
    falls: bool = True

    @property
    def short_layout(self) -> Layout:
        """Name and shape of the fields that the short stub shows."""
        shown = set(re.findall(r"\w+", self.short_stub))
        return tuple((name, shape) for name, shape in self.layout if name in shown)


def as_text(request: Request) -> str:
    """A request as one readable text: what the run folder keeps, and what a person at a chat window pastes."""
    if len(request.messages) == 1:
        return request.messages[0].text
    return "\n\n".join(f"<!-- {message.role} -->\n{message.text}" for message in request.messages)
