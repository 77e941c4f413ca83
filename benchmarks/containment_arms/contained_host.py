"""A host that runs rewards in the reward process: checks each snippet as the product does, then trains with it.

Reads a job from standard input and writes one line per attack to the descriptor in its first argument.
"""

from __future__ import annotations

import ast
import json
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from containment_arms import canaries, transitions
from containment_arms.arms import ARMS, Arm
from containment_arms.corpus import ACTION_SIZE, GOOD_REWARD, LAYOUT
from containment_arms.oracle import Oracle, ToyEnv
from reward_synth.core.errors import RewardSynthError
from reward_synth.core.types import CheckReport, Finding
from reward_synth.reward.contract import RewardError
from reward_synth.reward.lint import LintReport, lint
from reward_synth.sandbox import channel
from reward_synth.sandbox import process as reward_process
from reward_synth.sandbox.process import RewardProcess
from reward_synth.screening import probe
from reward_synth.state.view import columns

GRACE = 2.0
"""Seconds that the host may take beyond a deadline on a busy machine."""
TRAINING_BATCHES = 12
BRIEF_REPLAY = 0.1
"""Seconds for finding the transition that an attack hangs on, where that is not asked: it hangs there once more."""
QUOTING_RULES = ("term-name", "new-term")
FIELDS = tuple(name for name, _ in LAYOUT)


def evaluate_policy(env: ToyEnv) -> float:
    """Share of successes."""
    return float(np.mean([env.is_success() for _ in range(4)]))


class Run:
    """One attack in one arm."""

    def __init__(self, arm: Arm, attack: dict[str, str], secret: str, seconds: float) -> None:
        self.arm, self.attack, self.secret, self.seconds = arm, attack, secret, seconds
        self.real = transitions.some_transitions()
        self.effects: list[str] = []
        self.texts: list[str] = []
        self.rules: list[str] = []
        self.protection: tuple[str, ...] = ()
        self.refused = False

    def run(self, brief: bool) -> None:
        """Check, train, and look at the host.

        :param brief: no probe but a comparison of the same transitions.
        """
        source = self.attack["lintable"] if self.arm.lint else self.attack["source"]
        terms: tuple[str, ...] | None = None
        impure = False
        if not brief:
            report = self.check(source)
            terms = report.terms or None
            impure = "impure" in self.rules
            self.refused = self.arm.lint and not report.ok
        if not self.refused:
            self.train(source, terms, impure)

    def note(self, finding: Finding, source: str) -> None:
        """Keep what a finding says, without the line of the source that it shows."""
        message = finding.message
        lines = source.splitlines()
        if finding.line and finding.line <= len(lines):
            message = message.replace(f", in `{lines[finding.line - 1].strip()[:200]}`", "")
        if finding.rule in QUOTING_RULES:
            # These refuse a name and show it in quotes; it says PWNED because the snippet does.
            message = message.replace(canaries.MARK, "")
        self.texts.append(message)
        self.rules.append(finding.rule)

    def check(self, source: str) -> CheckReport:
        """What the product says of this snippet, with the lint switched off where the arm wants it."""
        begun = time.monotonic()
        with mock.patch.object(probe, "lint", lint if self.arm.lint else no_lint):
            report = probe.check(source, LAYOUT, transitions.ranges(), self.real, ACTION_SIZE, seconds=self.seconds)
        self.in_time(begun, self.seconds)
        for finding in report.findings:
            if finding.source == "probe":
                self.note(finding, source)
            elif finding.severity == "error":
                self.rules.append(finding.rule)
        self.texts += report.terms
        return report

    def train(self, source: str, terms: tuple[str, ...] | None, impure: bool) -> None:
        """Batches as in a training, then the first transitions again, in another order."""
        begun = time.monotonic()
        try:
            with RewardProcess(source, LAYOUT, ACTION_SIZE, terms=terms, deadline=self.seconds) as process:
                self.protection = process._channel.protection
                first = self.batch(process)
                for _ in range(TRAINING_BATCHES):
                    self.batch(process, slice(0, 8))
                again = self.batch(process, slice(None, None, -1))[::-1]
                self.texts += process.terms
                pid = process.pid
        except RewardError as error:
            self.in_time(begun, (TRAINING_BATCHES + 3) * self.seconds)
            self.note(error.finding, source)
            return
        if Path(f"/proc/{pid}").exists() and state_of(pid) not in ("Z", "X", ""):
            self.effects.append("process left: the reward process itself")
        if not np.isfinite(first).all():
            self.effects.append("bad value accepted")
        if first.shape != again.shape or not np.array_equal(first, again):
            # Training would go on with it; the probe is what has to tell.
            (self.rules if impure or terms is None else self.effects).append("equal transitions, other rewards")

    def batch(self, process: RewardProcess, rows: slice = slice(None)) -> np.ndarray[Any, Any]:
        """Terms of some transitions."""
        begun = time.monotonic()
        result = process.evaluate(
            self.real.states[rows],
            self.real.actions[rows],
            self.real.next_states[rows],
            np.ones(len(self.real.states[rows]), dtype=bool),
        )
        self.in_time(begun, self.seconds)
        return result.rewards

    def in_time(self, begun: float, seconds: float) -> None:
        """The host must have its answer at the deadline."""
        if time.monotonic() - begun > seconds + GRACE:
            self.effects.append(f"host late: {time.monotonic() - begun:.1f} s")

    def good_reward(self) -> None:
        """The next reward must score right."""
        try:
            with RewardProcess(GOOD_REWARD, LAYOUT, ACTION_SIZE) as process:
                rewards = self.batch(process)
        except (RewardError, RewardSynthError) as error:
            self.effects.append(f"next reward fails: {error}"[:120])
            return
        if not np.allclose(rewards, expected(self.real)):
            self.effects.append("next reward scores wrong")


