"""Train one policy on one generated reward. With rollout.py, the only importer of stable-baselines3."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.vec_env import VecNormalize

from reward_synth.reward.process import RewardProcess
from reward_synth.simulators import get_simulator
from reward_synth.simulators.base import FieldTable
from reward_synth.simulators.recorder import StateRecorder
from reward_synth.training.evaluate import (
    SELECTION_SEEDS,
    TRAINING_EVALUATION_SEEDS,
    Policy,
    field_table,
    measure,
    measured_table,
    play,
)
from reward_synth.training.job import (
    EVALUATION_COLUMNS,
    PROGRESS_COLUMNS,
    TERM_COLUMNS,
    TableWriter,
    TrainJob,
    collect_terms,
    term_rows,
)
from reward_synth.training.rollout import GeneratedReward, TransitionVecEnv
from reward_synth.types import EvaluationPoint, Measurement, TrainResult


def train(job: TrainJob) -> TrainResult:
    """Train on the generated reward alone, watch the task's own measure, play the final evaluation, save all files.

    Raises :class:`~reward_synth.reward.contract.RewardError` where the reward fails on a transition.
    """
    # More threads make these small networks slower, and two trainings on two cores would fight for them.
    torch.set_num_threads(1)
    started, cpu_started = time.monotonic(), time.process_time()
    table = field_table(job.task)
    source = job.reward.read_text(encoding="utf-8")
    layout = table.subset(job.fields).layout()
    with RewardProcess(source, layout, action_size=len(table.actions), terms=job.terms) as process:
        venv = _environments(job, table.subset(job.fields), process)
        learner = _ppo(job, venv)
        watch = Watch(job, table, venv, started)
        try:
            learner.learn(job.steps, callback=watch)
        finally:
            watch.close()
    learner.save(job.folder / "model.zip")
    _save_normalisation(venv, job.folder / "normalisation.npz")
    episodes = _final_episodes(job, table, policy_of(learner, venv))
    venv.close()
    return TrainResult(
        status="trained",
        reason=watch.reason,
        seed=job.seed,
        steps=int(learner.num_timesteps),
        seconds=time.monotonic() - started,
        cpu_seconds=time.process_time() - cpu_started,
        evaluations=tuple(watch.evaluations),
        episodes=tuple(episodes),
        terms=collect_terms(job.terms, watch.term_points),
    )


def policy_of(learner: PPO, venv: VecNormalize) -> Policy:
    """The deterministic policy with its observation normalisation, as a function of raw observations."""

    def act(observations: Any) -> Any:
        actions, _ = learner.predict(venv.normalize_obs(observations), deterministic=True)
        return actions

    return act


def _environments(job: TrainJob, table: FieldTable, process: RewardProcess) -> VecNormalize:
    simulator = get_simulator(job.task.simulator)
    task = job.task

    def make() -> StateRecorder:
        return StateRecorder(simulator.make(task.environment.id, task.environment.arguments, task.horizon), table)

    venv = TransitionVecEnv([make] * job.preset.environments, table.width())
    venv.seed(job.seed)
    return VecNormalize(GeneratedReward(venv, process), gamma=job.preset.gamma)


def _ppo(job: TrainJob, venv: VecNormalize) -> PPO:
    preset = job.preset
    return PPO(
        "MlpPolicy",
        venv,
        n_steps=preset.n_steps,
        batch_size=preset.batch_size,
        n_epochs=preset.n_epochs,
        learning_rate=preset.learning_rate,
        gamma=preset.gamma,
        gae_lambda=preset.gae_lambda,
        ent_coef=preset.ent_coef,
        policy_kwargs={"net_arch": list(preset.hidden), "log_std_init": preset.log_std_init},
        seed=job.seed,
        device="cpu",
    )


def _save_normalisation(venv: VecNormalize, path: Path) -> None:
    """What the policy needs besides its weights: it sees clip((observation - mean) / sqrt(variance + epsilon))."""
    statistics = venv.obs_rms
    np.savez(path, mean=statistics.mean, variance=statistics.var, epsilon=venv.epsilon, clip=venv.clip_obs)


def _final_episodes(job: TrainJob, table: FieldTable, policy: Policy) -> list[Measurement]:
    seeds = range(SELECTION_SEEDS, SELECTION_SEEDS + job.task.evaluation.episodes)
    episodes = play(job.task, table, policy, seeds)
    job.trajectories.mkdir(parents=True, exist_ok=True)
    for number, episode in enumerate(episodes):
        episode.save(job.trajectories / f"seed-{job.seed_index}-episode-{number:03d}.npz")
    return measure(job.task, table, episodes)


class Watch(BaseCallback):
    """Writes progress after each rollout and evaluates at evenly spaced points of training."""

    def __init__(self, job: TrainJob, table: FieldTable, venv: VecNormalize, started: float) -> None:
        super().__init__()
        self._job = job
        self._table = measured_table(job.task, table)
        self._venv = venv
        self._reward: GeneratedReward = venv.venv
        self._started = started
        self._interval = job.steps / job.evaluation_points
        self._next_point = self._interval
        self.evaluations: list[EvaluationPoint] = []
        self.term_points: list[dict[str, tuple[float, float, float, float]]] = []
        self.reason = ""
        self._progress = TableWriter(job.folder / "progress.csv", PROGRESS_COLUMNS)
        self._terms = TableWriter(job.folder / "terms.csv", TERM_COLUMNS)
        self._evaluation_file = TableWriter(job.folder / "eval.csv", EVALUATION_COLUMNS)

    def _on_step(self) -> bool:
        return not self.reason

    def _on_rollout_end(self) -> None:
        window = self._reward.window
        seconds = time.monotonic() - self._started
        self._progress.write(
            (
                self.num_timesteps,
                f"{seconds:.1f}",
                f"{window.reward_per_step:.6g}",
                f"{window.episode_length:.1f}",
            )
        )

    def _on_rollout_start(self) -> None:
        # Here the update on the last rollout is done, so the policy is the one that the step count speaks of.
        if self.num_timesteps >= self._next_point:
            self._evaluate()
            self._next_point += self._interval

    def _on_training_end(self) -> None:
        if not self.reason:
            self._evaluate()

    def _evaluate(self) -> None:
        job = self._job
        reward = self._reward.window.reward_per_step
        statistics = self._reward.window.take()
        seeds = range(TRAINING_EVALUATION_SEEDS, TRAINING_EVALUATION_SEEDS + job.evaluation_episodes)
        policy = policy_of(self.model, self._venv)
        measured = measure(job.task, self._table, play(job.task, self._table, policy, seeds))
        point = EvaluationPoint(
            step=self.num_timesteps,
            success=float(np.mean([m.success for m in measured])),
            success_any=float(np.mean([m.success_any for m in measured])),
            fitness=float(np.mean([m.fitness for m in measured])),
            episode_length=float(np.mean([m.length for m in measured])),
            reward=reward,
        )
        self.evaluations.append(point)
        self.term_points.append(statistics)
        self._evaluation_file.write(tuple(point.model_dump().values()))
        for row in term_rows(self.num_timesteps, statistics):
            self._terms.write(row)
        solved = len(self.evaluations) > 1 and all(e.success == 1.0 for e in self.evaluations[-2:])
        if job.stop_when_solved and solved and self.num_timesteps < job.steps:
            self.reason = f"ended at {self.num_timesteps:,} of {job.steps:,} steps: the task is solved"

    def close(self) -> None:
        """Close the files."""
        for file in (self._progress, self._terms, self._evaluation_file):
            file.close()
