"""The evaluator: ``python -I -m reward_synth.training.worker.evaluator job.json``.

This is the second stage of a training worker, and its figures decide which reward is selected. It holds a fresh
simulator, the policy as plain arrays, and the task's success and fitness. It never sees the reward, and needs neither
torch nor a learner.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from reward_synth.core.types import EpisodeScore
from reward_synth.evaluation.play import CHOICE_SEEDS, SELECTION_SEEDS, field_table, play
from reward_synth.evaluation.policy import Policy, load_policy
from reward_synth.evaluation.scoring import score_with, scoring_process
from reward_synth.evaluation.select import MOST_EPISODES, is_decided
from reward_synth.sandbox.process import ScoringProcess
from reward_synth.state.episode import Episode
from reward_synth.state.table import FieldTable
from reward_synth.training.job import TrainJob
from reward_synth.training.outcomes import FinalEvaluation
from reward_synth.training.worker.subprocess_stage import run_stage
from reward_synth.training.worker.worker_sandbox import confine_calls, confine_files


def evaluate(job: TrainJob) -> FinalEvaluation:
    """Play the final evaluation's episodes, store them with all state fields, and score them by the task."""
    job.trajectories.mkdir(parents=True, exist_ok=True)
    confine_files(job, readable=[], writable=[job.folder, job.trajectories])
    table = field_table(job.task)
    with scoring_process(job.task, table) as process:
        confine_calls(job)
        kept = job.best_policy_path.exists() and _is_better(job, table, process)
        if kept:
            job.last_policy_path.write_bytes(job.policy_path.read_bytes())
            job.best_policy_path.replace(job.policy_path)
        job.best_policy_path.unlink(missing_ok=True)
        episodes, scores = _judge(job, table, process, load_policy(job.policy_path))
        # An evaluation of before, which was cut off or of another job, may have played more.
        for path in job.trajectories.glob(f"seed-{job.seed_index}-episode-*.npz"):
            path.unlink()
        for number, episode in enumerate(episodes):
            episode.save(job.trajectories / f"seed-{job.seed_index}-episode-{number:03d}.npz")
        return FinalEvaluation(episodes=tuple(scores), policy="best" if kept else "last")


def _is_better(job: TrainJob, table: FieldTable, process: ScoringProcess) -> bool:
    """True if the policy of the best evaluation is better than the last one in episodes that neither has played.

    Those that are reported later decide nothing here: a choice by them would flatter.
    """
    seeds = range(CHOICE_SEEDS, CHOICE_SEEDS + job.task.evaluation.episodes)
    scores = []
    for path in (job.policy_path, job.best_policy_path):
        policy = load_policy(path)
        measured = score_with(process, play(job.task, table, policy, seeds, policy.repeat))
        scores.append((sum(each.success for each in measured), sum(each.fitness for each in measured)))
    return scores[1] > scores[0]


def _judge(
    job: TrainJob, table: FieldTable, process: ScoringProcess, policy: Policy
) -> tuple[list[Episode], list[EpisodeScore]]:
    """Play as many episodes as it takes to tell whether the policy solves the task.

    A final training plays the task's own number, so that all seeds weigh the same.
    """
    task, final = job.task, job.evaluation_seeds is not None
    first = SELECTION_SEEDS if job.evaluation_seeds is None else job.evaluation_seeds
    episodes: list[Episode] = []
    scores: list[EpisodeScore] = []
    count = task.evaluation.episodes
    while True:
        new = play(task, table, policy, range(first + len(scores), first + count), policy.repeat)
        episodes += new
        scores += score_with(process, new)
        successes = sum(each.success for each in scores)
        if final or count >= MOST_EPISODES or is_decided(successes, count, task.success_threshold):
            return episodes, scores
        count = min(2 * count, MOST_EPISODES)


def main(arguments: Sequence[str]) -> int:
    """Run the stage from its command line: job file and the worker's process id."""
    return run_stage(FinalEvaluation, evaluate, arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
