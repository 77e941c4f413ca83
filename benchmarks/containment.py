"""What attacks on the code that runs rewards achieve, with more and with less protection.

    python benchmarks/containment.py                          # all attacks in all arms, as root and as a user
    python benchmarks/containment.py --arm os --only ESC-001  # some of it; other rows of the results are kept
    python benchmarks/containment.py --table                   # the results so far, as a table
    python benchmarks/containment.py --harmless               # false alarms: harmless rewards, and those of models

Each attack runs in namespaces of its own (Linux and root needed): process table, network, a private /tmp, a home with
canaries, and an overlay over the rest. It *lands* when an effect is seen: a canary or the word PWNED comes back, a file
appears or changes, a listener is reached, a process stays, 1.5 GB are taken, the host hangs or dies, its own state
differs, equal transitions get other rewards unnoticed, or the next reward scores wrong.

What lands in the arm `none` is what counts. The results go to results/containment.tsv, a row per attack and arm.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent
sys.path.insert(1, str(FOLDER.parent))  # So that it measures the checkout that it lies in.

from containment_arms import corpus, harmless, verdict  # noqa: E402
from containment_arms.arms import ARMS  # noqa: E402
from containment_arms.corpus import Attack  # noqa: E402
from containment_arms.verdict import Row  # noqa: E402

USERS = {"root": 0, "user": 65534}
ROOM = ["unshare", "--mount", "--pid", "--net", "--ipc", "--uts", "--fork", "--mount-proc", "--kill-child"]
DEADLINE = 3.0
"""Seconds that a reward process may take for one batch, and the probe for all of its own."""
ROOM_SECONDS = 120.0
LATE, LATE_KINDS = 3.0, ("process", "resource", "channel", "network")
"""Seconds to wait for what comes after the call, in the arm without protection; and the classes that try it."""


def observe(attack: Attack, arm: str, user: str) -> Row:
    """Run one attack in a room of its own."""
    source = attack.code if arm == "none" else attack.runnable
    one = {"id": attack.id, "source": source, "lintable": attack.lintable}
    job: dict[str, Any] = {
        "arm": arm,
        "uid": USERS[user],
        "seconds": DEADLINE,
        "corpus": attack.corpus,
        "source": source,
        "late": LATE if arm == "none" and attack.corpus == "own" and attack.kind in LATE_KINDS else 0.0,
        "attacks": [one],
    }
    try:
        done = subprocess.run(
            [*ROOM, sys.executable, "-m", "containment_arms.room"],
            input=json.dumps(job).encode(),
            capture_output=True,
            cwd=FOLDER,
            timeout=ROOM_SECONDS,
        )
        observed = json.loads(done.stdout)
    except subprocess.TimeoutExpired as error:
        raise SystemExit(f"error: the room of {attack.id} in arm {arm} does not end") from error
    except ValueError:
        observed = {"broken": done.stderr.decode(errors="replace")[-2000:]}
    if "broken" in observed:
        raise SystemExit(f"error: the host of {attack.id} in arm {arm} does not start\n{observed['broken']}")
    return Row(
        date=datetime.date.today().isoformat(),
        corpus=attack.corpus,
        id=attack.id,
        kind=attack.kind,
        arm=arm,
        user=user,
        outcome=verdict.outcome(arm, observed),
        effects="; ".join(observed["effects"]),
        cause=observed["cause"][:200],
        seconds=str(observed["seconds"]),
        peak_mb=str(observed["peak_mb"]),
        protection=", ".join(observed["protection"]),
    )


def jobs(arguments: argparse.Namespace) -> list[tuple[Attack, str, str]]:
    """What is to be run."""
    attacks = [a for a in corpus.load(arguments.corpus) if not arguments.only or a.id in arguments.only]
    users = [user for user in USERS if arguments.user in (user, "both")]
    # What a text looks like to the lint does not depend on who asks.
    return [
        (a, arm, user) for arm in arguments.arm for user in users for a in attacks if arm != "lint" or user == users[0]
    ]


def run(arguments: argparse.Namespace) -> Iterator[Row]:
    """Rows as they come."""
    with ThreadPoolExecutor(arguments.jobs) as pool:
        yield from pool.map(lambda job: observe(*job), jobs(arguments))


def main() -> None:
    """Read the command line, run, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--arm", action="append", choices=list(ARMS), help="run only this arm (repeatable)")
    parser.add_argument("--only", action="append", metavar="ID", help="run only this attack (repeatable)")
    parser.add_argument(
        "--corpus", action="append", choices=list(corpus.FILES), help="run only this corpus (repeatable)"
    )
    parser.add_argument("--as", dest="user", choices=[*USERS, "both"], default="both", help="who the host runs as")
    parser.add_argument("--jobs", type=int, default=2, help="attacks side by side")
    parser.add_argument("--json", action="store_true", help="print the rows as JSON, write nothing")
    parser.add_argument("--table", action="store_true", help="print a table of the results so far and stop")
    parser.add_argument("--harmless", action="store_true", help="run the rewards that must pass, and stop")
    arguments = parser.parse_args()
    arguments.arm = arguments.arm or list(ARMS)
    arguments.corpus = arguments.corpus or list(corpus.FILES)
    if arguments.table:
        print(verdict.table(verdict.read()))
        return
    if arguments.harmless:
        found = harmless.all_reports()
        print(json.dumps(found, indent=2) if arguments.json else harmless.as_text(found))
        return
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        raise SystemExit("error: this needs Linux and root, for namespaces; the same attacks are in tests/containment")
    rows: list[Row] = []
    begun = time.monotonic()
    try:
        for row in run(arguments):
            rows.append(row)
            if row.landed and row.arm not in ("none", "lint"):
                print(f"{row.arm:15} {row.user:5} {row.id:16} LANDED  {row.effects}  ({row.cause})", file=sys.stderr)
            if len(rows) % 100 == 0:
                print(f"{len(rows)} done, {time.monotonic() - begun:.0f} s", file=sys.stderr)
    finally:
        if not arguments.json:
            verdict.write(verdict.merge(verdict.read(), rows))
    if arguments.json:
        print(json.dumps([vars(row) for row in rows], indent=2))
    else:
        print(verdict.table(verdict.read()))


if __name__ == "__main__":
    main()
