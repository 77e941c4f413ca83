"""Success and fitness as a form: for each statement of a goal a quantity, which way, how much, and when.

A small model writes wrong code although it means the right thing. So it chooses words, statement by statement, and this
module makes both measures and a sentence that explains them. The offered amounts come from recorded episodes: a goal
should lie beyond what aimless behaviour reaches.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

from reward_synth.roles.statements import Statement, When
from reward_synth.state.episode import Episode
from reward_synth.state.fields import SWITCH_UNIT

Way = Literal["more than", "less than", "near"]
WHENS: tuple[When, ...] = get_args(When)
WAYS: tuple[Way, ...] = get_args(Way)
NO_UNITS = ("1", SWITCH_UNIT)
START = "its start"
"""What a quantity is near that should stay as it was."""
HELD_SECONDS = 1.0
"""``at the end`` means throughout this many last seconds ..."""
LAST_PART = 0.25
"""... or throughout this last share of an episode, if that is shorter."""
LASTING_PART = 0.5
"""``until the end`` means throughout this last share of an episode ..."""
NEARLY_ALWAYS = 0.95
"""... in at least this share of its steps: a policy trembles."""
ON_THE_WAY = 2.0
"""``all the time`` allows so many tolerances: what is kept near a value gives way while the rest is done."""
PERIOD_SECONDS = 2.0
"""``again and again`` means at least once in this time, and not all of this time."""
THROUGHOUT: frozenset[When] = frozenset({"on average", "all the time", "until the end", "again and again"})
"""Times that an episode which ends early cuts short: who dives forward and falls is fast on average."""
LASTS = "the episode does not end early"


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
    :param start: its usual value at the start.
    :param tolerance: the largest distance that counts as near.
    :param drift: the largest distance from its start that counts as "stays"; None if it never moves or moves by itself.
    :param signed: True if it has both signs, so that more is "positive" and not "high".
    :param targets: quantities that stand still, and that it may be wanted near.
    :param alike: quantities of other parts or axes that differ from it by one word of their names.
    :param axes: those of them that are the other axes of the same place.
    """

    name: str
    unit: str
    usual: Mapping[When, float]
    more: Mapping[When, tuple[float, ...]]
    less: Mapping[When, tuple[float, ...]]
    near: tuple[float, ...]
    start: float
    tolerance: float
    drift: float | None
    signed: bool
    targets: tuple[str, ...] = ()
    alike: tuple[str, ...] = ()
    axes: tuple[str, ...] = ()

    def word(self, way: Way) -> str:
        """The way as a word that a small model knows."""
        words = ("1", "0") if self.unit == SWITCH_UNIT else ("positive", "negative") if self.signed else ("high", "low")
        return words[0] if way == "more than" else words[1]

    def amounts(self, way: Way, when: When) -> tuple[float, ...]:
        """The amounts offered for "more than" or "less than"; empty if this way makes no sense."""
        return (self.more if way == "more than" else self.less)[when]

    @property
    def rate(self) -> bool:
        """True if it is a velocity, which counts on average and not at one moment."""
        return self.unit.endswith("/s")

    @property
    def place(self) -> bool:
        """True if it says where the robot is on the ground."""
        return self.unit == "m" and self.drift is not None and "height" not in self.name

    @property
    def contact(self) -> str:
        """The part whose contact it is; empty for anything else."""
        return self.name.removesuffix("_contact") if self.unit == SWITCH_UNIT and "contact" in self.name else ""

    @property
    def values(self) -> str:
        """Code for its values, one for each step."""
        name, bracket, index = self.name.partition("[")
        return f"episode.{name}[:, {index.removesuffix(']')}]" if bracket else f"episode.{name}"

    def words(self, statement: Statement, main: bool) -> Iterator[tuple[str, tuple[str, ...]]]:
        """The words that it may be said to be in a statement, each with the conditions that fit.

        :param main: True for the first statement, whose amounts lie beyond aimless behaviour.
        """
        unit = "" if self.unit in NO_UNITS else f" {self.unit}"
        whens = statement.whens
        # What is not so at the start cannot be so all the time.
        lasting: tuple[When, ...] = ("until the end",) if whens == ("all the time",) else whens
        beyond, as_before, anew = lasting, whens, lasting
        if len(whens) > 1:
            # A velocity counts on average, and what is reached is to be kept.
            as_before = anew = ("on average",) if self.rate else ("until the end",)
            beyond = ("on average",) if self.rate else whens
        offered = {*self.near, *(each for way in (self.more, self.less) for found in way.values() for each in found)}
        named = statement.numbers & offered
        exact = bool(named) and statement.names_a_value
        for way in WAYS[:2] if not statement.of_a_kept_place and not exact else ():
            if not self._may_be(way, statement):
                continue
            found = [
                f"{way} {_short(amount)}{unit} {when}"
                for when in beyond
                for amount in _beyond_mild(self.amounts(way, when), main, when)
                if not named or amount in named
            ]
            if found:
                yield self.word(way), tuple(found)
        if "again and again" in whens or self.unit == SWITCH_UNIT:
            return
        for amount in self.near if not statement.of_a_kept_place else ():
            as_now = abs(amount - self.start) <= self.tolerance
            if (main and as_now and len(whens) > 1) or (named and amount not in named):
                # A goal does not begin with what is so already, and a number that it names is meant.
                continue
            kept = as_before if as_now else anew
            yield f"near {_short(amount)}", tuple(f"near {_short(amount)}{unit} {when}" for when in kept)
        for target in self.targets:
            yield f"near {target}", tuple(f"near {target} {when}" for when in anew)
        if self.drift is not None and (statement.of_the_start or statement.of_a_kept_place):
            yield f"near {START}", (f"near {START} all the time",)

    def _may_be(self, way: Way, statement: Statement) -> bool:
        """Whether a statement's word for a direction allows this one: in the air, heights are high and contacts end."""
        if statement.towards is None:
            return True
        high = statement.towards == "high"
        if "height" in self.name:
            return high == (way == "more than")
        return not (self.unit == SWITCH_UNIT and high) or way == "less than"


