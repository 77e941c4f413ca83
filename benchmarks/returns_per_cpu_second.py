"""Return against processor seconds on the environments' own rewards: this project's PPO beside what others run.

    python benchmarks/returns_per_cpu_second.py                  # all, hours; into results/returns_per_cpu_second.tsv
    python benchmarks/returns_per_cpu_second.py --only Hopper-v5 --arms ours zoo --seeds 5 --cap 600
    python benchmarks/returns_per_cpu_second.py --plot           # no training: draws what the table holds
    python benchmarks/returns_per_cpu_second.py --quick --json   # HalfCheetah-v5, one seed of each arm, 30 s each

HalfCheetah-v5, Hopper-v5, Walker2d-v5 and Ant-v5 with Gymnasium's own rewards. Each training has a process of its own
with one thread to a library. The processor time of that process and of its children counts from its start, with
loading and compiling, up to a cap. Only this benchmark's evaluations are left out, and they are the same for all arms:
five episodes of at most 1,000 steps in Gymnasium's own environments, with the deterministic policy and fresh seeds,
after 5 seconds and then after ten percent more each time.

Arms:
- `ours`: our PPO with the preset of our shipped task for that body, on our fast step. The native reward comes from a
  reward file (`native_rewards.py`, held against upstream first) in a reward process, and trainer and reward process are
  locked as in a search. The lint, the probe, the judge's process and the task's own evaluations are left out.
- `sb3`: stable-baselines3's PPO with its defaults.
- `zoo`: rl-baselines3-zoo's PPO for that body. Its settings for the Ant are the defaults with normalisation.
- `cleanrl`: CleanRL's PPO for continuous actions with its published settings (`plain_ppo.py`).
- `envpool`: the same settings in EnvPool's environments of the same name.
- `envpool64`: the settings that CleanRL's author published for EnvPool, with 64 environments.

EnvPool is installed for the time of the run into a virtual environment in a temporary folder; without it, its arms are
left out. A training also ends with its published number of steps.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from native_rewards import BODIES, checked, native_task
from returns_table import COLUMNS, Row, draw, keep, read, summary

FIRST, GROWTH = 5.0, 1.1
"""Processor seconds before the first evaluation, and by how much each point is later than the one before."""
EPISODES = 5
EVALUATION_SEEDS = 90_000
ENVPOOL = "envpool==1.2.5"
FOREVER = 1_000_000_000
Act = Callable[[Any], Any]
"""Observations (n, O) to actions (n, A)."""


def processor_seconds(children: Iterable[int] = ()) -> float:
    """Of this process, of the children that it has waited for, and of those that are named and still run."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    # Linux has a clock for each process. Unlike /proc, a locked training can still read it, to the nanosecond.
    running = sum(time.clock_gettime((~child << 3) | 2) for child in children)
    return time.process_time() + used.ru_utime + used.ru_stime + running


class Clock:
    """Evaluates when it is time, and keeps what this costs apart."""

    def __init__(self, env_id: str, cap: float) -> None:
        self._env_id, self._cap = env_id, cap
        self._next, self._apart = min(FIRST, cap), 0.0
        self._envs: list[Any] = []
        self.children: list[int] = []
        self.points: list[tuple[float, int, float]] = []
        """Processor seconds, steps and mean return."""

    def goes_on(self, steps: int, policy: Callable[[], Act]) -> bool:
        """To be called at every step; false once the cap is reached.

        :param policy: gives the present policy.
        """
        spent = processor_seconds(self.children) - self._apart
        if spent < self._next:
            return True
        before = processor_seconds(self.children)
        self.points.append((round(spent, 2), steps, round(self._mean_return(policy()), 1)))
        print(f"{spent:.1f} CPU-s, {steps:,} steps: {self.points[-1][-1]:.0f}", file=sys.stderr, flush=True)
        while self._next <= spent < self._cap:
            self._next = min(self._next * GROWTH, self._cap)
        self._apart += processor_seconds(self.children) - before
        return spent < self._cap

    def _mean_return(self, act: Act) -> float:
        import gymnasium
        import numpy as np

        if not self._envs:
            self._envs = [gymnasium.make(self._env_id, disable_env_checker=True) for _ in range(EPISODES)]
        first = EVALUATION_SEEDS + EPISODES * len(self.points)
        seen = [env.reset(seed=first + index)[0] for index, env in enumerate(self._envs)]
        total, running = 0.0, list(range(EPISODES))
        while running:
            actions = np.clip(act(np.stack([seen[index] for index in running])), -1.0, 1.0)
            still = []
            for index, action in zip(running, actions, strict=True):
                seen[index], reward, terminated, truncated, _ = self._envs[index].step(action)
                total += float(reward)
                if not (terminated or truncated):
                    still.append(index)
            running = still
        return total / EPISODES


