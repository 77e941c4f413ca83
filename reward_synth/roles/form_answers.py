"""Reads the forms that a small model fills in, and what most of them mean."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from reward_synth.roles.measure_form import LASTS, WAYS, WHENS, Answer, Form, Quantity, Wish
from reward_synth.roles.parsing import ParseError
from reward_synth.roles.statements import Statement

NOTHING = "no field tells this"
"""What the form says of a statement that no field tells."""
_ANSWER = re.compile(r"^ +So: (?P<answer>[^\n]*)$", re.MULTILINE)
_WISH = re.compile(
    r"(?P<name>[\w\[\]]+) (?P<way>more than|less than|near) "
    r"(?:(?P<amount>-?[\d.]+(?:e-?\d+)?)|(?P<other>its start|[A-Za-z_][\w\[\]]*))(?: [^\n,]+?)?? "
    rf"(?P<when>{'|'.join(WHENS)})(?:, and so (?P<too>[\w\[\]]+))?$"
)


def parse_form(text: str, quantities: Sequence[Quantity], said: Sequence[Statement]) -> Form:
    """Parse a form that a model completed under the grammar.

    :raises ParseError: the text does not answer each statement, or holds no usable wish.
    """
    known = {quantity.name: quantity for quantity in quantities}
    lines = [match["answer"].strip() for match in _ANSWER.finditer(text)]
    if len(lines) != len(said):
        raise ParseError(f"the answer has {len(lines)} lines with 'So:', and the goal {len(said)} statements")
    answers = tuple(tuple(_wishes(line, known)) for line in lines)
    if not any(answers):
        raise ParseError("the answer does not say what the goal wants of which field")
    silent = tuple(place for place, line in enumerate(lines) if not answers[place] and line.rstrip(".") != LASTS)
    return Form(answers, any(line.rstrip(".") == LASTS for line in lines), silent)


def _wishes(line: str, known: Mapping[str, Quantity]) -> Iterator[Wish]:
    found = _WISH.match(line)
    if found is None or found["name"] not in known:
        return
    way = next(way for way in WAYS if way == found["way"])
    when = next(when for when in WHENS if when == found["when"])
    for name in (found["name"], found["too"]):
        if name in known:
            yield Wish(known[name], way, when, float(found["amount"] or 0.0), found["other"] or "")


def agreed(forms: Sequence[Form]) -> tuple[Form, tuple[int, ...]]:
    """The form that most of the forms mean in each statement, and the statements in which no two of three agree.

    :param forms: at least one; all of the same statements.
    """
    answers: list[Answer] = []
    split: list[int] = []
    for place, given in enumerate(zip(*(form.answers for form in forms), strict=True)):
        counted = Counter(tuple(wish.meaning for wish in answer) for answer in given)
        meaning, votes = counted.most_common(1)[0]
        if 3 * votes < 2 * len(forms):
            split.append(place)
        same = [answer for answer in given if tuple(wish.meaning for wish in answer) == meaning]
        answers.append(max(same, key=same.count))
    silent = tuple(
        place
        for place, answer in enumerate(answers)
        if not answer and sum(place in form.silent for form in forms) * 2 > len(forms)
    )
    lasts = 2 * sum(form.lasts for form in forms) > len(forms)
    return Form(tuple(answers), lasts, silent), tuple(split)