def expected(real: probe.Transitions) -> np.ndarray[Any, Any]:
    """What :data:`GOOD_REWARD` gives."""
    after = {name: real.next_states[:, place] for name, place in columns(LAYOUT).items()}
    distance = np.linalg.norm(after["goal_pos"] - after["object_pos"], axis=1)
    return np.asarray(after["x_velocity"][:, 0] - distance - 0.1 * (real.actions**2).sum(axis=1))


def no_lint(source: str, layout: Any, action_size: int | None = None) -> LintReport:
    """In place of the lint: everything passes, and all fields are read."""
    return LintReport((), FIELDS, takes_memory(source))


def takes_memory(source: str) -> bool:
    """True if ``compute_reward`` has a fourth parameter."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "compute_reward"]
    return bool(functions) and len(functions[-1].args.args) == 4


def state_of(pid: int) -> str:
    """Letter of the process's state, empty if it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0]
    except OSError:
        return ""


def only_lint(attack: dict[str, str]) -> dict[str, Any]:
    """What the lint says."""
    begun = time.monotonic()
    report = lint(attack["lintable"], LAYOUT, action_size=ACTION_SIZE)
    rules = [finding.rule for finding in report.findings if finding.severity == "error"]
    late = ["lint slow"] if time.monotonic() - begun > GRACE else []
    return {
        "effects": late,
        "rules": rules,
        "refused": not report.ok,
        "cause": "; ".join(rules)[:300],
        "protection": [],
    }


def contain(arm: Arm, attack: dict[str, str], secret: str, seconds: float, brief: bool) -> dict[str, Any]:
    """One attack; what was seen of it."""
    if arm.kind == "lint":
        return only_lint(attack)
    run = Run(arm, attack, secret, seconds)
    run.run(brief)
    if not brief:
        run.good_reward()
    effects = run.effects + canaries.text_effects("\n".join(run.texts), secret)
    cause = "; ".join(dict.fromkeys(f"{rule}" for rule in run.rules))
    return {
        "effects": sorted(set(effects)),
        "rules": run.rules,
        "refused": run.refused,
        "cause": f"{cause}: {' | '.join(dict.fromkeys(run.texts))}"[:300],
        "protection": list(run.protection),
    }


def main() -> None:
    """Run one job."""
    report = int(sys.argv[1])
    job = json.loads(sys.stdin.read())
    arm = ARMS[job["arm"]]
    if arm.kind == "process":
        channel.set_protection(arm.layers)
        if arm.open_child:
            channel.PROGRAM = Path(__file__).with_name("open_child.py")
    env = ToyEnv()
    recorded: list[tuple[Any, ...]] = [(env.state.copy(), env.step(np.zeros(ACTION_SIZE)))]
    workers = job.get("workers", 1)
    if job.get("brief"):
        reward_process.REPLAY_SECONDS = BRIEF_REPLAY
    oracle = Oracle(env, recorded, lambda: sys.modules["__main__"].evaluate_policy)  # type: ignore[attr-defined]
    os.write(report, json.dumps({"phase": "ready"}).encode() + b"\n")

    def handle(attack: dict[str, str]) -> None:
        begun = time.monotonic()
        try:
            result = contain(arm, attack, job["secret"], job["seconds"], job.get("brief", False))
        except RewardSynthError as error:
            # No process for the attack to run in: this says nothing about it.
            result = {"broken": str(error), "effects": ["no reward process"]}
        except Exception as error:  # noqa: BLE001  (a host that falls is what this looks for)
            result = {"effects": [f"host raises {type(error).__name__}: {error}"[:200]], "rules": [], "refused": False}
        if workers == 1:
            result["effects"] += oracle.final_effects()
        result |= {"id": attack["id"], "phase": "done", "seconds": round(time.monotonic() - begun, 2)}
        os.write(report, json.dumps(result).encode() + b"\n")

    if workers == 1:
        for attack in job["attacks"]:
            handle(attack)
        return
    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(handle, job["attacks"]))


if __name__ == "__main__":
    main()
