"""What was seen, as rows and as tables."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from containment_arms.arms import ARMS

PATH = Path(__file__).resolve().parents[1] / "results" / "containment.tsv"
START, END = "<!-- containment -->", "<!-- /containment -->"


@dataclass(frozen=True)
class Row:
    """One attack in one arm."""

    date: str
    corpus: str
    id: str
    kind: str
    arm: str
    user: str
    """``root`` or ``user``."""
    outcome: str
    """``landed``; else ``contained`` or ``no effect``, ``refused`` by the lint, or ``passed`` by the lint alone."""
    effects: str
    cause: str
    seconds: str
    peak_mb: str
    protection: str

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What there is one row of."""
        return self.corpus, self.id, self.arm, self.user

    @property
    def landed(self) -> bool:
        """True if an effect was seen."""
        return self.outcome == "landed"


def outcome(arm: str, observed: dict[str, object]) -> str:
    """In a word what became of the attack."""
    if observed["effects"]:
        return "landed"
    if observed["refused"]:
        return "refused"
    return {"none": "no effect", "lint": "passed"}.get(arm, "contained")


def read(path: Path = PATH) -> list[Row]:
    """Rows of earlier runs."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return [Row(**record) for record in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)]


def write(rows: Iterable[Row], path: Path = PATH) -> None:
    """All rows, in an order that does not depend on the run."""
    arms = list(ARMS)
    ordered = sorted(rows, key=lambda row: (row.corpus != "shared", arms.index(row.arm), row.user, row.kind, row.id))
    lines = ["\t".join(field.name for field in fields(Row))]
    lines += ["\t".join(map(_cell, asdict(row).values())) for row in ordered]
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _cell(value: object) -> str:
    printable = "".join(character if character.isprintable() else " " for character in str(value))
    return " ".join(printable.split())


def merge(old: Iterable[Row], new: Iterable[Row]) -> list[Row]:
    """The old rows with the new ones in their place."""
    rows = {row.key: row for row in old}
    rows |= {row.key: row for row in new}
    return list(rows.values())


def table(rows: list[Row]) -> str:
    """Markdown: per class, how many of the attacks that land without protection land in each arm."""
    found = {row.key: row for row in rows}
    live = {(row.corpus, row.id, row.user) for row in rows if row.arm == "none" and row.landed}
    columns = [(arm, user) for arm in ARMS for user in ("root", "user") if any(_of(rows, arm, user))]
    attacks = {(row.corpus, row.id): row.kind for row in rows}
    lines = [
        START,
        "| class | attacks | " + " | ".join(_head(arm, user) for arm, user in columns) + " |",
        "| --- " * (len(columns) + 2) + "|",
    ]
    for kind in [*sorted(set(attacks.values())), "all"]:
        chosen = [key for key, its in attacks.items() if kind in (its, "all")]
        cells = []
        for arm, user in columns:
            base = "root" if not any(_of(rows, "none", user)) else user
            tried = [found[*key, arm, user] for key in chosen if (*key, arm, user) in found]
            counted = [row for row in tried if arm == "none" or (row.corpus, row.id, base) in live]
            fell = sum(row.landed or row.outcome == "passed" for row in counted)
            cells.append(f"{fell} / {len(counted)}")
        lines.append(f"| {kind.replace('_', ' ')} | {len(chosen)} | " + " | ".join(cells) + " |")
    lines += [
        "",
        *(f"- **{arm.name}**: {arm.says}." for arm in ARMS.values() if any(a == arm.name for a, _ in columns)),
    ]
    return "\n".join([*lines, END])


def _of(rows: list[Row], arm: str, user: str) -> Iterable[Row]:
    return (row for row in rows if row.arm == arm and row.user == user)


def _head(arm: str, user: str) -> str:
    return arm if user == "root" else f"{arm}, ordinary user"