@dataclass(frozen=True)
class Wish:
    """One thing that the goal wants.

    :param other: what it should be near instead of an amount: another quantity's name, or :data:`START`.
    :param lifted_from: the contact of a part whose height counts only while it touches nothing; empty for others.
    """

    quantity: Quantity
    way: Way
    when: When
    amount: float = 0.0
    other: str = ""
    lifted_from: str = ""

    @property
    def meaning(self) -> tuple[str, Way, str]:
        """The quantity and the direction: wishes that differ here mean different things."""
        return self.quantity.name, self.way, self.other or (_short(self.amount) if self.way == "near" else "")

    @property
    def limit(self) -> float:
        """The number that the compared one must exceed, or stay below."""
        if self.way != "near":
            return self.amount
        if self.other == START:
            return self.quantity.drift or 0.0
        return (ON_THE_WAY if self.when == "all the time" else 1.0) * self.quantity.tolerance

    @property
    def _values(self) -> str:
        """Code for the compared numbers: the quantity, or its distance from what it should be near."""
        values = self.quantity.values
        if self.lifted_from:
            return f"((episode.{self.lifted_from} < 0.5) * {values})"
        if self.way != "near":
            return values
        if self.other:
            return f"np.abs({values} - {f'{values}[0]' if self.other == START else f'episode.{self.other}'})"
        return f"np.abs({values} - {_number(self.amount)})"

    def condition(self) -> str:
        """Code that is true if the wish is fulfilled. It may use ``last``, ``half`` and ``periods``."""
        sign, limit, values = ">" if self.way == "more than" else "<", _number(self.limit), self._values
        extreme = "np.min" if self.way == "more than" else "np.max"
        match self.when:
            case "on average":
                return f"np.mean({values}) {sign} {limit}"
            case "at some moment":
                return f"{'np.max' if self.way == 'more than' else 'np.min'}({values}) {sign} {limit}"
            case "all the time":
                return f"{extreme}({values}) {sign} {limit}"
            case "at the end":
                return f"{extreme}({values}[-last:]) {sign} {limit}"
            case "until the end":
                return f"np.mean({values}[-half:] {sign} {limit}) > {NEARLY_ALWAYS}"
            case "again and again":
                part = _part(values)
                return f"all(np.max({part}) > {limit} > np.min({part}) for i in range(periods))"

    def level(self) -> str:
        """Code for a number that is larger the better the wish is fulfilled."""
        sign = "" if self.way == "more than" else "-"
        extreme = "np.max" if self.way == "more than" else "np.min"
        match self.when:
            case "at some moment":
                return f"{sign}{extreme}({self._values})"
            case "at the end":
                return f"{sign}np.mean({self._values}[-last:])"
            case "until the end":
                return f"{sign}np.mean({self._values}[-half:])"
            case "again and again":
                return f"{sign}np.mean([{extreme}({_part(self._values)}) for i in range(periods)])"
            case _:
                return f"{sign}np.mean({self._values})"

    def progress(self) -> str:
        """Code for the level as a share: 0 for aimless behaviour, 1 for the wanted amount, limited to -1 to 1."""
        if self.way == "near":
            limit = _number(self.limit)
            return f"{limit} / max({limit}, {self.level().removeprefix('-')})"
        sign = 1.0 if self.way == "more than" else -1.0
        usual, wanted = sign * self.quantity.usual[self.when], sign * self.amount
        return f"np.clip(({self.level()} - {_number(usual)}) / {_number(wanted - usual)}, -1.0, 1.0)"

    def words(self) -> str:
        """The wish in words for a person."""
        unit = "" if self.quantity.unit in NO_UNITS else f" {self.quantity.unit}"
        when = {"at the end": "throughout the end", "until the end": "throughout the second half"}.get(
            self.when, self.when
        )
        if self.way == "near":
            wanted = self.other or f"{_number(self.amount)}{unit}"
            return f"{self.quantity.name} is within {_number(self.limit)}{unit} of {wanted} {when}"
        lifted = f" without {self.lifted_from}" if self.lifted_from else ""
        return f"{self.quantity.name}{lifted} is {self.way} {_number(self.amount)}{unit} {when}"


