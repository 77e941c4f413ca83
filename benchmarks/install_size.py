"""What an installation takes on disk: the package alone, and what each extra adds.

    python benchmarks/install_size.py          # prints a table, writes results/install_size.tsv
    python benchmarks/install_size.py --json

Follows the requirements from reward-synth on through the environment that this runs in, and adds up the files that each
distribution lists as its own, without compiled bytecode, which comes with use (about a seventh more). `adds` counts
what the package alone does not bring already. So every extra must be installed here; one that is not is left out. Sizes
are those of this platform, and of a CPU build of torch only if that is what is installed.
"""

from __future__ import annotations

import argparse
import datetime
import json
import platform
import sys
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

RESULTS = Path(__file__).parent / "results" / "install_size.tsv"
PACKAGE = "reward-synth"
FOR_USERS = ("local", "metaworld", "maniskill", "crafter", "ray", "view")


def needed(name: str, extras: Iterable[str]) -> set[str]:
    """Names of all distributions that installing ``name[extras]`` brings, itself included.

    :raises PackageNotFoundError: one of them is not installed.
    """
    found: set[tuple[str, str]] = set()
    waiting = [(canonicalize_name(name), extra) for extra in ("", *extras)]
    while waiting:
        current = waiting.pop()
        if current in found:
            continue
        found.add(current)
        name, extra = current
        for text in distribution(name).requires or ():
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
                wanted = canonicalize_name(requirement.name)
                waiting += [(wanted, each) for each in ("", *requirement.extras)]
    return {name for name, _ in found}


def size(name: str) -> int:
    """Bytes of a distribution's files."""
    files = [file for file in distribution(name).files or () if file.suffix != ".pyc"]
    paths = [Path(str(file.locate())) for file in files]
    return sum(path.stat().st_size for path in paths if path.is_file())


def measure() -> list[dict[str, Any]]:
    """A row for the package alone and for each extra that is installed."""
    alone = needed(PACKAGE, ())
    rows = []
    for extra in ("", *FOR_USERS):
        try:
            names = needed(PACKAGE, [extra] if extra else []) - (alone if extra else set())
        except PackageNotFoundError as missing:
            print(f"{extra}: left out, {missing.name} is not installed", file=sys.stderr)
            continue
        sizes = {name: size(name) for name in names}
        largest = sorted(sizes, key=lambda name: -sizes[name])[:3]
        rows.append(
            {
                "date": datetime.date.today().isoformat(),
                "install": f"{PACKAGE}[{extra}]" if extra else PACKAGE,
                "distributions": len(sizes),
                "adds_mb": round(sum(sizes.values()) / 1e6),
                "largest": ", ".join(f"{name} {sizes[name] / 1e6:.0f}" for name in largest if sizes[name] > 1e6),
                "platform": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
            }
        )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print the rows as JSON, write nothing")
    arguments = parser.parse_args()
    rows = measure()
    if arguments.json:
        print(json.dumps(rows, indent=2))
        return
    lines = ["\t".join(map(str, line)) for line in [list(rows[0]), *(row.values() for row in rows)]]
    RESULTS.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
