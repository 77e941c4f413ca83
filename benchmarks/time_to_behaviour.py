"""CPU-seconds to a fixed behaviour: this project's training beside what a person would run instead.

    python benchmarks/time_to_behaviour.py                        # 3 seeds of all, into results/time_to_behaviour.tsv
    python benchmarks/time_to_behaviour.py --only ours --seeds 5  # this project's arms alone
    python benchmarks/time_to_behaviour.py --quick --json         # half-cheetah to a return of 1000, one seed

Behaviours: HalfCheetah-v5 with a native return over 3000; Hopper-v5 more than 8 m forward in an episode; MetaWorld's
window-close, door-close and button-press with success at the end of at least 9 of 10 episodes (200 steps, a new
goal each). All arms are judged alike: ten episodes (five of the half-cheetah and the hopper) with the deterministic
policy, whenever a fortieth of the cap has passed, until two evaluations in a row are passed. CPU time is that of all
processes from their start, imports and compiling included; only these evaluations are left out. Each arm runs in a
process of its own with one thread to a library, up to a cap; what has not got there by then is recorded as over it.

Arms:
- `ours`: this project's preset for the task on a generated reward (recorded in `data/`), in its contained process.
- `ours-native`: the same preset on the environment's own reward: what the learner's set-up alone is worth.
- `zoo`: rl-baselines3-zoo's tuned PPO for HalfCheetah-v3 and Hopper-v3 (it has none for v5), native reward.
- `text2reward`: SAC with Text2Reward's set-up for MetaWorld: eight subprocess environments, three layers of 256,
  batches of 512, one update per vector step, target update every 2, 4,000 steps before learning, entropy auto_0.1;
  native reward.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "time_to_behaviour.tsv"
COLUMNS = ("date", "behaviour", "arm", "seed", "reached", "cpu_s", "steps", "figure", "cap_s", "load")
Evaluate = Callable[[Callable[[Any], Any]], float]


class Behaviour:
    """What is to be reached, and how it is measured."""

    def __init__(self, task: str, env_id: str, target: float, cap: float, reward: str | None) -> None:
        self.task, self.env_id, self.target, self.cap, self.reward = task, env_id, target, cap, reward

    @property
    def is_metaworld(self) -> bool:
        return self.env_id.endswith("-v3")

    def make(self, seed: int = 0) -> Any:
        """The environment with its own reward."""
        import gymnasium

        if not self.is_metaworld:
            return gymnasium.make(self.env_id, disable_env_checker=True)
        return metaworld(self.env_id)

    def figure(self, act: Callable[[Any], Any], repeat: int = 1) -> float:
        """Mean return, metres or success at the end over the evaluation episodes; all side by side."""
        import numpy as np

        count = 10 if self.is_metaworld else 5
        envs = [self.make(90_000 + index) for index in range(count)]
        seen = [env.reset(seed=90_000 + index)[0] for index, env in enumerate(envs)]
        start = [self._position(env) for env in envs]
        figures, running = np.zeros(count), list(range(count))
        while running:
            chosen = act(np.stack([seen[i] for i in running]))
            still = []
            for i, action in zip(running, chosen, strict=True):
                for _ in range(repeat):
                    seen[i], reward, terminated, truncated, info = envs[i].step(action)
                    figures[i] += reward if self.env_id.startswith("HalfCheetah") else 0.0
                    if terminated or truncated:
                        break
                if self.is_metaworld:
                    figures[i] = float(info["success"])
                if not (terminated or truncated):
                    still.append(i)
            running = still
        if self.env_id.startswith("Hopper"):
            figures = np.array([self._position(env) - at for env, at in zip(envs, start, strict=True)])
        for env in envs:
            env.close()
        return float(figures.mean())

    def _position(self, env: Any) -> float:
        return float(env.unwrapped.data.qpos[0])


def metaworld(env_id: str) -> Any:
    """MetaWorld's own environment with its own reward: the goal is seen, and a new one is drawn at each reset."""
    import gymnasium
    from metaworld.env_dict import ALL_V3_ENVIRONMENTS_GOAL_OBSERVABLE

    class Seeded(gymnasium.Wrapper):  # type: ignore[type-arg]  # not at run time
        """Upstream ignores the seed of a reset."""

        def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
            if seed is not None:
                self.unwrapped.seed(seed)
            return self.env.reset()

    env = ALL_V3_ENVIRONMENTS_GOAL_OBSERVABLE[f"{env_id}-goal-observable"](seed=0)
    env._freeze_rand_vec = False
    return gymnasium.wrappers.TimeLimit(Seeded(env), 200)