def ours(env_id: str, seed: int, clock: Clock, folder: Path) -> None:
    """The trainer's stage of a worker, in this process, with this benchmark's evaluations in place of the task's."""
    from reward_synth.training.job import TrainJob
    from reward_synth.training.worker.worker_sandbox import confine_calls, confine_files

    job = TrainJob.read(folder / "job.json")
    tempfile.tempdir = str(folder)
    confine_files(job, readable=[job.reward], writable=[job.folder])
    import torch

    from reward_synth.evaluation.play import field_table
    from reward_synth.sandbox.process import RewardProcess
    from reward_synth.training.learners.registry import open_learner
    from reward_synth.training.loop.learning import make_environments
    from reward_synth.training.loop.policy_export import policy_of

    torch.set_num_threads(1)
    torch.distributions.Distribution.set_default_validate_args(False)
    table = field_table(job.task).subset(job.fields)
    source = job.reward.read_text(encoding="utf-8")
    with RewardProcess(source, table.layout(), len(table.actions), job.terms) as reward:
        confine_calls(job)
        clock.children.append(reward.pid)
        venv = make_environments(job, table, reward)
        learner = open_learner(job, venv)
        follow(learner.model, clock, lambda: policy_of(learner.model, venv, job.preset.action_repeat))
        clock.children.clear()


def follow(model: Any, clock: Clock, policy: Callable[[], Act]) -> None:
    """Let a learner of stable-baselines3's kind learn until the cap."""
    from stable_baselines3.common.callbacks import BaseCallback

    class Watch(BaseCallback):
        def _on_step(self) -> bool:
            return clock.goes_on(self.model.num_timesteps, policy)

    model.learn(FOREVER, callback=Watch())


def sb3(env_id: str, seed: int, clock: Clock, folder: Path) -> None:
    """stable-baselines3's PPO as it comes."""
    from stable_baselines3 import PPO

    model = PPO("MlpPolicy", env_id, seed=seed, device="cpu")
    follow(model, clock, lambda: lambda seen: model.predict(seen, deterministic=True)[0])


def zoo(env_id: str, seed: int, clock: Clock, folder: Path) -> None:
    """As rl-baselines3-zoo trains: one environment, with observations and rewards normalised."""
    import torch
    from stable_baselines3 import PPO
    from stable_baselines3.common.env_util import make_vec_env
    from stable_baselines3.common.vec_env import VecNormalize

    settings = dict(ZOO[env_id])
    venv = VecNormalize(make_vec_env(env_id, n_envs=1, seed=seed), gamma=settings.get("gamma", 0.99))
    if settings.pop("large", False):
        nets = {"log_std_init": -2, "ortho_init": False, "activation_fn": torch.nn.ReLU}
        settings["policy_kwargs"] = nets | {"net_arch": {"pi": [256, 256], "vf": [256, 256]}}
    model = PPO("MlpPolicy", venv, seed=seed, device="cpu", **settings)
    follow(model, clock, lambda: lambda seen: model.predict(venv.normalize_obs(seen), deterministic=True)[0])


ZOO: dict[str, dict[str, Any]] = {
    "HalfCheetah-v5": {
        "n_steps": 512, "batch_size": 64, "n_epochs": 20, "gamma": 0.98, "learning_rate": 2.0633e-05,
        "ent_coef": 0.000401762, "clip_range": 0.1, "gae_lambda": 0.92, "max_grad_norm": 0.8, "vf_coef": 0.58096,
        "large": True,
    },
    "Hopper-v5": {
        "n_steps": 512, "batch_size": 32, "n_epochs": 5, "gamma": 0.999, "learning_rate": 9.80828e-05,
        "ent_coef": 0.00229519, "clip_range": 0.2, "gae_lambda": 0.99, "max_grad_norm": 0.7, "vf_coef": 0.835671,
        "large": True,
    },
    "Walker2d-v5": {
        "n_steps": 512, "batch_size": 32, "n_epochs": 20, "gamma": 0.99, "learning_rate": 5.05041e-05,
        "ent_coef": 0.000585045, "clip_range": 0.1, "gae_lambda": 0.95, "max_grad_norm": 1, "vf_coef": 0.871923,
    },
    "Ant-v5": {},
}  # fmt: skip
"""hyperparams/ppo.yml of rl-baselines3-zoo 2.9.0a2 (22e3ff2), which has these bodies as v4. `large` stands for the
networks that it gives two of them. The tuned settings for the Ant, meant for 10,000,000 steps, are commented out."""


def plain(env_id: str, seed: int, clock: Clock, pooled: bool, many: bool) -> None:
    """CleanRL's PPO on Gymnasium's environment, or on EnvPool's."""
    from plain_ppo import ENVPOOL, MUJOCO, EnvPoolMany, GymnasiumOne, Learner

    settings = ENVPOOL if many else MUJOCO
    environments = EnvPoolMany(env_id, settings.environments, seed) if pooled else GymnasiumOne(env_id, seed)
    learner = Learner(environments, settings, seed)
    learner.learn(lambda steps: clock.goes_on(steps, lambda: learner.act))


