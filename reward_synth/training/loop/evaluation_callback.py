"""The callback that watches a training: progress, the task's own measure, and reasons to end early."""

from __future__ import annotations

import csv
import math
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import numpy as np
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.vec_env import VecNormalize

from reward_synth.core.errors import RewardSynthError
from reward_synth.core.types import EpisodeScore, EvaluationPoint
from reward_synth.evaluation.judge import Played, judge, solved
from reward_synth.evaluation.play import TRAINING_EVALUATION_SEEDS, play
from reward_synth.evaluation.scoring import score_with
from reward_synth.sandbox.process import ScoringProcess
from reward_synth.state.episode import Episode
from reward_synth.state.table import FieldTable
from reward_synth.training.job import (
    EVALUATION_COLUMNS,
    PROGRESS_COLUMNS,
    TERM_COLUMNS,
    TableWriter,
    TrainJob,
    term_rows,
)
from reward_synth.training.kept_evaluations import KeptEvaluation, read_evaluations, thinned, write_evaluations
from reward_synth.training.learners.base import Learner
from reward_synth.training.loop.policy_export import policy_of
from reward_synth.training.loop.rollout import GeneratedReward
from reward_synth.training.outcomes import best_point

STILL_EVALUATIONS = 4
"""This many evaluations in a row with exactly the same behaviour end a training: four tenths of its budget."""
CONFIRMING_OFFSET = 1_000
"""Offset from the first of the evaluations' seeds to the seeds of the episodes that confirm a success."""
SAME_BEHAVIOUR = 1e-6
"""Two behaviours are the same if no figure differs by more than this, relatively or absolutely."""
FLAT_REWARD = 0.05
"""Rewards are flat if they all lie within this share of the largest."""
SOON = 0.2
"""After an evaluation that succeeds in every episode, as the one before did not, the next one comes after this share of
the usual steps."""
FIRST_EPISODES = 2
"""Most policies of a training succeed in no episode. After this many without a success, the others are not played."""
LOOKS = 200
"""How often, at most, progress is written and the weights are checked: some learners update at every step."""

Fingerprint = list[float]
Terms = dict[str, tuple[float, float, float, float]]


def fingerprint(episodes: Sequence[Episode]) -> Fingerprint:
    """Mean and spread of every recorded field and of the actions, and the length, episode by episode."""
    figures: Fingerprint = []
    for episode in episodes:
        for columns in (episode.rows, episode.actions):
            figures += [*columns.mean(axis=0).tolist(), *columns.std(axis=0).tolist()]
        figures.append(float(episode.length))
    return figures


class Stillness:
    """Notices a policy whose behaviour no longer changes while the reward that it collects is flat.

    This happens to a policy that pushes with all its force in one direction, for any observation: its actions are
    clipped at their bounds, where learning changes nothing. A policy that is only bad still changes its behaviour, at
    least in the sixth digit.
    """

    def __init__(self) -> None:
        self.newest: list[tuple[Fingerprint, float]] = []
        """Fingerprint and reward per step of the latest evaluations in a row that had the same behaviour."""

    def add(self, figures: Fingerprint, reward: float) -> bool:
        """Add the newest evaluation; True if the training no longer changes anything."""
        # A checkpoint may hold the figures of another number of episodes.
        if self.newest and not (
            len(figures) == len(self.newest[0][0])
            and np.allclose(figures, self.newest[0][0], rtol=SAME_BEHAVIOUR, atol=SAME_BEHAVIOUR)
        ):
            self.newest.clear()
        self.newest = [*self.newest, (figures, reward)][-STILL_EVALUATIONS:]
        rewards = np.array([each for _, each in self.newest])
        flat = np.ptp(rewards) <= FLAT_REWARD * np.abs(rewards).max()
        return len(self.newest) == STILL_EVALUATIONS and bool(flat)