BEHAVIOURS = {
    "half_cheetah_3000": Behaviour("half_cheetah_run_forward", "HalfCheetah-v5", 3000, 240, "strong-001-a"),
    "hopper_8m": Behaviour("hopper_hop_forward", "Hopper-v5", 8.0, 600, "strong-001-a"),
    "window_close": Behaviour("metaworld/window_close", "window-close-v3", 0.9, 150, None),
    "door_close": Behaviour("metaworld/door_close", "door-close-v3", 0.9, 150, None),
    "button_press": Behaviour("metaworld/button_press", "button-press-v3", 0.9, 150, None),
}
ARMS = {
    "half_cheetah_3000": ("ours", "ours-native", "zoo", "text2reward"),
    "hopper_8m": ("ours", "ours-native", "zoo", "text2reward"),
    "window_close": ("ours-native", "text2reward"),
    "door_close": ("ours-native", "text2reward"),
    "button_press": ("ours-native", "text2reward"),
}


def cpu_seconds() -> float:
    """Of this process and of its children, running ones too."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    total = time.process_time() + used.ru_utime + used.ru_stime
    ticks = os.sysconf("SC_CLK_TCK")
    for task in Path("/proc/self/task").iterdir():
        for child in (task / "children").read_text().split():
            fields = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()
            total += (int(fields[11]) + int(fields[12])) / ticks
    return total


class Clock:
    """Decides when to evaluate, and keeps what evaluation costs apart."""

    def __init__(self, behaviour: Behaviour, cap: float, target: float, repeat: int = 1) -> None:
        self.behaviour, self.cap, self.target, self.repeat = behaviour, cap, target, repeat
        self.evaluating, self.next, self.passed = 0.0, 0.0, 0
        self.last = float("-inf")
        self.reached: tuple[float, int] | None = None
        self.first: tuple[float, int] | None = None

    def spent(self) -> float:
        return cpu_seconds() - self.evaluating

    def go_on(self, steps: int, act: Callable[[Any], Any]) -> bool:
        """Call it often; false once the behaviour is there or the cap is reached."""
        spent = self.spent()
        if spent < self.next:
            return True
        before = cpu_seconds()
        self.last = self.behaviour.figure(act, self.repeat)
        self.evaluating += cpu_seconds() - before
        self.next = spent + self.cap / 40
        print(f"{spent:.1f} CPU-s, {steps:,} steps: {self.last:.2f}", file=sys.stderr, flush=True)
        if self.last < self.target:
            self.first = None
        elif self.first is None:
            self.first = (spent, steps)
        else:
            self.reached = (spent, steps)
        return self.reached is None and spent < self.cap


def baseline(behaviour: Behaviour, arm: str, seed: int, clock: Clock) -> int:
    """Train a baseline; returns its steps."""
    import torch
    from stable_baselines3 import PPO, SAC
    from stable_baselines3.common.callbacks import BaseCallback
    from stable_baselines3.common.env_util import make_vec_env
    from stable_baselines3.common.vec_env import SubprocVecEnv, VecNormalize

    torch.set_num_threads(1)
    learner: Any
    if arm == "zoo":
        venv: Any = VecNormalize(
            make_vec_env(behaviour.make, n_envs=1, seed=seed), gamma=ZOO[behaviour.env_id]["gamma"]
        )
        nets = {"log_std_init": -2, "ortho_init": False, "activation_fn": torch.nn.ReLU}
        nets["net_arch"] = {"pi": [256, 256], "vf": [256, 256]}
        learner = PPO("MlpPolicy", venv, seed=seed, device="cpu", policy_kwargs=nets, **ZOO[behaviour.env_id])
    else:
        venv = make_vec_env(behaviour.make, n_envs=8, seed=seed, vec_env_cls=SubprocVecEnv)
        learner = SAC(
            "MlpPolicy", venv, gamma=0.99, batch_size=512, learning_rate=3e-4, train_freq=1, gradient_steps=1,
            target_update_interval=2, learning_starts=4000, ent_coef="auto_0.1", seed=seed, device="cpu",
            policy_kwargs={"net_arch": [256, 256, 256]},
        )  # fmt: skip

    def act(observations: Any) -> Any:
        seen = venv.normalize_obs(observations) if isinstance(venv, VecNormalize) else observations
        return learner.predict(seen, deterministic=True)[0]

    class Stop(BaseCallback):
        def _on_step(self) -> bool:
            return self.n_calls % 64 != 0 or clock.go_on(self.num_timesteps, act)

    learner.learn(1_000_000_000, callback=Stop())
    venv.close()
    return int(learner.num_timesteps)


ZOO: dict[str, dict[str, Any]] = {
    "HalfCheetah-v5": {
        "n_steps": 512, "batch_size": 64, "n_epochs": 20, "gamma": 0.98, "learning_rate": 2.0633e-05,
        "ent_coef": 0.000401762, "clip_range": 0.1, "gae_lambda": 0.92, "max_grad_norm": 0.8, "vf_coef": 0.58096,
    },
    "Hopper-v5": {
        "n_steps": 512, "batch_size": 32, "n_epochs": 5, "gamma": 0.999, "learning_rate": 9.80828e-05,
        "ent_coef": 0.00229519, "clip_range": 0.2, "gae_lambda": 0.99, "max_grad_norm": 0.7, "vf_coef": 0.835671,
    },
}  # fmt: skip
"""hyperparams/ppo.yml of rl-baselines3-zoo at 00128b5; observations and rewards normalised, networks as above."""


def ours(behaviour: Behaviour, arm: str, seed: int, clock: Clock) -> int:
    """Train with the task's preset; returns the environment steps."""
    import torch
    from recorded import recorded_reward
    from stable_baselines3.common.callbacks import BaseCallback

    from reward_synth.evaluation.play import field_table
    from reward_synth.sandbox.process import RewardProcess
    from reward_synth.screening.checker import RewardChecker
    from reward_synth.tasks.spec import load_task
    from reward_synth.training.job import TrainJob
    from reward_synth.training.learners.registry import open_learner
    from reward_synth.training.loop.learning import make_environments
    from reward_synth.training.loop.policy_export import policy_of
    from reward_synth.training.presets import preset_for

    torch.set_num_threads(1)
    torch.distributions.Distribution.set_default_validate_args(False)
    task = load_task(behaviour.task)
    preset = preset_for(task)
    clock.repeat = preset.action_repeat
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        job = TrainJob(
            task=task, reward=folder / "reward.py", fields=(), terms=(), preset=preset, steps=task.training.steps,
            seed=seed, folder=folder, trajectories=folder,
        )  # fmt: skip
        venv: Any
        if arm == "ours":
            assert behaviour.reward is not None
            source = recorded_reward(task.name, behaviour.reward).source
            report = RewardChecker.of(task).check(source)
            table = field_table(task)
            chosen = table.subset(report.fields)
            reward = stack.enter_context(RewardProcess(source, chosen.layout(), len(table.actions), report.terms))
            venv = make_environments(job, chosen, reward)
        else:
            venv = native_environments(behaviour, preset, seed)
        learner = open_learner(job, venv)

        class Stop(BaseCallback):
            def _on_step(self) -> bool:
                if self.n_calls % 16:
                    return True
                act = policy_of(learner.model, venv, preset.action_repeat)
                return clock.go_on(self.n_calls * preset.environments * preset.action_repeat, act)

        callback = Stop()
        learner.model.learn(1_000_000_000, callback=callback)
        venv.close()
    return callback.n_calls * preset.environments * preset.action_repeat