Answer = tuple[Wish, ...]
"""A statement's wishes; empty if no field tells it or the episode must only last."""


@dataclass(frozen=True)
class Form:
    """A completed form: an answer to each statement.

    :param silent: the statements of which no field tells anything.
    """

    answers: tuple[Answer, ...]
    lasts: bool = False
    """True if the episode must not end early."""
    silent: tuple[int, ...] = ()

    @property
    def wishes(self) -> tuple[Wish, ...]:
        """All wishes. A quantity has one wish of a kind only; the first one counts."""
        distinct: dict[tuple[str, str, When | None], Wish] = {}
        for wish in (wish for answer in self.answers for wish in answer):
            when = None if wish.way == "near" else wish.when
            distinct.setdefault((wish.quantity.name, wish.lifted_from, when), wish)
        return tuple(distinct.values())

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of the fields that the wishes are about."""
        return tuple(dict.fromkeys(wish.quantity.name.partition("[")[0] for wish in self.wishes))

    def off_the_ground(self, said: Sequence[Statement], quantities: Sequence[Quantity]) -> Form:
        """The form with the contact of each part that should be high off the ground: a tiptoe is high as well."""
        contacts = {quantity.contact: quantity for quantity in quantities if quantity.contact}
        answers = (
            tuple(_lifted(answer, contacts)) if statement.off_the_ground else answer
            for statement, answer in zip(said, self.answers, strict=True)
        )
        return replace(self, answers=tuple(answers))

    @property
    def throughout(self) -> bool:
        """True if what it wants takes the whole episode."""
        return any(wish.when in THROUGHOUT for wish in self.wishes)

    def shortfall(self, said: Sequence[Statement]) -> str | None:
        """What of the goal the form leaves out, in words; None if it answers all statements."""
        if not self.silent:
            return None
        return f"the goal says '{said[self.silent[0]].text}', and the draft measures nothing of it"

    def success(self) -> str:
        """Code of the success measure."""
        lasts = ["episode.length >= episode.horizon"] if self.lasts else []
        return self._function("success", f"bool({' and '.join([*(w.condition() for w in self.wishes), *lasts])})")

    def fitness(self) -> str:
        """Code of the fitness: the level of a single wish, or else the sum of the progress of all.

        Where the episode must last, the time after an early end counts as aimless: who jumps once and falls has done
        little of jumping again and again. An early end hides nothing that is worse than aimless.
        """
        if self._single:
            return self._function("fitness", f"float({self.wishes[0].level()})")
        parts = [wish.progress() for wish in self.wishes]
        if not self.lasts:
            return self._function("fitness", f"float({' + '.join(parts)})")
        share, summed = (
            "episode.length / episode.horizon",
            "np.sum(parts.clip(-1.0, 0.0) + share * parts.clip(0.0, 1.0))",
        )
        lines = f"    parts = np.array([{', '.join(parts)}])\n    share = {share}\n"
        return self._function("fitness", f"float({summed} + share)", lines)

    @property
    def fitness_unit(self) -> str:
        """The unit of the fitness."""
        return self.wishes[0].quantity.unit if self._single else "parts of the goal"

    @property
    def _single(self) -> bool:
        return len(self.wishes) == 1 and not self.lasts

    def explanation(self) -> str:
        """The meaning of success in a sentence."""
        parts = [wish.words() for wish in self.wishes]
        parts += [LASTS] if self.lasts else []
        held = f" (the end: the last {HELD_SECONDS:g} s)" if any(w.when == "at the end" for w in self.wishes) else ""
        return f"Success: {', and '.join(parts)}{held}."

    def _function(self, name: str, value: str, before: str = "") -> str:
        lengths = {
            "last": f"min({HELD_SECONDS!r}, {LAST_PART!r} * episode.horizon * episode.dt) / episode.dt",
            "half": f"{LASTING_PART!r} * episode.length",
            "periods": f"episode.length * episode.dt / {PERIOD_SECONDS!r}",
        }
        needed = {key: code for key, code in lengths.items() if re.search(rf"\b{key}\b", before + value)}
        if not needed and not before:
            return value
        lines = "".join(f"    {key} = max(1, round({code}))\n" for key, code in needed.items())
        return f"def {name}(episode):\n{lines}{before}    return {value}\n"


def last_steps(episode: Episode) -> int:
    """The number of last states that "at the end" covers; the generated code computes the same."""
    return max(1, round(min(HELD_SECONDS, LAST_PART * episode.horizon * episode.dt) / episode.dt))


def _lifted(answer: Answer, contacts: Mapping[str, Quantity]) -> Iterator[Wish]:
    """The wishes of an answer; the parts whose height it wants touch nothing meanwhile."""
    for wish in answer:
        contact = contacts.get(wish.quantity.name.removesuffix("_height"))
        if wish.way != "more than" or contact is None or contact is wish.quantity:
            yield wish
        else:
            yield replace(wish, lifted_from=contact.name)
            yield Wish(contact, "less than", wish.when, contact.less[wish.when][0])


def _beyond_mild(amounts: tuple[float, ...], main: bool, when: When) -> tuple[float, ...]:
    """The amounts for the main statement lie beyond aimless behaviour; to reach one again and again is more."""
    return amounts[:1] if when == "again and again" else amounts[1:] or amounts if main else amounts


def _part(values: str) -> str:
    """Code for the values of the period with the number ``i``."""
    return f"{values}[i * episode.length // periods : (i + 1) * episode.length // periods]"


def _short(value: float) -> str:
    return f"{value:.4g}"


def _number(value: float) -> str:
    return f"{value:.4g}" if "." in f"{value:.4g}" or "e" in f"{value:.4g}" else f"{value:.4g}.0"
