"""What `reward-synth audit` costs and finds in rewards that people use, and in one that pays for standing still.

    python benchmarks/audits.py                     # all; some minutes on one core
    python benchmarks/audits.py --only PushCube-v1
    python benchmarks/audits.py --falls             # on an expert's way, in rewards that trained to success
    python benchmarks/audits.py --climb             # does a planner that looks ahead 0.2 s stop at the drawer's handle?

Each audit is a process of its own with the defaults. `reported` is what people have written of that reward, and the
rule that would say it.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from planner_cost import PLANTED, SUCCEEDED, TABLE
from recorded import recorded_rewards
from tables import read, write

from reward_synth.audit.own_reward import OwnReward
from reward_synth.audit.rules import deepest_fall
from reward_synth.sandbox.channel import protected
from reward_synth.screening import planner
from reward_synth.screening.checker import RewardChecker
from reward_synth.screening.objectives import Told
from reward_synth.screening.payment import pay_of
from reward_synth.screening.reference_episodes import EXPERT, SEED
from reward_synth.simulators import get_simulator
from reward_synth.state.tells_reward import REWARD, USABLE
from reward_synth.tasks.spec import EnvironmentSpec, load_task

AUDITS = TABLE.with_name("audits.tsv")
COLUMNS = (
    "subject", "reported", "cpu_seconds", "wall_seconds", "plans_finished", "transitions", "by_clock", "findings",
    "messages", "notes",
)  # fmt: skip
FALLS = TABLE.with_name("audit_falls.tsv")
FALL_COLUMNS = ("task", "reward", "trained", "episodes", "median_fall", "median_steps")
FALLEN_TASKS = ("drawer_open", "button_press", "window_close", "handle_press", "drawer_close")
CLIMBS = TABLE.with_name("audit_climbs.tsv")
CLIMB_COLUMNS = ("seed", "deviation", "seconds_ahead", "opened", "at_step")
STATUE = "statue: stands"


@dataclass(frozen=True)
class Audited:
    """A reward, how it is named to the command, and what is known of it."""

    name: str
    arguments: tuple[str, ...]
    reported: str


def _own(name: str, reported: str = "") -> Audited:
    return Audited(name, ("--env", name), reported)


SUBJECTS = (
    _own("HalfCheetah-v5"),
    _own("drawer-open-v3", "leaning on the handle pays more than hooking it (falls-on-the-way)"),
    _own("button-press-v3", "pulling pays without success (pays-without-success)"),
    _own("button-press-topdown-wall-v3", "the expert is paid nothing (expert-below-rest)"),
    _own("pick-place-v3", "the highest reward at a success of 0 (pays-without-success)"),
    _own("PushCube-v1", "ended at success, the expert is paid less than rest (dawdling-pays)"),
    _own("PullCube-v1", "ended at success, the expert is paid less than rest (dawdling-pays)"),
    Audited(STATUE, ("--task", "hopper_hop_forward"), "planted: pays for lasting and for standing still"),
)


def audited(subject: Audited, folder: Path) -> dict[str, str]:
    """One row of the table."""
    arguments = list(subject.arguments)
    if subject.name == STATUE:
        (source,) = (each.source for each in PLANTED["hopper_hop_forward"] if each.name == "stands")
        (folder / "statue.py").write_text(source)
        arguments.insert(0, str(folder / "statue.py"))
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "reward_synth", "audit", *arguments, "--json"], stdout=subprocess.PIPE, check=False
    )
    wall, after = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode not in (0, 1):
        sys.exit(f"{subject.name} could not be audited")
    found = json.loads(done.stdout)
    planned = found["planned"] or {}
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {
        "subject": subject.name,
        "reported": subject.reported,
        "cpu_seconds": f"{cpu:.1f}",
        "wall_seconds": f"{wall:.1f}",
        "plans_finished": str(planned.get("rounds", 0)),
        "transitions": str(planned.get("transitions", 0)),
        "by_clock": str(int(planned.get("by_clock", False))),
        "findings": " ".join(sorted({each["rule"] for each in found["findings"]})),
        "messages": " | ".join(each["message"] for each in found["findings"]),
        "notes": " | ".join(found["notes"]),
    }


def falls(task: str) -> Iterator[dict[str, str]]:
    """The median of the deepest falls of pay on an expert's way, one row for each reward that trained to success."""
    spec = load_task(task)
    checker = RewardChecker.of(spec)
    reference = checker.reference_episodes
    shown = {
        str(number): episode
        for number, (episode, kind, score) in enumerate(
            zip(reference.episodes, reference.kinds, reference.scores, strict=True)
        )
        if kind == EXPERT and score.success
    }
    for reward in recorded_rewards(task):
        best = max((each.success or 0.0 for each in reward.trained), default=0.0)
        payment = pay_of(reward.source, checker.table, shown, spec.training.scale)
        if best >= SUCCEEDED and payment.ok:
            found = [deepest_fall(rewards, len(rewards)) for rewards in payment.rewards]
            shares, steps = zip(*[(each.share, each.steps) for each in found if each], strict=True)
            yield {
                "task": task,
                "reward": reward.name,
                "trained": f"{best:.2f}",
                "episodes": str(len(shares)),
                "median_fall": f"{np.median(shares):.3f}",
                "median_steps": f"{np.median(steps):.0f}",
            }


def climb(seed: int, widest: float) -> dict[str, str]:
    """Whether a planner that hardly looks ahead opens the drawer from rest, by the environment's own reward."""
    planner.AHEAD, planner.STRIDES, planner.WIDEST = 0.0, 5, widest
    own = OwnReward.of(EnvironmentSpec.of("drawer-open-v3"))
    shown = own.table.subset([REWARD, USABLE])
    ground = planner.Ground(own.opened, get_simulator(own.spec.simulator), own.spec.horizon, own.dt)
    start, column = planner.Start(SEED + seed), shown.columns()[REWARD].start
    found = planner.search(ground, own.table, shown, lambda dt: Told(column, 0.99), [start], 60.0, seed)
    reached = own.reached(found.episodes[0])
    assert reached is not None
    return {
        "seed": str(seed),
        "deviation": str(widest),
        "seconds_ahead": f"{planner.FEWEST_AHEAD * own.dt:.2f}",
        "opened": str(int(reached.any())),
        "at_step": str(int(np.argmax(reached))),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", help="a subject; its row alone is replaced")
    parser.add_argument("--falls", action="store_true", help="no audits")
    parser.add_argument("--climb", action="store_true", help="no audits")
    arguments = parser.parse_args()
    if arguments.falls:
        with protected(False):
            told = [row for task in FALLEN_TASKS for row in falls(task)]
        write(FALLS, FALL_COLUMNS, told)
        return
    if arguments.climb:
        write(CLIMBS, CLIMB_COLUMNS, [climb(seed, widest) for widest in (0.6, 0.2) for seed in (0, 1)])
        return
    only = arguments.only
    rows = {row["subject"]: row for row in read(AUDITS)} if only else {}
    with tempfile.TemporaryDirectory() as folder:
        for subject in SUBJECTS:
            if only in (None, subject.name):
                rows[subject.name] = audited(subject, Path(folder))
                print("\t".join(rows[subject.name].values()), flush=True)
    write(AUDITS, COLUMNS, list(rows.values()))


if __name__ == "__main__":
    main()
