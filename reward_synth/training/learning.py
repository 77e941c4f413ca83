"""Learning itself: PPO on one generated reward. With rollout.py, the only importer of stable-baselines3."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.vec_env import VecNormalize

from reward_synth.reward.process import MeasureProcess, RewardProcess
from reward_synth.simulators import get_simulator
from reward_synth.simulators.base import FieldTable
from reward_synth.simulators.recorder import StateRecorder
from reward_synth.training.evaluate import TRAINING_EVALUATION_SEEDS, measure_by, play
from reward_synth.training.job import (
    EVALUATION_COLUMNS,
    PROGRESS_COLUMNS,
    TERM_COLUMNS,
    TableWriter,
    Training,
    TrainJob,
    collect_terms,
    term_rows,
)
from reward_synth.training.policy import Activation, Policy
from reward_synth.training.rollout import GeneratedReward, TransitionVecEnv
from reward_synth.types import EvaluationPoint


def learn(
    job: TrainJob, table: FieldTable, measured: FieldTable, reward: RewardProcess, judge: MeasureProcess
) -> Training:
    """Train on the generated reward alone, watch the task's own measure, and save the policy.

    :param table: the fields that the reward reads.
    :param measured: the fields that the judge reads.
    :raises RewardError: where the reward fails on a transition.
    """
    started = time.monotonic()
    # More threads make these small networks slower, and two trainings on two cores would fight for them.
    torch.set_num_threads(1)
    venv = _environments(job, table, reward)
    learner = _ppo(job, venv)
    watch = Watch(job, measured, judge, venv, started)
    try:
        learner.learn(job.steps, callback=watch)
        venv.venv.check_purity()
    finally:
        watch.close()
    learner.save(job.folder / "model.zip")
    policy_of(learner, venv).save(job.policy_path)
    venv.close()
    return Training(
        reason=watch.reason,
        steps=int(learner.num_timesteps),
        evaluations=tuple(watch.evaluations),
        terms=collect_terms(job.terms, watch.term_points),
    )


_ACTIVATIONS: dict[type[Any], Activation] = {torch.nn.Tanh: "tanh", torch.nn.ReLU: "relu"}


def policy_of(learner: Any, venv: VecNormalize) -> Policy:
    """The learner's deterministic policy with its observation normalisation, as plain arrays of their own.

    :param learner: PPO, or one whose actor is a squashed Gaussian (SAC), with stable-baselines3's ``MlpPolicy``.
    :raises ValueError: for another network, or weights that are not finite.
    """
    policy = learner.policy
    if isinstance(policy, ActorCriticPolicy):
        modules = [*policy.mlp_extractor.policy_net, policy.action_net]
    else:
        modules = [*policy.actor.latent_pi, policy.actor.mu]
    linear = [module for module in modules if isinstance(module, torch.nn.Linear)]
    activations = {type(module) for module in modules} - {torch.nn.Linear}
    if len(activations) != 1 or not activations <= set(_ACTIVATIONS) or len(modules) != 2 * len(linear) - 1:
        raise ValueError(f"a network of {[type(module).__name__ for module in modules]} cannot be saved")
    space, statistics = learner.action_space, venv.obs_rms
    return Policy(
        layers=tuple((layer.weight.detach().numpy().T.copy(), layer.bias.detach().numpy().copy()) for layer in linear),
        activation=_ACTIVATIONS[activations.pop()],
        output="squash" if policy.squash_output else "clip",
        low=space.low.astype(np.float32),
        high=space.high.astype(np.float32),
        mean=statistics.mean.copy(),
        variance=statistics.var.copy(),
        epsilon=float(venv.epsilon),
        bound=float(venv.clip_obs),
    )


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


class Watch(BaseCallback):
    """Writes progress after each rollout and evaluates at evenly spaced points of training."""

    def __init__(
        self, job: TrainJob, table: FieldTable, judge: MeasureProcess, venv: VecNormalize, started: float
    ) -> None:
        super().__init__()
        self._job = job
        self._table = table
        self._judge = judge
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
        measured = measure_by(self._judge, play(job.task, self._table, policy, seeds))
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
