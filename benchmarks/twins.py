"""Which recorded rewards are twins: by equal text, by equal pay up to a factor, and up to potential shaping too?

    python benchmarks/twins.py            # all pairs of one task, and planted twins: about four CPU-minutes
    python benchmarks/twins.py --quick    # three tasks
    python benchmarks/twins.py --train    # trains planted twins on the reacher instead: are they learnt alike?

Pay is compared on the task's reference episodes. The distance of two rewards is the largest difference after the best
factor (and constant), as a share of the largest pay. `shaping` compares canonical forms as STARC does (Skalse et al.
2024): to r(s, a, s') is added γ V(s') - V(s), where V(s) = r(s, 0, s) / (1 - γ) is what standing still in s pays for
ever. Whatever potential was added is lost, and so is a constant. It can only be computed for rewards without memory.

`elsewhere` is the distance on 256 random transitions, within three times the range of the recorded ones; nothing where
it cannot be computed. A pair that is far apart there would be a twin on the recorded transitions alone. Planted are a
factor of 0.1 and 10, a constant, shaping by a field (no twins to the package, which trains them), and one weight times
1.3 and times 2 (no twins).
"""

from __future__ import annotations

import argparse
import ast
import csv
import itertools
import os
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from fitted_weights import Training, trained, weighted
from recorded import recorded_rewards

from reward_synth.core.arrays import FloatArray
from reward_synth.core.errors import RewardSynthError
from reward_synth.core.types import CheckReport
from reward_synth.reward.contract import RewardError
from reward_synth.reward.lint import lint
from reward_synth.screening.checker import RewardChecker
from reward_synth.screening.terms import Transitions, terms_at
from reward_synth.tasks.spec import load_task
from reward_synth.training.presets import preset_for

RESULTS = Path(__file__).parent / "results"
LIMITS = (1e-6, 1e-3, 1e-2, 0.1)
QUICK = ("gym/inverted_pendulum_balance", "gym/reacher_reach", "metaworld/window_close")
PLANTED = ("gym/half_cheetah_run_forward", "gym/reacher_reach", "gym/swimmer_swim_forward", "gym/hopper_hop_forward")
EACH = 4
FORMS = ("text", "factor", "constant", "shaping")


@dataclass(frozen=True)
class Known:
    """What a reward pays, (N,) each: on the recorded transitions, in its canonical form, and on random ones."""

    source: str
    pay: FloatArray
    canonical: FloatArray | None
    random: FloatArray | None


@dataclass
class Found:
    """Pairs by form and limit, those of them that are apart elsewhere, and planted twins by kind and form."""

    pairs: int = 0
    counts: Counter[tuple[str, float]] = field(default_factory=Counter)
    apart: Counter[tuple[str, float]] = field(default_factory=Counter)
    planted: Counter[tuple[str, str]] = field(default_factory=Counter)
    rows: list[list[object]] = field(default_factory=list)


class Task:
    """A task's transitions."""

    def __init__(self, name: str) -> None:
        task = load_task(name)
        self.checker = RewardChecker.of(task)
        preset = preset_for(task)
        self.discount = preset.discount
        self.layout = self.checker.reference_episodes.episodes[0].layout
        lost = self.checker.reference_episodes.lasts and preset.learner == "ppo"
        self.form = "constant" if lost else "factor"
        """By which the package compares."""

    def known(self, source: str, report: CheckReport) -> Known:
        """RewardError if it fails on a recorded transition."""
        real = Transitions.of(self.checker.reference_episodes.episodes, report.fields)
        memory = lint(source, self.layout).uses_memory

        def paid(transitions: Transitions) -> FloatArray:
            return np.asarray(terms_at(source, report, self.layout, transitions).sum(axis=1))

        pay = paid(real)
        if memory:
            return Known(source, pay, None, None)
        # One row per state: all of an episode but its end, and all but its start.
        still = np.zeros_like(real.actions)
        here, there = (real._replace(states=rows, actions=still, next_states=rows) for rows in (real[1], real[3]))
        try:
            canonical = pay + (self.discount * paid(there) - paid(here)) / (1.0 - self.discount)
        except RewardError:
            canonical = None
        generator = np.random.default_rng(0)
        low, high = (side(np.concatenate([real[1], real[3]])) for side in (_low, _high))
        count = 256
        draws = [generator.uniform(low, high, (count, len(low))) for _ in range(2)]
        actions = generator.uniform(-1.0, 1.0, (count, still.shape[1]))
        random = Transitions(real.layout, draws[0], actions, draws[1], np.ones(count, dtype=np.intp))
        try:
            return Known(source, pay, canonical, paid(random))
        except RewardError:
            return Known(source, pay, canonical, None)


def _figure(far: float | None) -> str:
    return "" if far is None else f"{far:.2g}"


def _low(rows: FloatArray) -> FloatArray:
    return np.asarray(rows.min(axis=0) - np.ptp(rows, axis=0))


def _high(rows: FloatArray) -> FloatArray:
    return np.asarray(rows.max(axis=0) + np.ptp(rows, axis=0))


def distance(one: FloatArray | None, other: FloatArray | None, centred: bool = False) -> float:
    """Largest difference after the best factor, as a share of the largest pay; 1 if there is no positive factor."""
    if one is None or other is None:
        return 1.0
    if centred:
        one, other = one - one.mean(), other - other.mean()
    if min(np.abs(one).max(), np.abs(other).max()) < 1e-9:
        return 1.0
    factor = float(one @ other) / float(other @ other)
    return float(np.abs(one - factor * other).max() / np.abs(one).max()) if factor > 0.0 else 1.0