def native_environments(behaviour: Behaviour, preset: Any, seed: int) -> Any:
    """The environments with their own reward, stepped and normalised as the preset says."""
    import gymnasium
    from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize

    class Repeated(gymnasium.Wrapper):  # type: ignore[type-arg]  # not at run time
        """Holds each action, and sums the rewards."""

        def step(self, action: Any) -> Any:
            total = 0.0
            for _ in range(preset.action_repeat):
                observation, reward, terminated, truncated, info = self.env.step(action)
                total += float(reward)
                if terminated or truncated:
                    break
            return observation, total, terminated, truncated, info

    venv = DummyVecEnv([lambda: Repeated(behaviour.make())] * preset.environments)
    venv.seed(seed)
    return VecNormalize(venv, gamma=preset.gamma, clip_obs=preset.clip_obs)


def train(name: str, arm: str, seed: int, cap: float, target: float) -> dict[str, Any]:
    """One training in this process."""
    behaviour = BEHAVIOURS[name]
    clock = Clock(behaviour, cap, target)
    run = ours if arm.startswith("ours") else baseline
    steps = run(behaviour, arm, seed, clock)
    # The first of the two evaluations in a row counts: the second only confirms it.
    reached = clock.first if clock.reached else None
    return {
        "date": datetime.date.today().isoformat(),
        "behaviour": name,
        "arm": arm,
        "seed": seed,
        "reached": int(reached is not None),
        "cpu_s": round(reached[0] if reached else clock.spent(), 1),
        "steps": reached[1] if reached else steps,
        "figure": round(clock.last, 2),
        "cap_s": cap,
        "load": round(os.getloadavg()[0], 1),
    }