ARMS: dict[str, Callable[[str, int, Clock, Path], None]] = {
    "ours": ours,
    "sb3": sb3,
    "zoo": zoo,
    "cleanrl": lambda env_id, seed, clock, folder: plain(env_id, seed, clock, pooled=False, many=False),
    "envpool": lambda env_id, seed, clock, folder: plain(env_id, seed, clock, pooled=True, many=False),
    "envpool64": lambda env_id, seed, clock, folder: plain(env_id, seed, clock, pooled=True, many=True),
}


def train(env_id: str, arm: str, seed: int, cap: float, folder: Path) -> list[Row]:
    """One training in this process; its curve."""
    clock = Clock(env_id, cap)
    if arm != "ours":  # which loads nothing before it is locked
        import torch

        torch.set_num_threads(1)
    ARMS[arm](env_id, seed, clock, folder)
    today = datetime.date.today().isoformat()
    return [dict(zip(COLUMNS, (today, env_id, arm, seed, *point), strict=True)) for point in clock.points]


def write_job(env_id: str, seed: int, folder: Path) -> None:
    """The job and the reward of a training of ours, as a search would write them."""
    from reward_synth.training.job import TrainJob

    reward = folder / "reward.py"
    reward.write_text(BODIES[env_id].source, encoding="utf-8")
    TrainJob.of(native_task(env_id), reward, checked(env_id), folder, seed=seed).write()


def run_one(env_id: str, arm: str, seed: int, cap: float, python: str) -> list[Row]:
    """One training in a process of its own; its curve."""
    from reward_synth.executors.base import worker_environment

    print(f"{env_id} {arm} {seed}", file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory() as name:
        if arm == "ours":
            write_job(env_id, seed, Path(name))
        command = [python, __file__, "--cap", str(cap), "--train", env_id, arm, str(seed), name]
        # The package asks Python not to look for modules beside a script, and this script has some there.
        environment = {k: v for k, v in (os.environ | worker_environment()).items() if k != "PYTHONSAFEPATH"}
        ran = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment)
    rows: list[Row] = json.loads(ran.stdout.splitlines()[-1])
    return rows


def install_envpool(folder: Path) -> str | None:
    """The Python of a new virtual environment with EnvPool, which borrows all other packages; None if it has none."""
    python = str(folder / "bin" / "python")
    try:
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True, capture_output=True, text=True)
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        borrowed = [entry for entry in sys.path if Path(entry).name in ("site-packages", "dist-packages")]
        (folder / "lib" / version / "site-packages" / "borrowed.pth").write_text("\n".join(borrowed), encoding="utf-8")
        options = ("-q", "--disable-pip-version-check", "--only-binary", ":all:")
        install = [python, "-m", "pip", "install", *options, ENVPOOL]
        subprocess.run(install, check=True, capture_output=True, text=True)
        subprocess.run([python, "-c", "import envpool, torch"], check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        reason = (getattr(error, "stderr", "") or str(error)).strip().splitlines()[-1]
        print(f"{ENVPOOL} cannot be installed, so its arms are left out: {reason}", file=sys.stderr, flush=True)
        return None
    return python


def measure(env_ids: list[str], arms: list[str], seeds: int, cap: float, stores: bool) -> list[Row]:
    """All trainings, arm by arm within a seed, so that the machine's drift meets all arms alike."""
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as name:
        pooled = install_envpool(Path(name)) if any(arm.startswith("envpool") for arm in arms) else None
        pythons = {arm: pooled if arm.startswith("envpool") else sys.executable for arm in arms}
        for env_id in env_ids:
            for seed in range(seeds):
                for arm, python in pythons.items():
                    if python is not None:
                        rows += (curve := run_one(env_id, arm, seed, cap, python))
                        if stores:
                            keep(curve)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=list(BODIES), default=list(BODIES), help="these environments")
    parser.add_argument("--arms", nargs="+", choices=list(ARMS), default=list(ARMS), help="these arms")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--cap", type=float, default=300.0, help="processor seconds of a training")
    parser.add_argument("--quick", action="store_true", help="HalfCheetah-v5, one seed, 30 s; writes nothing")
    parser.add_argument("--json", action="store_true", help="print the rows as JSON, write nothing")
    parser.add_argument("--plot", action="store_true", help="no training: draw the table into docs/measurements")
    parser.add_argument("--train", nargs=4, metavar=("ENVIRONMENT", "ARM", "SEED", "FOLDER"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.train:
        env_id, arm, seed, folder = arguments.train
        print(json.dumps(train(env_id, arm, int(seed), arguments.cap, Path(folder))))
        return
    if arguments.plot:
        rows = [row for row in read() if row["environment"] in arguments.only and row["arm"] in arguments.arms]
        for env_id in dict.fromkeys(row["environment"] for row in rows):
            draw(rows, env_id, arguments.arms)
    elif arguments.quick:
        rows = measure(["HalfCheetah-v5"], arguments.arms, 1, 30.0, stores=False)
    else:
        rows = measure(arguments.only, arguments.arms, arguments.seeds, arguments.cap, stores=not arguments.json)
    print(json.dumps(rows, indent=2) if arguments.json else summary(rows, list(ARMS)))


if __name__ == "__main__":
    main()