def forms(one: Known, other: Known) -> dict[str, float]:
    """The distance of two rewards by each form."""
    return {
        "text": 0.0 if one.source == other.source else 1.0,
        "factor": distance(one.pay, other.pay),
        "constant": distance(one.pay, other.pay, centred=True),
        "shaping": distance(one.canonical, other.canonical),
    }


def variants(source: str, report: CheckReport, task: Task) -> dict[str, tuple[str, CheckReport]]:
    """Planted twins of a reward, and what is none."""
    names = report.terms
    found = {f"factor {f:g}": (weighted(source, dict.fromkeys(names, f)), report) for f in (0.1, 10.0)}
    scalar = next((name for name, shape in task.layout if shape == () and name in report.fields), None)
    extra = {"constant": "0.7"}
    if scalar is not None:
        extra["shaping"] = f"3.0 * ({task.discount!r} * next_state.{scalar} - state.{scalar})"
    for name, text in extra.items():
        tree = ast.parse(source)
        for node in ast.walk(tree):
            if isinstance(node, ast.Return) and isinstance(node.value, ast.Dict):
                node.value.keys.append(ast.Constant("planted"))
                node.value.values.append(ast.parse(text, mode="eval").body)
        found[name] = ast.unparse(tree) + "\n", report.model_copy(update={"terms": (*names, "planted")})
    if len(names) > 1:
        for weight in (1.3, 2.0):
            found[f"one weight {weight:g}"] = weighted(source, dict.fromkeys(names, 1.0) | {names[0]: weight}), report
    return found


def train() -> None:
    """Train planted twins, the parent first, on two seeds."""
    task, name = "gym/reacher_reach", "embedded-001-c"
    source = next(reward.source for reward in recorded_rewards(task) if reward.name == name)
    place = Task(task)
    report = place.checker.check(source)
    planted = variants(source, report, place)
    far = "np.linalg.norm({}.fingertip_to_target)"
    towards = f"-3.0 * ({place.discount!r} * {far.format('next_state')} - {far.format('state')})"
    arms = {"parent": source} | {each: planted[each][0] for each in ("factor 0.1", "factor 10", "constant")}
    for label, sign in (("shaping to the target", ""), ("shaping away from it", "-")):
        arms[label] = planted["shaping"][0].replace(_planted(planted["shaping"][0]), f"{sign}({towards})")
    rows = []
    wanted = [Training(task, arm, text, seed, 75_000) for seed in (1, 2) for arm, text in arms.items()]
    for each, result in trained(wanted):
        rows.append([each.name, each.seed, result.steps, result.success, f"{result.fitness:.4g}"])
        print(*rows[-1], file=sys.stderr, flush=True)
        _write("twins_trained.tsv", ["arm", "seed", "steps", "success", "fitness"], rows)


def _planted(source: str) -> str:
    """The text of the planted term."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Return) and isinstance(node.value, ast.Dict):
            return ast.unparse(node.value.values[-1])
    raise ValueError("nothing was planted")


def _write(name: str, header: list[str], rows: list[list[object]]) -> None:
    with (RESULTS / name).open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter="\t", lineterminator="\n").writerows([header, *rows])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="three tasks")
    parser.add_argument("--train", action="store_true", help="train planted twins")
    arguments = parser.parse_args()
    if arguments.train:
        train()
        return
    found = Found()
    for name in QUICK if arguments.quick else sorted({reward.task for reward in recorded_rewards()}):
        try:
            look_at(name, found)
        except RewardSynthError as error:
            print(f"{name}: left out: {error.message}", file=sys.stderr)
    _write("twins.tsv", ["task", "one", "other", *FORMS, "elsewhere"], found.rows)
    print(f"{found.pairs} pairs")
    for form, limit in itertools.product(FORMS, LIMITS):
        apart = found.apart[form, limit]
        print(f"{form} below {limit:g}: {found.counts[form, limit]}, of these apart elsewhere: {apart}")
    for kind in dict.fromkeys(kind for kind, _ in found.planted):
        print(kind, {column: found.planted[kind, column] for column in ("planted", *FORMS, "package")})


def look_at(name: str, found: Found) -> None:
    """Compare a task's rewards with each other, and some of them with what is planted in them."""
    task = Task(name)
    rewards: dict[str, tuple[Known, CheckReport]] = {}
    for reward in recorded_rewards(name):
        report = task.checker.check(reward.source)
        if report.ok:
            rewards[reward.name] = task.known(reward.source, report), report
    for (one, (first, _)), (other, (second, _)) in itertools.combinations(rewards.items(), 2):
        found.pairs += 1
        distances = forms(first, second)
        known = first.random is not None and second.random is not None
        apart = distance(first.random, second.random, centred=True) if known else None
        for (form, far), limit in itertools.product(distances.items(), LIMITS):
            found.counts[form, limit] += far < limit
            found.apart[form, limit] += far < limit and form != "shaping" and apart is not None and apart > limit
        if min(distances.values()) < LIMITS[-1]:
            found.rows.append([name, one, other, *(f"{far:.2g}" for far in distances.values()), _figure(apart)])
    for parent, report in list(rewards.values())[:EACH] if name in PLANTED else ():
        for kind, (source, its) in variants(parent.source, report, task).items():
            distances = forms(task.known(source, its), parent)
            found.planted[kind, "planted"] += 1
            found.planted[kind, "package"] += distances[task.form] < LIMITS[0]
            for form, far in distances.items():
                found.planted[kind, form] += far < LIMITS[0]
    print(f"{name}: {len(rewards)} rewards", file=sys.stderr, flush=True)


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
