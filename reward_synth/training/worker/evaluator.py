"""The evaluator: ``python -I -m reward_synth.training.worker.evaluator job.json``.

This is the second stage of a training worker, and its figures decide which reward is selected. It holds a fresh
simulator, the policy as plain arrays, and the task's success and fitness. It never sees the reward, and needs neither
torch nor a learner.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Literal

from reward_synth.evaluation.judge import Play, Played, judge, solved
from reward_synth.evaluation.play import CHOICE_SEEDS, CONFIRMING_SEEDS, SELECTION_SEEDS, field_table, play
from reward_synth.evaluation.policy import Policy, load_policy
from reward_synth.evaluation.scoring import score_with, scoring_process
from reward_synth.evaluation.select import FINAL_EPISODES
from reward_synth.state.episode import episode_name, episode_paths
from reward_synth.training.job import TrainJob
from reward_synth.training.outcomes import FinalEvaluation
from reward_synth.training.worker.subprocess_stage import run_stage
from reward_synth.training.worker.worker_sandbox import confine_calls, confine_files


def evaluate(job: TrainJob) -> FinalEvaluation:
    """Play the final evaluation's episodes, store them with all state fields, and score them by the task."""
    job.trajectories.mkdir(exist_ok=True)
    confine_files(job, readable=[], writable=[job.folder, job.trajectories])
    table = field_table(job.task)
    with scoring_process(job.task, table.layout()) as process:
        confine_calls(job)

        def playing(policy: Policy) -> Play:
            def played(seeds: range) -> Played:
                episodes = play(job.task, table, policy, seeds, policy.repeat)
                return episodes, score_with(process, episodes)

            return played

        if job.best_policy_path.exists() and _is_better(job, playing):
            job.last_policy_path.write_bytes(job.policy_path.read_bytes())
            job.best_policy_path.replace(job.policy_path)
        job.best_policy_path.unlink(missing_ok=True)
        episodes, scores = _judge(job, playing(load_policy(job.policy_path)))
        # An earlier evaluation, interrupted or of another job, may have left more episodes.
        for path in episode_paths(job.trajectories, job.seed_index):
            path.unlink()
        for number, episode in enumerate(episodes):
            episode.save(job.trajectories / episode_name(job.seed_index, number))
        # The file decides, not this call: an earlier evaluator may have been killed after it replaced the policy.
        policy: Literal["last", "best"] = "best" if job.last_policy_path.exists() else "last"
        return FinalEvaluation(episodes=tuple(scores), policy=policy)


def _is_better(job: TrainJob, playing: Callable[[Policy], Play]) -> bool:
    """True if the policy of the best evaluation is better than the last one in episodes that neither has played.

    The episodes that are reported later are not used here: after a choice by them, they would look too good.
    """
    seeds = range(CHOICE_SEEDS, CHOICE_SEEDS + job.task.evaluation.episodes)
    scores = []
    for path in (job.policy_path, job.best_policy_path):
        _, measured = playing(load_policy(path))(seeds)
        scores.append((sum(each.success for each in measured), sum(each.fitness for each in measured)))
    return scores[1] > scores[0]


def _judge(job: TrainJob, play: Play) -> Played:
    """Play as many episodes as are needed to decide whether the policy solves the task.

    A policy that passes is judged again, in other episodes, and these count: among many policies, one passes by luck.
    Where its training ended because it passed, that was the first time.
    In final trainings, each policy plays the same number of episodes, so that all seeds have the same weight.
    """
    if job.evaluation_seeds is not None:
        count = max(FINAL_EPISODES, job.task.evaluation.episodes)
        return play(range(job.evaluation_seeds, job.evaluation_seeds + count))
    if not job.passed:
        played = judge(play, SELECTION_SEEDS, job.task)
        if not solved(played[1], job.task):
            return played
    return judge(play, CONFIRMING_SEEDS, job.task)


def main(arguments: Sequence[str]) -> int:
    """Run the stage from its command line: job file and the worker's process id."""
    return run_stage(FinalEvaluation, evaluate, arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
