"""What containment costs a training: steps per second of PPO on HalfCheetah-v5 with and without it.

    python benchmarks/containment_cost.py                  # 5 pairs, writes benchmarks/results/containment_cost.tsv
    python benchmarks/containment_cost.py --quick --json   # 2 short pairs, prints rows

`contained`: reward in its locked process, training process locked, as in every search. `bare`: the same function called
in the training process, nothing locked. Pairs run one after the other in alternating order, each in a process of its
own, so that both meet the same machine; the ratio is that of a pair.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from scipy.stats import bootstrap

SOURCE = """\
import numpy as np

def compute_reward(state, action, next_state):
    return {
        "backward": -next_state.x_velocity,
        "upright": 0.5 - abs(next_state.torso_pitch),
        "smooth": -0.01 * float(np.square(next_state.torso_pitch_velocity)),
        "effort": -0.1 * float(np.dot(action, action)),
    }
"""
TERMS = ("backward", "upright", "smooth", "effort")
FIELDS = ("x_velocity", "torso_pitch", "torso_pitch_velocity")


class InProcess:
    """The reward called where it is needed, with the interface of the reward process."""

    terms = TERMS

    def __init__(self, layout: object) -> None:
        from reward_synth.reward.contract import load_reward
        from reward_synth.state.view import batch_viewer

        self._function, self._views = load_reward(SOURCE), batch_viewer(layout)

    def evaluate(self, states: object, actions: object, next_states: object, starts: object) -> object:
        from reward_synth.sandbox.process import RewardBatch

        rows = zip(self._views(states), actions, self._views(next_states), strict=True)
        terms = np.array([list(self._function(*row).values()) for row in rows])
        return RewardBatch(terms.sum(axis=1), terms)


def train(contained: bool, steps: int) -> dict[str, float]:
    """One training in this process. Start-up and the end are left out, since a training of any length has them once."""
    from reward_synth.evaluation.play import field_table
    from reward_synth.evaluation.scoring import measured_table, scoring_process
    from reward_synth.sandbox.process import RewardProcess
    from reward_synth.tasks.spec import load_task
    from reward_synth.training.job import TrainJob
    from reward_synth.training.loop.learning import learn
    from reward_synth.training.presets import preset_for
    from reward_synth.training.worker.worker_sandbox import confine_calls, confine_files

    task = load_task("half_cheetah_run_backward")
    folder = Path(tempfile.mkdtemp())
    tempfile.tempdir = str(folder)  # torch wants one, and a locked training has no other
    job = TrainJob(
        task=task, reward=folder / "reward.py", fields=FIELDS, terms=TERMS, preset=preset_for(task),
        steps=steps, seed=0, folder=folder, trajectories=folder, evaluation_points=1, evaluation_episodes=1,
    )  # fmt: skip
    table = field_table(task)
    chosen, measured = table.subset(FIELDS), measured_table(task, table)
    if contained:
        confine_files(job, readable=[], writable=[folder])
    reward = (
        RewardProcess(SOURCE, chosen.layout(), len(table.actions), TERMS) if contained else InProcess(chosen.layout())
    )
    with scoring_process(task, measured.layout()) as process:
        if contained:
            confine_calls(job)
        wall, own = time.perf_counter(), time.process_time()
        learn(job, chosen, measured, reward, process)  # type: ignore[arg-type]  # the same interface
        spent = time.perf_counter() - wall
        used = time.process_time() - own
    if isinstance(reward, RewardProcess):
        reward.close()
    return {"steps_per_second": steps / spent, "own_cpu_seconds": used, "wall_seconds": spent}


def measure(pairs: int, steps: int) -> dict[str, object]:
    """Alternating pairs, and the ratio of their steps per second with a 95 % bootstrap interval over the pairs."""
    rates: dict[str, list[float]] = {"contained": [], "bare": []}
    for pair in range(pairs):
        for arm in ("contained", "bare") if pair % 2 == 0 else ("bare", "contained"):
            command = [sys.executable, __file__, "--arm", arm, "--steps", str(steps)]
            ran = subprocess.run(command, capture_output=True, text=True, check=True)
            rates[arm].append(json.loads(ran.stdout)["steps_per_second"])
            print(f"{arm}: {rates[arm][-1]:,.0f} steps/s", file=sys.stderr, flush=True)
    ratios = np.array(rates["contained"]) / np.array(rates["bare"])
    low, high = bootstrap((ratios,), np.mean, n_resamples=9999, rng=0).confidence_interval if pairs > 2 else (0, 0)
    return {
        "date": datetime.date.today().isoformat(),
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
        "pairs": pairs,
        "steps": steps,
        "contained_steps_per_s": round(float(np.median(rates["contained"]))),
        "bare_steps_per_s": round(float(np.median(rates["bare"]))),
        "ratio": round(float(ratios.mean()), 3),
        "ratio_low": round(float(low), 3),
        "ratio_high": round(float(high), 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="2 pairs of 20,000 steps")
    parser.add_argument("--json", action="store_true", help="print the row as JSON, write nothing")
    parser.add_argument("--steps", type=int, default=60_000)
    parser.add_argument("--arm", choices=("contained", "bare"), help="one training, as a process of its own")
    arguments = parser.parse_args()
    if arguments.arm:
        print(json.dumps(train(arguments.arm == "contained", arguments.steps)))
        return
    row = measure(2, 20_000) if arguments.quick else measure(5, arguments.steps)
    if arguments.json:
        print(json.dumps(row, indent=2))
        return
    text = "\t".join(row) + "\n" + "\t".join(map(str, row.values())) + "\n"
    (Path(__file__).parent / "results" / "containment_cost.tsv").write_text(text, encoding="utf-8")
    print(text, end="")


if __name__ == "__main__":
    main()
