"""Names of observation and action elements, from the tables in the docstrings of Gymnasium's environments.

Discrete actions are often in a list instead: ``- 0: push cart to the left``; and observations in brackets, as in
``the observation is [agent_x, agent_y, block_angle]``.

| Num | Observation      | Min  | Max | Unit         |
|-----|------------------|------|-----|--------------|
| 0   | Cart Position    | -4.8 | 4.8 | position (m) |
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from reward_synth.simulators.gym.mujoco_names import identifier

LONGEST_NAME = 40
_BRACKETS = re.compile(r"\[([A-Za-z][\w ]*(?:,\s*[A-Za-z][\w ]*)+)\]")
_CHOICE = re.compile(r"[-*]?\s*`?(\d+)`?\s*[:=]\s*(\S.*)")
_UNITS = re.compile(r"(?<![\w/])(m/s|m|rad/s|rad|N·?m|N m|N|s|deg)(?![\w/^²])")
"""A unit must be a word of its own: the letter s of "share" is not a second."""
_ARTICLES = re.compile(r"\b(the|a|an)\b ", re.IGNORECASE)


@dataclass(frozen=True)
class Element:
    """One row of such a table.

    :param name: Python identifier, made from the description.
    :param unit: from the table; ``1`` if it contains none.
    :param doc: the description itself, on one line.
    """

    name: str
    unit: str
    doc: str


def elements(docstring: str, column: str, size: int) -> tuple[Element, ...] | None:
    """The rows of the first table whose header has that column and whose rows are numbered 0 to ``size`` - 1.

    :param column: ``Observation`` or ``Action``.
    :return: None if no table fits, because a part of the names would be worse than none.
    """
    for header, rows in _tables(docstring):
        heads = [cell.lower() for cell in header]
        if column.lower() not in heads or heads[0] not in ("num", "index", "number", "#"):
            continue
        if [row[0] for row in rows] != [str(number) for number in range(size)]:
            continue
        text, unit = heads.index(column.lower()), heads.index("unit") if "unit" in heads else None
        found = [_element(row[text], row[unit] if unit is not None else "", column) for row in rows]
        return _distinct(found, column)
    return None


def listed(docstring: str, column: str, size: int) -> tuple[Element, ...] | None:
    """The ``size`` distinct names of a list in brackets, in the first paragraph that speaks of the column and has one.

    :return: None if there is none.
    """
    for paragraph in re.split(r"\n\s*\n", docstring):
        for found in _BRACKETS.findall(paragraph) if column.lower() in paragraph.lower() else ():
            names = [identifier(each, "") for each in found.split(",")]
            if len(names) == len(set(names)) == size and all(names):
                return tuple(
                    Element(name, "1", f"Element {n} of the {column.lower()}.") for n, name in enumerate(names)
                )
    return None


def choices(docstring: str, size: int) -> tuple[Element, ...] | None:
    """The choices of a discrete action: from a table, or from the first list that is numbered 0 to ``size`` - 1.

    :return: None if neither fits.
    """
    listed: list[str] = []
    for line in docstring.splitlines():
        found = _CHOICE.match(line.strip())
        if found is None or int(found[1]) not in (0, len(listed)):
            listed = []
        else:
            listed = [*(listed if int(found[1]) else []), found[2]]
        if len(listed) == size:
            break
    table = elements(docstring, "Action", size)
    if table is not None or len(listed) != size:
        return table
    return _distinct([_element(text, "", "Action") for text in listed], "Action")


def _tables(docstring: str) -> list[tuple[list[str], list[list[str]]]]:
    """Header and rows of each Markdown table, without rows whose length differs from the header's."""
    tables: list[tuple[list[str], list[list[str]]]] = []
    header: list[str] | None = None
    for line in docstring.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if not line.strip().startswith("|"):
            header = None
        elif header is None:
            header = cells
            tables.append((header, []))
        elif not set("".join(cells)) <= set("-: ") and len(cells) == len(header):
            tables[-1][1].append(cells)
    return tables


def _element(text: str, unit: str, column: str) -> Element:
    plain = re.sub(r"[`*$]", "", text)
    # "x = cos(theta)" is about x, and a remark in parentheses about something else.
    subject = re.sub(r"\([^)]*\)", " ", plain.partition("=")[0])
    name = identifier(_ARTICLES.sub("", subject), "")
    if len(name) > LONGEST_NAME:
        name = name[:LONGEST_NAME].rpartition("_")[0]
    found = _UNITS.search(unit.replace("position", "").replace("velocity", "")) or re.search(
        r"\((m/s|rad/s|m|rad)\)", plain
    )
    doc = "".join(char for char in " ".join(plain.split()) if char.isprintable())[:160].rstrip(".")
    return Element(name, found.group(1) if found else "1", f"{doc}." if name else f"Element of the {column.lower()}.")


def _distinct(found: list[Element], column: str) -> tuple[Element, ...]:
    """The elements under different names. One without a name, or with a name that occurs twice, gets its number."""
    names = [element.name for element in found]
    return tuple(
        Element(_numbered(element.name, names, number, column), element.unit, element.doc)
        for number, element in enumerate(found)
    )


def _numbered(name: str, names: list[str], number: int, column: str) -> str:
    if not name:
        return f"{column.lower()}_{number}"
    return f"{name}_{number}" if names.count(name) > 1 else name
