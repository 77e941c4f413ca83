"""A success measure as a form: which quantity, which way, how much, when, and what must stay the same.

A small model writes wrong code although it means the right thing. So it chooses words, and this module makes both
measures and a sentence that explains them. The offered amounts come from recorded episodes: a goal should lie beyond
what aimless behaviour reaches.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from reward_synth.roles.parsing import ParseError
from reward_synth.state.episode import Episode
from reward_synth.state.fields import SWITCH_UNIT

When = Literal["on average", "at the end", "at some moment"]
Way = Literal["more than", "less than", "near"]
WHENS: tuple[When, ...] = ("on average", "at the end", "at some moment")
WAYS: tuple[Way, ...] = ("more than", "less than", "near")
NO_UNITS = ("1", SWITCH_UNIT)
HELD_SECONDS = 1.0
"""``at the end`` means throughout this many last seconds ..."""
LAST_PART = 0.25
"""... or throughout this last share of an episode, if that is shorter."""
_WISH = re.compile(
    r"(?P<name>[\w\[\]]+) to be [^\n]*\n"
    r"When: (?P<when>[^\n,]+), (?P<way>more than|less than|near) (?P<amount>-?[\d.]+(e-\d+)?)"
)
_STAYS = re.compile(r"^Meanwhile (?P<name>[\w\[\]]+) stays near its start", re.MULTILINE)
_LASTS = "until the time is up"
_LASTING = re.compile(
    r"\b(stay|keep|hold|remain|balance)(s|ing)?\b|\b(until the end|all the time|over and over|again and again)\b",
    re.IGNORECASE,
)
_JOINTS = re.compile(r"[,;:.]|\b(?:and|but|while|without|then|instead of)\b", re.IGNORECASE)
_CLAUSE = 3
"""Words of the shortest part of a sentence that says something of its own."""


@dataclass(frozen=True)
class Quantity:
    """The options of a goal for one number of the state.

    :param name: the field's name, with ``[i]`` for one element of a vector.
    :param unit: the field's unit.
    :param usual: its median over aimless episodes, by ``when``: the value of a robot that learned nothing.
    :param more: amounts offered for "more than", by ``when``; may be empty. The first of several is mild: it is for a
        condition that must only hold beside the main one.
    :param less: the same for "less than".
    :param near: amounts offered for "near".
    :param tolerance: the largest distance that counts as near.
    :param drift: the largest distance from its start that counts as "stays"; None if it never moves or moves by itself.
    :param signed: True if it has both signs, so that more is "positive" and not "high".
    """

    name: str
    unit: str
    usual: Mapping[When, float]
    more: Mapping[When, tuple[float, ...]]
    less: Mapping[When, tuple[float, ...]]
    near: tuple[float, ...]
    tolerance: float
    drift: float | None
    signed: bool

    def word(self, way: Way) -> str:
        """The way as a word that a small model knows."""
        words = ("positive", "negative") if self.signed else ("high", "low")
        return {"more than": words[0], "less than": words[1], "near": "near"}[way]

    def amounts(self, way: Way, when: When) -> tuple[float, ...]:
        """The offered amounts; empty if this way makes no sense."""
        return self.near if way == "near" else (self.more if way == "more than" else self.less)[when]

    def offered(self) -> dict[str, object]:
        """The options for the grammar: name, unit, and the ways with their amounts by ``when``."""
        ways = [(self.word(way), way, {w: found for w in WHENS if (found := self.amounts(way, w))}) for way in WAYS]
        return {
            "name": self.name,
            "unit": "" if self.unit in NO_UNITS else f" {self.unit}",
            "stays": self.drift is not None,
            "ways": [{"word": word, "way": way, "amounts": amounts} for word, way, amounts in ways if amounts],
        }


@dataclass(frozen=True)
class Wish:
    """One thing that the goal wants."""

    quantity: Quantity
    way: Way
    when: When
    amount: float

    @property
    def _values(self) -> str:
        name, bracket, index = self.quantity.name.partition("[")
        return f"episode.{name}[:, {index.removesuffix(']')}]" if bracket else f"episode.{name}"

    def _level(self, worst: bool) -> str:
        """Code for the number that is compared; ``worst`` takes the least favourable value of the time that counts."""
        values = f"{self._values}[-last:]" if self.when == "at the end" else self._values
        if self.way == "near":
            values = f"np.abs({values} - {_number(self.amount)})"
        # With "near", the distance should be small.
        low = self.way != "more than"
        if self.when == "on average" or (self.when == "at the end" and not worst):
            return f"np.mean({values})"
        best = self.when == "at some moment"
        return f"np.{'min' if low == best else 'max'}({values})"

    def condition(self) -> str:
        """Code that is true if the wish is fulfilled."""
        limit = self.quantity.tolerance if self.way == "near" else self.amount
        return f"{self._level(worst=True)} {'>' if self.way == 'more than' else '<'} {_number(limit)}"

    def level(self) -> str:
        """Code for a number that is larger the better the wish is fulfilled."""
        return ("" if self.way == "more than" else "-") + self._level(worst=False)

    def progress(self) -> str:
        """Code for the level as a share: 0 for aimless behaviour, 1 for the wanted amount, limited to -1 to 1."""
        if self.way == "near":
            return f"{_number(self.quantity.tolerance)} / max({_number(self.quantity.tolerance)}, {self._level(False)})"
        usual = _number(self.quantity.usual[self.when])
        return f"np.clip(({self._level(False)} - {usual}) / ({_number(self.amount)} - {usual}), -1.0, 1.0)"

    def words(self) -> str:
        """The wish in words for a person."""
        unit = "" if self.quantity.unit in NO_UNITS else f" {self.quantity.unit}"
        when = {"at the end": "throughout the end"}.get(self.when, self.when)
        if self.way == "near":
            within = _number(self.quantity.tolerance)
            return f"{self.quantity.name} is within {within}{unit} of {_number(self.amount)}{unit} {when}"
        return f"{self.quantity.name} is {self.way} {_number(self.amount)}{unit} {when}"


@dataclass(frozen=True)
class Form:
    """A completed form."""

    wishes: tuple[Wish, ...]
    """At least one; the first is the goal's main wish."""
    stays: tuple[Quantity, ...] = ()
    lasts: bool = False
    """True if the episode must not end early."""

    @property
    def meaning(self) -> tuple[str, Way]:
        """The goal's main quantity and direction: two forms that differ here mean different things."""
        return self.wishes[0].quantity.name, self.wishes[0].way

    def shortfall(self, goal: str) -> str | None:
        """What of the goal's sentence the form leaves out, in words; None if nothing is noticed.

        A small model tends to measure the first thing that a long sentence says. Only the sentence's words are read, so
        this is a doubt and no proof.
        """
        lasting = _LASTING.search(goal)
        if lasting is not None and all(wish.when == "at some moment" for wish in self.wishes):
            return f"the goal says '{lasting[0]}', and the draft asks for one moment only"
        named = sum(len(part.split()) >= _CLAUSE for part in _JOINTS.split(goal))
        measured = len(self.wishes) + len(self.stays) + self.lasts
        # One clause more may say how, or where from.
        if named > measured + 1:
            return f"the goal says {named} things, and the draft measures {measured}"
        return None

    def success(self) -> str:
        """Code of the success measure."""
        drifts = [f"{_drift(each)} < {_number(each.drift or 0.0)}" for each in self.stays]
        lasts = ["episode.length >= episode.horizon"] if self.lasts else []
        conditions = [*(wish.condition() for wish in self.wishes), *drifts, *lasts]
        return self._function("success", f"bool({' and '.join(conditions)})")

    def fitness(self) -> str:
        """Code of the fitness: the level of a single wish, or else the sum of the progress of all."""
        if self._single:
            return self._function("fitness", f"float({self.wishes[0].level()})")
        drifts = [f"{_number(q.drift or 0.0)} / max({_number(q.drift or 0.0)}, {_drift(q)})" for q in self.stays]
        return self._function("fitness", f"float({' + '.join([*(w.progress() for w in self.wishes), *drifts])})")

    @property
    def fitness_unit(self) -> str:
        """The unit of the fitness."""
        return self.wishes[0].quantity.unit if self._single else "parts of the goal"

    @property
    def _single(self) -> bool:
        return len(self.wishes) == 1 and not self.stays

    def explanation(self) -> str:
        """The meaning of success in a sentence."""
        parts = [wish.words() for wish in self.wishes]
        parts += [f"{q.name} stays within {_number(q.drift or 0.0)} {q.unit} of its start" for q in self.stays]
        parts += ["the episode does not end early"] if self.lasts else []
        held = f" (the end: the last {HELD_SECONDS:g} s)" if any(w.when == "at the end" for w in self.wishes) else ""
        return f"Success: {', and '.join(parts)}{held}."

    def _function(self, name: str, value: str) -> str:
        if "[-last:]" not in value:
            return value
        last = f"max(1, round(min({HELD_SECONDS!r}, {LAST_PART!r} * episode.horizon * episode.dt) / episode.dt))"
        return f"def {name}(episode):\n    last = {last}\n    return {value}\n"


