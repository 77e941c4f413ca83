"""The trainer: ``python -I -m reward_synth.training.worker.trainer job.json``.

This is the first stage of a training worker. It holds the simulator and the learner, reads rewards as numbers from the
reward process, and writes the policy and, last, ``training.json``.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

from reward_synth.training.job import TrainJob
from reward_synth.training.outcomes import Training
from reward_synth.training.worker.subprocess_stage import processor_seconds, run_stage
from reward_synth.training.worker.worker_sandbox import confine_calls, confine_files


def train(job: TrainJob) -> Training:
    """Train the job's policy.

    :raises RewardError: the reward fails on a transition.
    """
    started = time.monotonic()
    confine_files(job, readable=[job.reward], writable=[job.folder])
    from reward_synth.evaluation.play import field_table
    from reward_synth.evaluation.scoring import measured_table, scoring_process
    from reward_synth.sandbox.process import RewardProcess
    from reward_synth.training.loop.learning import learn

    table = field_table(job.task)
    read, measured = table.subset(job.fields), measured_table(job.task, table)
    source = job.reward.read_text(encoding="utf-8")
    with (
        scoring_process(job.task, measured.layout()) as scoring,
        RewardProcess(source, read.layout(), action_size=len(table.actions), terms=job.terms) as reward,
    ):
        confine_calls(job)
        training = learn(job, read, measured, reward, scoring)
    # Both processes have been waited for, so their processor time counts.
    return training.model_copy(
        update={
            "job": job.digest(),
            "seconds": time.monotonic() - started,
            "cpu_seconds": processor_seconds(),
        }
    )


def main(arguments: Sequence[str]) -> int:
    """Run the stage from its command line: job file and the worker's process id."""
    return run_stage(Training, train, arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
