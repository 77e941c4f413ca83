"""What the planner costs, and what the attack on a reward says of planted rewards and of sound ones.

    python benchmarks/planner_cost.py                       # all; about half an hour on one core
    python benchmarks/planner_cost.py --task reacher_reach  # one task, whose rows are replaced
    python benchmarks/planner_cost.py --quick               # two tasks, two seconds for each plan

A planted reward has one known defect. The sound ones are recorded rewards of which a training succeeded in at least
90 % of its episodes. The planted ones were written by the author of the detectors, before the first run and unchanged
since, so the figures flatter: they say what the rules can see, not how often defects of that kind arise.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from recorded import recorded_rewards
from tables import read, write

from reward_synth.core.types import CheckReport
from reward_synth.evaluation.select import wilson_interval
from reward_synth.sandbox.channel import protected
from reward_synth.screening.case import ATTACK
from reward_synth.screening.checker import RewardChecker
from reward_synth.tasks.spec import load_task
from reward_synth.training.presets import preset_for

TABLE = Path(__file__).parent / "results" / "planner_cost.tsv"
SECONDS = 8.0
PLAN_SECONDS = {"gym": SECONDS, "dmcontrol": SECONDS, "metaworld": 20.0, "maniskill": 30.0, "crafter": 30.0}
"""The most that a plan may cost, by simulator."""
SUCCEEDED = 0.9
HACK, SIGN, END, REST, EXPERT = (
    "pays-for-something-else", "wrong-sign", "early-end-pays", "nothing-beyond-rest", "expert-below-rest",
)  # fmt: skip


@dataclass(frozen=True)
class Planted:
    """A reward with one known defect."""

    name: str
    expected: frozenset[str]
    """Rules of which any may find it."""
    terms: str

    @property
    def source(self) -> str:
        """The reward file."""
        return f"import numpy as np\n\n\ndef compute_reward(state, action, next_state):\n    return {{{self.terms}}}\n"


def _planted(name: str, terms: str, *expected: str) -> Planted:
    return Planted(name, frozenset(expected), terms)


_FAR = "np.linalg.norm(next_state.gripper_position - next_state.{}_position)"
PLANTED: dict[str, list[Planted]] = {
    "half_cheetah_run_forward": [
        _planted("runs backward", '"speed": -next_state.x_velocity', SIGN, HACK),
        _planted("on its head", '"up": 5.0 * next_state.torso_pitch, "speed": 0.1 * next_state.x_velocity', HACK),
        _planted(
            "an action costs more than speed pays",
            '"speed": 0.01 * next_state.x_velocity, "effort": -5.0 * np.sum(action**2)', REST,
        ),
    ],
    "half_cheetah_run_backward": [
        _planted("speed in any direction", '"speed": abs(next_state.x_velocity)', HACK, SIGN),
        _planted("shakes its foot", '"kick": 3.0 * abs(next_state.z_velocity), "back": -next_state.x_velocity', HACK),
    ],
    "hopper_hop_forward": [
        _planted("only penalties", '"behind": -abs(3.0 - next_state.x_velocity), "time": -1.0', END),
        _planted("stands", '"alive": 1.0, "still": -5.0 * abs(next_state.x_velocity)', HACK, REST),
        _planted("hops back", '"alive": 0.1, "speed": -2.0 * next_state.x_velocity', SIGN, HACK),
    ],
    "swimmer_swim_forward": [
        _planted("wriggles", '"wriggle": abs(next_state.front_joint_angular_velocity)', HACK),
        _planted("turns", '"turn": next_state.heading_velocity, "speed": 0.1 * next_state.x_velocity', HACK),
    ],
    "reacher_reach": [
        _planted("far away", '"near": next_state.fingertip_to_target_distance', SIGN, HACK),
        _planted("spins", '"near": -next_state.fingertip_to_target_distance, "spin": 0.5 * abs('
                 "next_state.shoulder_angular_velocity)", HACK, SIGN),
    ],
    "inverted_pendulum_balance": [
        _planted("pays for the tilt", '"angle": abs(next_state.pole_angle)', HACK, SIGN, END),
        _planted("only a penalty", '"time": -1.0 - abs(next_state.pole_angle)', END),
    ],
    "drawer_open": [
        _planted("rests on the handle", f'"near": 1.0 - np.tanh(5.0 * {_FAR.format("drawer_handle")})', HACK),
        _planted("closes", f'"near": -{_FAR.format("drawer_handle")}, "open": -20.0 * next_state.drawer_opening', HACK,
                 SIGN),
        _planted("an action costs more than the goal", '"open": next_state.drawer_opening, "effort": '
                 "-np.sum(action**2)", EXPERT, REST),
    ],
    "button_press": [_planted("hovers", f'"near": 1.0 - np.tanh(5.0 * {_FAR.format("button")})', HACK)],
    "window_close": [
        _planted("opens", '"open": next_state.window_opening', SIGN, HACK),
        _planted("lifts the hand", '"high": next_state.gripper_position[2]', HACK),
    ],
    "push_cube": [
        _planted("hovers", '"near": -np.linalg.norm(next_state.gripper_position - next_state.cube_position)', HACK),
        _planted("pulls", '"away": np.linalg.norm(next_state.cube_position - next_state.goal_position)', SIGN, HACK),
    ],
    "attack_cow": [_planted("only explores", '"new": next_state.on_new_cell', HACK)],
}  # fmt: skip
SOUND = (
    *PLANTED, "half_cheetah_target_speed", "hopper_hop_backward", "handle_press", "drawer_close", "place_table",
)  # fmt: skip
COLUMNS = (
    "task", "reward", "planted", "expected", "found", "misaligned", "ranking", "rounds", "transitions", "cpu_seconds",
    "transitions_per_cpu_second", "right",
)  # fmt: skip


def cases(task: str) -> Iterator[tuple[str, frozenset[str] | None, str]]:
    """Name, expected rules and source; None for a sound reward."""
    for each in PLANTED.get(task, ()):
        yield each.name, each.expected, each.source
    good = [each for each in recorded_rewards(task) if any((t.success or 0.0) >= SUCCEEDED for t in each.trained)]
    for reward in good[:: max(1, len(good) - 1)][:2]:
        yield reward.name, None, reward.source


def rows(task: str, seconds: float) -> Iterator[dict[str, object]]:
    """One row for each reward of a task."""
    spec = load_task(task)
    checker, discount = RewardChecker.of(spec), preset_for(spec).discount
    for name, expected, source in cases(task):
        report = checker.check(source)
        ranked = checker.screen(source, report) if report.ok else report
        attacked = checker.attack(source, report, seconds, discount).report if report.ok else report
        yield row(spec.name, name, expected, ranked, attacked)


def row(
    task: str, name: str, expected: frozenset[str] | None, ranked: CheckReport, attacked: CheckReport
) -> dict[str, object]:
    """What the screen and the attack say of one reward."""
    found = sorted({each.rule for each in attacked.findings if each.rule in ATTACK})
    planned = attacked.planned
    spent = planned.seconds if planned else 0.0
    return {
        "task": task,
        "reward": name,
        "planted": int(expected is not None),
        "expected": " ".join(sorted(expected or ())),
        "found": " ".join(found),
        "misaligned": int(any(each.rule == "misaligned" for each in ranked.findings)),
        "ranking": f"{ranked.alignment.reward:.2f}" if ranked.alignment else "",
        "rounds": planned.rounds if planned else 0,
        "transitions": planned.transitions if planned else 0,
        "cpu_seconds": f"{spent:.1f}",
        "transitions_per_cpu_second": round(planned.transitions / spent) if planned and spent else "",
        "right": int(bool(expected & set(found)) if expected is not None else not found),
    }


def told(name: str, hits: int, of: int) -> str:
    """A share with its 95 % interval."""
    if not of:
        return f"{name}: none"
    low, high = wilson_interval(hits, of)
    return f"{name}: {hits} of {of} ({hits / of:.0%}, 95 % interval {low:.0%} to {high:.0%})"


def summary(found: list[dict[str, str]]) -> None:
    """Precision and recall, of the attack and of the screen that was there before, and the cost by task."""
    planted = [each for each in found if each["planted"] == "1"]
    sound = [each for each in found if each["planted"] == "0"]
    flagged = [each for each in found if each["found"]]
    print(told("recall of any attack rule", sum(bool(each["found"]) for each in planted), len(planted)))
    print(told("recall, by an expected rule", sum(each["right"] == "1" for each in planted), len(planted)))
    print(told("false alarms on sound rewards", sum(bool(each["found"]) for each in sound), len(sound)))
    print(told("precision of any attack rule", sum(each["planted"] == "1" for each in flagged), len(flagged)))
    print(
        told("recall of misaligned, for comparison", sum(each["misaligned"] == "1" for each in planted), len(planted))
    )
    print(told("false alarms of misaligned", sum(each["misaligned"] == "1" for each in sound), len(sound)))
    for rule in ATTACK:
        hits = [each for each in found if rule in each["found"].split()]
        print(told(f"precision of {rule}", sum(rule in each["expected"].split() for each in hits), len(hits)))
    for task in dict.fromkeys(each["task"] for each in found):
        those = [each for each in found if each["task"] == task and float(each["cpu_seconds"])]
        seconds = sum(float(each["cpu_seconds"]) for each in those)
        count = sum(int(each["transitions"]) for each in those)
        if seconds:
            rate = f"{count / seconds:,.0f} transitions per CPU-second"
            print(f"{task}: {seconds / len(those):.1f} CPU-s a reward, {rate}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", help="only this one")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="processor time of each plan")
    parser.add_argument("--quick", action="store_true", help="two tasks, two seconds each; writes nothing")
    parser.add_argument("--told", action="store_true", help="only summarise the kept table")
    arguments = parser.parse_args()
    if arguments.told:
        summary(read(TABLE))
        return
    tasks = [arguments.task] if arguments.task else list(SOUND)
    seconds = 2.0 if arguments.quick else arguments.seconds
    found: list[dict[str, str]] = []
    with protected(False):
        for task in ["reacher_reach", "inverted_pendulum_balance"] if arguments.quick else tasks:
            for each in rows(task, seconds):
                found.append({key: str(value) for key, value in each.items()})
                print("\t".join(found[-1].values()), file=sys.stderr, flush=True)
    if not arguments.quick:
        of = {each["task"] for each in found}
        kept = [each for each in read(TABLE) if each["task"] not in of] if arguments.task else []
        write(TABLE, COLUMNS, kept + found)
    summary(found)


if __name__ == "__main__":
    main()
