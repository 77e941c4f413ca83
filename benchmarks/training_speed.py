"""Steps per CPU-second of a whole training, beside stable-baselines3's defaults and the bare simulator.

    python benchmarks/training_speed.py                  # 3 rounds, writes benchmarks/results/training_speed.tsv
    python benchmarks/training_speed.py --quick --json   # 1 short round of HalfCheetah, prints rows

Three arms per environment, one after the other in every round, each in a process of its own with one thread:

- `ours`: the worker as a search starts it, on a generated reward: reward process, state view, learning, the ten
  evaluations during the training, the final one. All its processes' CPU time counts, but for the libraries' loading,
  which the worker host does once in a search (`host_cpu_s`).
- `defaults`: `PPO("MlpPolicy", env)` as stable-baselines3 makes it (one environment, 2,048 steps, batches of 64) on the
  environment's own reward, without any evaluation; imports count.
- `raw`: `mj_step` with `frame_skip` steps to a call and random actions; nothing else.

A ratio is that of one round; the table holds the medians. `reward_share` comes from a training in this process: the
time in the call to the reward process, that process's own time, and that of reading the state, over all CPU time.
"""

from __future__ import annotations

import argparse
import csv
import datetime
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "training_speed.tsv"
TASKS = {
    "HalfCheetah-v5": ("half_cheetah_run_forward", "strong-001-a"),
    "Hopper-v5": ("hopper_hop_forward", "strong-001-a"),
    "Ant-v5": ("ant_walk_forward", None),
}
ANT_REWARD = """\
import numpy as np


def compute_reward(state, action, next_state):
    return {
        "forward": next_state.x_velocity,
        "upright": 0.5 if 0.3 < next_state.torso_height < 1.0 else 0.0,
        "effort": -0.1 * float(np.dot(action, action)),
    }
"""
"""No model was asked for one yet; written by hand as those are."""


def children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def make_job(env_id: str, steps: int, folder: Path) -> Any:
    from recorded import recorded_reward

    from reward_synth.screening.checker import RewardChecker
    from reward_synth.tasks.spec import load_task
    from reward_synth.training.job import TrainJob
    from reward_synth.training.presets import get_preset

    name, reward = TASKS[env_id]
    task = load_task(name)
    source = ANT_REWARD if reward is None else recorded_reward(name, reward).source
    (folder / "reward.py").write_text(source, encoding="utf-8")
    report = RewardChecker.of(task).check(source)
    if not report.ok:
        raise SystemExit(f"the reward for {env_id} is refused: {report.findings}")
    (folder / "trajectories").mkdir()
    return TrainJob(
        task=task, reward=folder / "reward.py", fields=report.fields, terms=report.terms,
        preset=get_preset(task.training.learner, task.training.preset), steps=steps, seed=0, folder=folder,
        trajectories=folder / "trajectories", stop_when_solved=False,
    )  # fmt: skip


def ours(env_id: str, steps: int) -> dict[str, float]:
    """A worker that a host forks, with everything that it does."""
    from reward_synth.executors.base import worker_environment
    from reward_synth.training.worker.fork_server import WorkerHost

    host = WorkerHost(worker_environment())
    with tempfile.TemporaryDirectory() as name:
        job = make_job(env_id, steps, Path(name))
        started = time.monotonic()
        host.start(job.write(), job.folder / "stderr.txt").wait()
        wall = time.monotonic() - started
        result = json.loads(job.result_path.read_text(encoding="utf-8"))
    host.close()
    if result["status"] != "trained":
        raise SystemExit(f"the training crashed: {result['reason']}")
    return {"steps": result["steps"], "cpu": result["cpu_seconds"], "wall": wall}


def defaults(env_id: str, steps: int) -> dict[str, float]:
    """stable-baselines3's PPO as it comes."""
    import torch
    from stable_baselines3 import PPO

    torch.set_num_threads(1)
    started = time.monotonic()
    learner = PPO("MlpPolicy", env_id, seed=0, device="cpu").learn(steps)
    return {"steps": learner.num_timesteps, "cpu": time.process_time(), "wall": time.monotonic() - started}


def raw(env_id: str, steps: int) -> dict[str, float]:
    """The simulator alone."""
    import gymnasium
    import mujoco
    import numpy as np

    env: Any = gymnasium.make(env_id)
    env.reset(seed=0)
    model, data, skip = env.unwrapped.model, env.unwrapped.data, env.unwrapped.frame_skip
    actions = np.random.default_rng(0).uniform(-1, 1, (1000, model.nu))
    started, wall = time.process_time(), time.monotonic()
    for step in range(steps):
        if step % 1000 == 0:
            env.reset()
        data.ctrl[:] = actions[step % 1000]
        mujoco.mj_step(model, data, nstep=skip)
    return {"steps": steps, "cpu": time.process_time() - started, "wall": time.monotonic() - wall}