def parse_form(text: str, quantities: Sequence[Quantity]) -> Form:
    """Parse a form that a model completed under the grammar.

    :raises ParseError: the text holds no usable wish.
    """
    known = {quantity.name: quantity for quantity in quantities}
    wishes = [
        Wish(known[found["name"]], way, when, float(found["amount"]))
        for found in _WISH.finditer(text)
        for way in WAYS
        for when in WHENS
        if found["name"] in known and (found["way"], found["when"]) == (way, when)
    ]
    if not wishes:
        raise ParseError("the answer does not say what the goal wants of which field")
    # A field has one wish only; the first one counts.
    distinct = {wish.quantity.name: wish for wish in reversed(wishes)}
    wishes = [wish for wish in wishes if distinct[wish.quantity.name] is wish]
    names = dict.fromkeys(found["name"] for found in _STAYS.finditer(text))
    stays = tuple(known[name] for name in names if name in known and name not in distinct and known[name].drift)
    return Form(tuple(wishes), stays, _LASTS in text)


def last_steps(episode: Episode) -> int:
    """The number of last states that "at the end" covers; the generated code computes the same."""
    return max(1, round(min(HELD_SECONDS, LAST_PART * episode.horizon * episode.dt) / episode.dt))


def _drift(quantity: Quantity) -> str:
    values = Wish(quantity, "near", "on average", 0.0)._values
    return f"np.max(np.abs({values} - {values}[0]))"


def _number(value: float) -> str:
    return f"{value:.4g}" if "." in f"{value:.4g}" or "e" in f"{value:.4g}" else f"{value:.4g}.0"