def summary(rows: list[dict[str, Any]]) -> str:
    """Median CPU-seconds by behaviour and arm, and how many times the first arm's; ">" where most did not arrive."""
    lines = []
    for name in BEHAVIOURS:
        best: float | None = None
        for arm in ARMS[name]:
            found = [row for row in rows if row["behaviour"] == name and row["arm"] == arm]
            if not found:
                continue
            median = statistics.median(float(row["cpu_s"]) for row in found)
            best = median if best is None else best
            arrived = sum(int(row["reached"]) for row in found)
            more = "" if arrived > len(found) / 2 else "> "
            ratio = f", {more}{median / best:.1f} x" if arm != ARMS[name][0] else ""
            lines.append(f"{name} {arm}: {more}{median:.0f} CPU-s, {arrived} of {len(found)} seeds arrived{ratio}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--quick", action="store_true", help="half-cheetah to 1000 instead of 3000, one seed, 3 minutes"
    )
    parser.add_argument("--json", action="store_true", help="print the rows as JSON, write nothing")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--behaviour", choices=sorted(BEHAVIOURS), help="this one alone")
    parser.add_argument("--only", choices=("ours", "baselines"), help="these arms alone")
    parser.add_argument("--cap", type=float, help="CPU-seconds after which a training is given up")
    parser.add_argument("--train", nargs=4, metavar=("BEHAVIOUR", "ARM", "SEED", "TARGET"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.train:
        name, arm, seed, target = arguments.train
        print(json.dumps(train(name, arm, int(seed), arguments.cap, float(target))))
        return
    names = ["half_cheetah_3000"] if arguments.quick else [arguments.behaviour or name for name in BEHAVIOURS]
    rows = []
    for name in dict.fromkeys(names):
        behaviour = BEHAVIOURS[name]
        cap = arguments.cap or (50.0 if arguments.quick else behaviour.cap)
        target = 1000.0 if arguments.quick else behaviour.target
        for arm in ARMS[name]:
            if arguments.only and arm.startswith("ours") != (arguments.only == "ours"):
                continue
            for seed in range(1 if arguments.quick else arguments.seeds):
                rows.append(run_one(name, arm, seed, cap, target))
                if not (arguments.json or arguments.quick):
                    append(rows[-1])
    print(json.dumps(rows, indent=2) if arguments.json else summary(rows))


def run_one(name: str, arm: str, seed: int, cap: float, target: float) -> dict[str, Any]:
    from reward_synth.executors.base import worker_environment

    command = [sys.executable, __file__, "--cap", str(cap), "--train", name, arm, str(seed), str(target)]
    ran = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=os.environ | worker_environment())
    row: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    print("\t".join(map(str, row.values())), file=sys.stderr, flush=True)
    return row


def append(row: dict[str, Any]) -> None:
    if not RESULTS.exists():
        RESULTS.write_text("\t".join(COLUMNS) + "\n", encoding="utf-8")
    with RESULTS.open("a", encoding="utf-8") as file:
        file.write("\t".join(str(row[column]) for column in COLUMNS) + "\n")


if __name__ == "__main__":
    main()