class Watch(BaseCallback):
    """Writes progress between rollouts, and evaluates at evenly spaced points of training and at its pause.

    A first success is looked at once more soon afterwards, since a solved task needs no further training.

    It also makes the learner count environment steps: one of the learner's own steps may be several of them.
    """

    def __init__(
        self, job: TrainJob, table: FieldTable, scoring: ScoringProcess, venv: VecNormalize, learner: Learner
    ) -> None:
        super().__init__()
        self._job = job
        self._table = table
        self._scoring = scoring
        self._venv = venv
        self._learner = learner
        self._reward: GeneratedReward = venv.venv
        self._started = time.monotonic()
        self._interval = job.steps / job.evaluation_points
        self._next_point = self._interval
        self._soon: float | None = None
        """Where a success that has just begun is looked at again."""
        self._next_row = self._next_check = 0.0
        self._before = 0
        self._stillness = Stillness()
        self._progress_rows: list[list[str]] = []
        self._tables: list[TableWriter] = []
        self.evaluations: list[EvaluationPoint] = []
        self.term_points: list[Terms] = []
        self._kept: list[KeptEvaluation] = []
        self.solved = False
        """True if the training ends because as many episodes as in a final evaluation show that the task is solved."""
        self.reason = ""
        """Why the training ends before its budget is spent; empty if it does not."""

    def state(self) -> dict[str, Any]:
        """The callback's own part of the checkpoint: plain values only."""
        return {
            "seconds": time.monotonic() - self._started,
            "soon": self._soon,
            "evaluations": [point.model_dump() for point in self.evaluations],
            "terms": [{name: list(map(float, values)) for name, values in p.items()} for p in self.term_points],
            "still": [[figures, reward] for figures, reward in self._stillness.newest],
            "dense_sums": list(self.dense_sums or ()),
        }

    @property
    def dense_sums(self) -> tuple[float, float] | None:
        """See :attr:`~reward_synth.core.types.TrainResult.dense_sums`."""
        return self._reward.scale.extremes if self._reward.scale is not None else None

    def resume(self, steps: int, state: dict[str, Any]) -> None:
        """Continue from what :meth:`state` returned, ``steps`` into the training. Call it before learning."""
        self._started = time.monotonic() - state["seconds"]
        self.evaluations = [EvaluationPoint.model_validate(point) for point in state["evaluations"]]
        self.term_points = [{name: tuple(values) for name, values in point.items()} for point in state["terms"]]
        self._stillness.newest = [(figures, reward) for figures, reward in state["still"]]
        if self._reward.scale is not None and state["dense_sums"]:
            self._reward.scale.extremes = tuple(state["dense_sums"])
        # They are for films only: a training goes on without them.
        with suppress(RewardSynthError):
            self._kept = [each for each in read_evaluations(self._job.evaluations_path) if each.point.step <= steps]
        self._soon = state.get("soon")
        self._next_point = min(_point_after(steps, self._interval), self._soon or math.inf)
        self._next_row = self._next_check = _point_after(steps, self._job.steps / LOOKS)
        path = self._job.folder / "progress.csv"
        if path.exists():
            with path.open(newline="", encoding="utf-8") as file:
                rows = [row for row in list(csv.reader(file))[1:] if len(row) == len(PROGRESS_COLUMNS)]
            # A killed worker has written more rows than the checkpoint knows, and perhaps half a line.
            self._progress_rows = [row for row in rows if int(row[0]) <= steps]

    def _on_training_start(self) -> None:
        self._before = self.model.num_timesteps - self._reward.steps
        folder = self._job.folder
        evaluated = [point.model_dump().values() for point in self.evaluations]
        terms = [
            row
            for point, statistics in zip(self.evaluations, self.term_points, strict=True)
            for row in term_rows(point.step, statistics)
        ]
        self._progress = TableWriter(folder / "progress.csv", PROGRESS_COLUMNS, self._progress_rows)
        self._terms = TableWriter(folder / "terms.csv", TERM_COLUMNS, terms)
        self._evaluation_file = TableWriter(folder / "eval.csv", EVALUATION_COLUMNS, evaluated)
        self._tables += [self._progress, self._terms, self._evaluation_file]

    def _on_step(self) -> bool:
        self.num_timesteps = self.model.num_timesteps = self._before + self._reward.steps
        return not self.reason

    def _on_rollout_end(self) -> None:
        if self.num_timesteps < min(self._next_row, self._job.target):
            return
        self._next_row = _point_after(self.num_timesteps, self._job.steps / LOOKS)
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
        # The update on the last rollout is done now, so the policy belongs to the step count.
        if self.num_timesteps >= self._next_check:
            self._next_check = _point_after(self.num_timesteps, self._job.steps / LOOKS)
            self.check_finite()
        if self.num_timesteps >= self._next_point:
            self._next_point = _point_after(self.num_timesteps, self._interval)
            self.check_finite()
            self._evaluate()

    def _on_training_end(self) -> None:
        if not self.reason:
            self.check_finite()
            self._evaluate()

    def check_finite(self) -> None:
        """Check losses and networks after an update.

        :raises RewardSynthError: a number in them is not finite; later updates could not fix that.
        """
        if not self._learner.is_finite():
            raise RewardSynthError(
                f"ended at {self.num_timesteps:,} of {self._job.steps:,} steps: the policy or its loss is not finite",
                "keep the reward's terms within a few units",
            )

    def _evaluate(self) -> None:
        job = self._job
        reward = self._reward.window.reward_per_step
        statistics = self._reward.window.take()
        episodes, measured = self._look()
        point = _point(self.num_timesteps, measured, reward)
        self.evaluations.append(point)
        self._kept = thinned([*self._kept, KeptEvaluation.of(point, measured[0], episodes[0])])
        write_evaluations(job.evaluations_path, self._kept)
        if best_point(self.evaluations) is point and self.num_timesteps < job.steps:
            policy_of(self.model, self._venv, job.preset.action_repeat).save(job.best_policy_path)
        self.term_points.append(statistics)
        # Who reads them meanwhile finds the terms of each evaluation.
        for row in term_rows(self.num_timesteps, statistics):
            self._terms.write(row)
        self._evaluation_file.write(tuple(point.model_dump().values()))
        self._soon = None
        if job.stop_when_solved and [each.success == 1.0 for each in self.evaluations[-2:]] in ([True], [False, True]):
            self._soon = self.num_timesteps + SOON * self._interval
            self._next_point = min(self._next_point, self._soon)
        still = self._stillness.add(fingerprint(episodes[:FIRST_EPISODES]), reward)
        if self.num_timesteps < job.steps:
            self.reason = self._reason_to_end(still)

    def _look(self) -> Played:
        """Episodes of one evaluation, and the task's verdicts.

        Where the job ends or pauses, candidates are compared. So all of them play the same number of episodes there.
        """
        first, most = TRAINING_EVALUATION_SEEDS, self._job.evaluation_episodes
        compared = self.num_timesteps >= self._job.target
        few = most if compared else min(FIRST_EPISODES, most)
        episodes, measured = self._play(range(first, first + few))
        if few == most or not any(each.success for each in measured):
            return episodes, measured
        more = self._play(range(first + few, first + most))
        return episodes + more[0], measured + more[1]

    def _play(self, seeds: range) -> Played:
        """Episodes of the present policy and the task's verdicts."""
        repeat = self._job.preset.action_repeat
        episodes = play(self._job.task, self._table, policy_of(self.model, self._venv, repeat), seeds, repeat)
        return episodes, score_with(self._scoring, episodes)

    def _is_solved(self) -> bool:
        """True if two evaluations in a row succeed in every episode, and a third, as large as the final one, passes.

        If a policy succeeds in most episodes, a few successes in a row are often chance. So they only start the
        larger evaluation.
        """
        if len(self.evaluations) < 2 or any(point.success < 1.0 for point in self.evaluations[-2:]):
            return False
        _, measured = judge(self._play, TRAINING_EVALUATION_SEEDS + CONFIRMING_OFFSET, self._job.task)
        self.solved = solved(measured, self._job.task)
        return self.solved

    def _reason_to_end(self, still: bool) -> str:
        at = f"ended at {self.num_timesteps:,} of {self._job.steps:,} steps"
        if self._job.stop_when_solved and self._is_solved():
            return f"{at}: the task is solved"
        if still and not self.evaluations[-1].success:
            return f"{at}: no change in behaviour over {STILL_EVALUATIONS} evaluations while the reward was flat"
        return ""

    def close(self) -> None:
        """Close the files."""
        for table in self._tables:
            table.close()


def _point_after(steps: int, interval: float) -> float:
    """The first multiple of the interval above ``steps``, even if rounding of the quotient would give ``steps``."""
    following = interval * (steps // interval + 1)
    return following if following > steps else following + interval


def _point(step: int, measured: Sequence[EpisodeScore], reward: float) -> EvaluationPoint:
    fitness = [m.fitness for m in measured]
    return EvaluationPoint(
        step=step,
        success=float(np.mean([m.success for m in measured])),
        success_any=float(np.mean([m.success_any for m in measured])),
        fitness=float(np.mean(fitness)),
        episode_length=float(np.mean([m.length for m in measured])),
        reward=reward,
        fitness_deviation=float(np.std(fitness)),
        episodes=len(measured),
    )
