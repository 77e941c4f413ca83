"""Takes a goal's sentence apart into statements, with what their words say of time, place and direction.

A small model understands one short statement at a time. A rule reads the time that counts better than it does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

When = Literal["on average", "all the time", "until the end", "at the end", "at some moment", "again and again"]
Towards = Literal["high", "low"]

SHORTEST = 2
"""Words of the shortest statement."""
LONGEST_STAY = 3
"""Words that say no more than that it stays: "stands still"."""


def _any(*alternatives: str) -> re.Pattern[str]:
    """A pattern that finds one of these words or phrases, each itself a pattern."""
    return re.compile(rf"\b(?:{'|'.join(alternatives)})\b", re.IGNORECASE)


_AFTER_AND = (
    "it|its|they|the|then|don't|doesn't|not|never|"
    "stays?|keeps?|holds?|stands?|remains?|rests?|leaves?|lands?|comes?|goes|runs?"
)
_JOINT = re.compile(
    r"(?P<join>[,;:.]?\s+(?:and then|so that|but|while|without|with|instead of|then)\s+|[;:.](?:\s+|$)"
    rf"|,?\s+and\s+(?=(?:{_AFTER_AND})\b)|,\s+(?:and\s+)?)",
    re.IGNORECASE,
)
_KEPT = ("without", "instead of", "with")
"""Words between two statements that belong to what the second one says."""
_POINTS_BACK = re.compile(
    r"^(?:then |should |it should |it )*(?:again|over and over|about|much|in either"
    r"|(?:stay|keep|hold|remain|leave|rest|stand|balance)s?(?:ing)?\b"
    r"(?=.*\b(?:there|like that|so|its (?:position|place) (?:right )?at)\b))",
    re.IGNORECASE,
)
_IN_PLACE = _any(r"in (?:one )?place", r"on the spot")
_WHOLE = _any(
    r"in (?:one )?place",
    r"on the spot",
    r"all the time",
    r"always",
    r"the whole time",
    r"never",
    r"without",
    r"not",
    r"keep(?:s|ing)?",
    r"\w+n't",
)
_STAYS = _any(r"(?:stay|hold|remain|rest|stand|balance|keep)(?:s|ing)?")
_LASTING = _any(_STAYS.pattern, r"until the end", r"no longer")
_NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?")
_AT_END = _any(r"in the end", r"at the end", r"finally")
_AGAIN = _any(r"again and again", r"over and over", r"repeatedly", r"each time")
_HIGH = _any(
    r"high", r"up", r"lifts?", r"rises?", r"rears?", r"in the air", r"(?:off|leaves?|from) the (?:ground|floor)"
)
_OFF_GROUND = _any(r"in the air", r"(?:off|leaves?) the (?:ground|floor)")
_BOUND = _any(
    r"more", r"less", r"over", r"under", r"above", r"below", r"beyond", r"faster", r"slower", r"at (?:least|most)"
)
_LOW = _any(r"low", r"lower", r"down", r"closer? to the (?:ground|floor)", r"on the (?:ground|floor)", r"lies?")
_BOTH = _any(r"both", r"each of", r"all of", r"all its", r"either")
_STARTS = _any(
    r"start(?:s|ed|ing)?", r"beg(?:in|an|inning)", r"spot", r"place", r"travels?", r"mov(?:es?|ing)", r"still",
    r"spill(?:s|ing)?",
)  # fmt: skip
_TRAVELS = _any(
    r"(?:without|not|never|\w+n't) (?:travel|mov|go)(?:s|es|ing|e)? (?:away|anywhere|off)",
    r"(?:without|\w+n't) travel(?:ling|ing)?",
)
_TURNS = _any(
    r"spin(?:s|ning)?", r"rotat(?:es?|ing)", r"pirouettes?", r"turn(?:s|ing)? (?:\w+ ){0,3}a?round", r"circles?",
    r"(?:front |back )?flips?", r"somersaults?", r"cartwheels?",
)  # fmt: skip
_COUNTED = _any(
    r"once", r"twice", r"\w+ times",
    r"(?:one|two|three|an?|full|whole|half|quarter) (?:\w+ )?(?:circle|turn|flip|somersault)s?",
)  # fmt: skip
_ENDS = _any(
    r"fall(?:s|ing)?", r"tip(?:s|ping)? over", r"toppl(?:es?|ing)", r"crash(?:es|ing)?", r"collid(?:es?|ing)",
    r"(?:run|drive|drift|bump)(?:s|ning|ing|ping)? (?:onto|into|against|off|out of)",
)  # fmt: skip


@dataclass(frozen=True)
class Statement:
    """One thing that a goal says."""

    text: str

    @property
    def whens(self) -> tuple[When, ...]:
        """The times that its words allow; those of an unspoken time if they name none."""
        if _AGAIN.search(self.text):
            return ("again and again",)
        if _WHOLE.search(self.text):
            return ("all the time",)
        if _LASTING.search(self.text):
            return ("until the end",)
        return ("at the end",) if _AT_END.search(self.text) else ("on average", "at the end", "at some moment")

    @property
    def numbers(self) -> frozenset[float]:
        """The numbers that it names."""
        return frozenset(map(float, _NUMBER.findall(self.text)))

    @property
    def names_a_value(self) -> bool:
        """True if it names a number that is neither a lower nor an upper bound."""
        return bool(self.numbers) and _BOUND.search(self.text) is None

    @property
    def off_the_ground(self) -> bool:
        """True if a part should touch nothing."""
        return _OFF_GROUND.search(self.text) is not None and self.towards == "high"

    @property
    def towards(self) -> Towards | None:
        """The direction that it names for heights and contacts; None for no or both directions."""
        high, low = _HIGH.search(self.text) is not None, _LOW.search(self.text) is not None
        return None if high == low else "high" if high else "low"

    @property
    def of_height(self) -> bool:
        """True if it speaks of getting off the ground, once or again and again."""
        return self.towards == "high" or _AGAIN.search(self.text) is not None

    @property
    def both(self) -> bool:
        """True if it speaks of several parts alike."""
        return _BOTH.search(self.text) is not None

    @property
    def of_the_start(self) -> bool:
        """True if it may want something to be as it was at the start."""
        return _STARTS.search(self.text) is not None

    @property
    def of_a_kept_place(self) -> bool:
        """True if it says that the robot stays where it is."""
        return _IN_PLACE.search(self.text) is not None or _TRAVELS.search(self.text) is not None

    @property
    def turns(self) -> bool:
        """True if it wants the robot to turn around or over, which no angle at one moment shows."""
        return _TURNS.search(self.text) is not None and _WHOLE.search(self.text) is None

    @property
    def counts_turns(self) -> bool:
        """True if it also says how often."""
        return self.turns and _COUNTED.search(self.text) is not None

    @property
    def of_an_early_end(self) -> bool:
        """True if it forbids what ends an episode early in many environments: a fall, or leaving the bounds."""
        return _ENDS.search(self.text) is not None and _WHOLE.search(self.text) is not None


def statements(goal: str) -> tuple[Statement, ...]:
    """The statements of a sentence, in order; at least one if it has any word.

    What points back ("and stays there", "again and again") belongs to the statement before it.
    """
    found: list[str] = []
    join, place = "", 0
    for match in (*_JOINT.finditer(goal), None):
        text = re.sub(r"\s+(?:and|or)$", "", goal[place : match.start() if match else len(goal)].strip(" ,;:.\n"))
        if text:
            kept = next((word for word in _KEPT if re.search(rf"\b{word}\b", join, re.IGNORECASE)), "")
            if found and (_POINTS_BACK.match(text) or (len(text.split()) < SHORTEST and not kept)):
                found[-1] += f"{' and' if 'and' in join.split() else ','} {text}"
            else:
                found.append(f"{kept} {text}".strip())
            join = ""
        if match:
            join, place = join + match["join"], match.end()
    words = (re.sub(r"[\"\\\s]+", " ", text).strip() for text in found)
    return tuple(Statement(part) for text in words for part in _placed(text))


def _placed(text: str) -> Iterator[str]:
    """A statement, and where it happens as one of its own: "hop" and "on the spot"."""
    place = _IN_PLACE.search(text)
    rest = re.sub(r"\s+(?=,|$)", "", _IN_PLACE.sub("", text)).strip(" ,")
    if place is None or not rest or (_STAYS.search(rest) and len(rest.split()) <= LONGEST_STAY):
        yield text
    else:
        yield re.sub(r"\s+", " ", rest)
        yield place[0]