def share(env_id: str, steps: int) -> dict[str, float]:
    """What the generated reward and the state view cost, of all CPU time of a training."""
    from reward_synth.evaluation.play import field_table
    from reward_synth.evaluation.scoring import measured_table, scoring_process
    from reward_synth.sandbox.process import RewardProcess
    from reward_synth.simulators import get_simulator
    from reward_synth.training.loop.learning import learn

    with tempfile.TemporaryDirectory() as name:
        job = make_job(env_id, steps, Path(name))
        table = field_table(job.task)
        chosen, measured = table.subset(job.fields), measured_table(job.task, table)
        calls = 0.0

        class Timed(RewardProcess):
            def evaluate(self, *arguments: Any) -> Any:
                nonlocal calls
                before = time.thread_time()
                batch = super().evaluate(*arguments)
                calls += time.thread_time() - before
                return batch

        with scoring_process(job.task, measured.layout()) as verdict:
            children = children_cpu()
            source = job.reward.read_text(encoding="utf-8")
            with Timed(source, chosen.layout(), len(table.actions), job.terms) as reward:
                before = time.process_time()
                done = learn(job, chosen, measured, reward, verdict).steps
                own = time.process_time() - before
            process = children_cpu() - children
        task = job.task
        env = get_simulator(task.simulator).make(task.environment.id, task.environment.arguments, task.horizon)
        env.reset(seed=0)
        read, before = chosen.reader(env), time.process_time()
        for _ in range(20_000):
            read()
        reading = (time.process_time() - before) / 20_000 * done
    return {"reward_share": (calls + process + reading) / (own + process), "view_us": reading / done * 1e6}


def host_cpu() -> float:
    """What loading the libraries costs, once in a search."""
    modules = "reward_synth.training.loop.learning, reward_synth.training.worker.evaluator, torch._dynamo"
    before = children_cpu()
    subprocess.run([sys.executable, "-I", "-c", f"import {modules}"], check=True)
    return children_cpu() - before


ARMS = {"ours": ours, "defaults": defaults, "raw": raw, "share": share}


def run_arm(arm: str, env_id: str, steps: int) -> dict[str, float]:
    from reward_synth.executors.base import worker_environment

    command = [sys.executable, __file__, "--arm", arm, "--env", env_id, "--steps", str(steps)]
    ran = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ | worker_environment())
    found: dict[str, float] = json.loads(ran.stdout.splitlines()[-1])
    return found


def measure(env_id: str, rounds: int, steps: int, default_steps: int) -> dict[str, Any]:
    """Rounds of all arms, and the medians."""
    rates: dict[str, list[float]] = {"ours": [], "defaults": [], "raw": []}
    shares, views = [], []
    for number in range(rounds):
        for arm, count in (("ours", steps), ("defaults", default_steps), ("raw", 50_000)):
            found = run_arm(arm, env_id, count)
            rates[arm].append(found["steps"] / found["cpu"])
            print(
                f"{env_id} {number + 1}/{rounds} {arm}: {rates[arm][-1]:,.0f} steps/CPU-s", file=sys.stderr, flush=True
            )
        found = run_arm("share", env_id, min(steps, 100_000))
        shares.append(found["reward_share"])
        views.append(found["view_us"])
    over_defaults = [a / b for a, b in zip(rates["ours"], rates["defaults"], strict=True)]
    of_raw = [a / b for a, b in zip(rates["ours"], rates["raw"], strict=True)]
    median = statistics.median
    return {
        "date": datetime.date.today().isoformat(),
        "environment": env_id,
        "rounds": rounds,
        "steps": steps,
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
        "ours_steps_per_cpu_s": round(median(rates["ours"])),
        "defaults_steps_per_cpu_s": round(median(rates["defaults"])),
        "raw_steps_per_cpu_s": round(median(rates["raw"])),
        "over_defaults": round(median(over_defaults), 2),
        "over_defaults_range": f"{min(over_defaults):.2f} to {max(over_defaults):.2f}",
        "of_raw": round(median(of_raw), 3),
        "of_raw_range": f"{min(of_raw):.3f} to {max(of_raw):.3f}",
        "host_cpu_s": round(host_cpu(), 1),
        "reward_share": round(median(shares), 3),
        "view_us": round(median(views), 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one round of HalfCheetah-v5 with 60,000 steps: 1 minute")
    parser.add_argument("--json", action="store_true", help="print the rows as JSON, write nothing")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--env", choices=sorted(TASKS), help="this environment alone")
    parser.add_argument("--steps", type=int, default=150_000, help="of a training of ours")
    parser.add_argument("--arm", choices=sorted(ARMS), help="one arm, as a process of its own")
    arguments = parser.parse_args()
    if arguments.arm:
        print(json.dumps(ARMS[arguments.arm](arguments.env, arguments.steps)))
        return
    chosen = [arguments.env] if arguments.env else list(TASKS)
    rows = []
    if arguments.quick:
        rows = [measure("HalfCheetah-v5", 1, 60_000, 4096)]
    else:
        for env_id in chosen:
            rows.append(measure(env_id, arguments.rounds, arguments.steps, 20_480))
            if not arguments.json:
                keep(rows[-1])
    print(json.dumps(rows, indent=2) if arguments.json else table(rows), end="")


def table(rows: list[dict[str, Any]]) -> str:
    return "\n".join("\t".join(map(str, line)) for line in [list(rows[0]), *(row.values() for row in rows)]) + "\n"


def keep(row: dict[str, Any]) -> None:
    """Write a row in the place of the same environment's last one."""
    rows: list[dict[str, Any]] = []
    if RESULTS.exists():
        with RESULTS.open(newline="", encoding="utf-8") as file:
            rows = [old for old in csv.DictReader(file, delimiter="\t") if old["environment"] != row["environment"]]
    RESULTS.write_text(table([*rows, row]), encoding="utf-8")


if __name__ == "__main__":
    main()
