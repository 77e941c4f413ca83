"""The evaluator: ``python -I -m reward_synth.training.worker.evaluator job.json``.

This is the second stage of a training worker, and its figures decide which reward is selected. It holds a fresh
simulator, the policy as plain arrays, and the task's success and fitness. It never sees the reward, and needs neither
torch nor a learner.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from reward_synth.evaluation.play import SELECTION_SEEDS, field_table, play
from reward_synth.evaluation.policy import load_policy
from reward_synth.evaluation.scoring import score_with, scoring_process
from reward_synth.training.job import FinalEvaluation, TrainJob
from reward_synth.training.worker.subprocess_stage import run_stage
from reward_synth.training.worker.worker_sandbox import confine_calls, confine_files


def evaluate(job: TrainJob) -> FinalEvaluation:
    """Play the final evaluation's episodes, store them with all state fields, and score them by the task."""
    job.trajectories.mkdir(parents=True, exist_ok=True)
    confine_files(job, readable=[], writable=[job.folder, job.trajectories])
    table = field_table(job.task)
    first = SELECTION_SEEDS if job.evaluation_seeds is None else job.evaluation_seeds
    seeds = range(first, first + job.task.evaluation.episodes)
    with scoring_process(job.task, table) as process:
        confine_calls(job)
        policy = load_policy(job.policy_path)
        episodes = play(job.task, table, policy, seeds, policy.repeat)
        for number, episode in enumerate(episodes):
            episode.save(job.trajectories / f"seed-{job.seed_index}-episode-{number:03d}.npz")
        return FinalEvaluation(episodes=tuple(score_with(process, episodes)))


def main(arguments: Sequence[str]) -> int:
    """Run the stage from its command line: job file and the worker's process id."""
    return run_stage(FinalEvaluation, evaluate, arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
