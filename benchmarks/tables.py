"""The tables of `results/`: tab-separated, with the names of the columns in the first line."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path


def read(path: Path) -> list[dict[str, str]]:
    """The rows of a table; none if there is no such file."""
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def write(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, str]]) -> None:
    """A whole table, which takes the place of an earlier one once it is whole. What a row lacks stays empty."""
    fresh = path.with_suffix(".new")
    with fresh.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, delimiter="\t", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    fresh.replace(path)


def add(path: Path, columns: Sequence[str], row: Sequence[object]) -> None:
    """Append a row, and begin the table if it is new."""
    line = "\t".join(map(str, row)) + "\n"
    with path.open("a", encoding="utf-8") as file:
        file.write(line if file.tell() else "\t".join(columns) + "\n" + line)
    print(line, end="", file=sys.stderr, flush=True)
