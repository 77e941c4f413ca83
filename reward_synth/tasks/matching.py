"""Decides whether a typed goal equals a known one. It is strict, since a wrong match trains the wrong behaviour."""

from __future__ import annotations

import re

# Words that ask for a behaviour but do not describe it. Negations, directions and numbers must not be added.
_FILLER_TEXT = (
    "a an as can could do get have having how i in it its itself just learn let make my of please should so "
    "shall be teach that the to train want would you agent policy robot simulated"
)
_FILLERS = frozenset(_FILLER_TEXT.split())
_SPELLINGS = (
    (r"-v\d+\b", " "),
    (r"['’]s\b", ""),
    (r"\bhalf[\s_-]*cheetah\b", " cheetah "),
    (r"\bwalker[\s_-]*2d\b|\b2d[\s_-]+walker\b", " walker "),
    (r"\bm\s*/\s*s\b|\b(?:met(?:er|re)s?|m) (?:per|a) s(?:ec(?:ond)?)?\b", " mps "),
    (r"\b(?:rear|back)wards?\b", " backward "),
)


def _common_form(word: str) -> str:
    """The word without endings that do not matter here: ``hopping``, ``hops`` and ``hop`` become the same."""
    if len(word) > 5 and word.endswith("ing"):
        word = word[:-3]
        return word[:-1] if word[-1] == word[-2] and word[-1] in "bdgmnpt" else word
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


def tokens(text: str) -> tuple[str, ...]:
    """The words with a meaning, in a common form, sorted, because word order rarely distinguishes two goals."""
    text = text.lower()
    for pattern, replacement in _SPELLINGS:
        text = re.sub(pattern, replacement, text)
    words = re.findall(r"(?:(?<!\w)-)?\d+(?:\.\d+)?|[^\W\d_]+", text)
    return tuple(sorted(_common_form(word) for word in words if word not in _FILLERS))


def robot_tokens(environment_id: str) -> frozenset[str]:
    """The words that only name the robot: ``HalfCheetah-v5`` gives ``cheetah``.

    An id in small letters, such as ``drawer-open-v3``, gives none: it names the task.
    """
    name = re.split(r"[/:]", environment_id)[-1]
    if name == name.lower():
        return frozenset()
    return frozenset(tokens(re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)))


def says_the_same(goal: str, known: str, environment_id: str | None = None) -> bool:
    """True if both texts have the same words, apart from fillers and endings.

    :param environment_id: the environment, if it was given apart from the goal: then neither text needs to
        name the robot.
    """
    left, right = tokens(goal), tokens(known)
    if environment_id is not None:
        robot = robot_tokens(environment_id)
        left = tuple(word for word in left if word not in robot)
        right = tuple(word for word in right if word not in robot)
    return bool(left) and left == right
