"""The training worker: ``python -I -m reward_synth.training.worker.main job.json``.

It runs the two stages of one job, each in a process of its own: the trainer, then the evaluator, which starts from the
policy alone. It combines their outcomes and writes ``result.json`` last. If the training is to pause, it writes
``rung.json`` instead, and there is no evaluation. If this machine ended a stage, it writes ``interrupted.json``, and
the job is tried again. It loads neither torch nor numpy, and it holds no key, because the loop starts it with an empty
environment. Nobody reads its output; a traceback is written to ``stderr.txt`` of the training folder.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Sequence

from reward_synth.core.deaths import cause
from reward_synth.core.files import held
from reward_synth.core.types import TrainResult
from reward_synth.evaluation.select import solves
from reward_synth.state.faults import BLAME
from reward_synth.state.watchdog import OVERDUE
from reward_synth.training.job import TrainJob, read_progress
from reward_synth.training.outcomes import (
    FinalEvaluation,
    Interruption,
    RungEnd,
    Training,
    best_point,
    lost_again,
    write_result,
)
from reward_synth.training.worker.subprocess_stage import (
    SCRATCH,
    Outcome,
    job_of,
    processor_seconds,
    run_process,
    written,
)

TRIES = 2
"""A stage is tried so often that ends in a step that took too long. A step looks so, too, if all processes were stopped
meanwhile (Ctrl-Z) or the machine stood still; one that hangs does so again from the checkpoint."""
JUDGEMENTS = 3
"""A training that seemed to solve its task, and does not, goes on where it stood. So often it is judged at most."""


def main(arguments: Sequence[str]) -> int:
    """Run one job. Returns 0 if a result or a pause was written, also for a crashed training."""
    job = job_of(arguments)
    with held(job.folder):
        Interruption.path(job.folder).unlink(missing_ok=True)
        done = run(job)
        if isinstance(done, TrainResult):
            write_result(job, done)
            return 0
        return written(done, job.folder)


def run(job: TrainJob) -> TrainResult | RungEnd | Interruption:
    """Train, unless that is done already, and evaluate; or train until the pause that the job asks for."""
    started = time.monotonic()
    rung, finished = RungEnd.of(job), finished_training(job)
    training = (rung if job.end else None) or finished or _run_stage(job, "trainer", Training)
    # The two files of earlier workers contain the time that those workers spent.
    before = [each for each in (rung, finished) if each is not None]

    def spent() -> dict[str, float]:
        return {
            "seconds": time.monotonic() - started + sum(each.seconds for each in before),
            "cpu_seconds": processor_seconds() + sum(each.cpu_seconds for each in before),
        }

    for left in reversed(range(JUDGEMENTS)):
        if training.status == "done" and training.paused and not job.end:
            return RungEnd.model_validate(training.model_dump() | spent())
        evaluation = _evaluated(job, training)
        if evaluation.status == "interrupted":
            return Interruption(reason=evaluation.reason)
        if not (left and _ended_too_early(job, training, evaluation)):
            break
        training = _run_stage(job, "trainer", Training)
    crashed = evaluation.status == "crashed"
    reasons = [training.reason or job.end, _kept(training) if evaluation.policy == "best" else ""]
    return TrainResult(
        status="crashed" if crashed else "trained",
        reason=evaluation.reason if crashed else "; ".join(filter(None, reasons)),
        seed=job.seed,
        job=job.digest(),
        policy=evaluation.policy,
        # A crashed trainer reports no steps, but has spent them.
        steps=training.steps or read_progress(job.folder).step,
        evaluations=training.evaluations,
        episodes=evaluation.episodes,
        terms=training.terms,
        dense_sums=training.dense_sums,
        **spent(),
    )


def _evaluated(job: TrainJob, training: Training) -> FinalEvaluation:
    if training.status != "done":
        return FinalEvaluation(status=training.status, reason=training.reason)
    if not lost_again(training.evaluations):
        job.best_policy_path.unlink(missing_ok=True)
    passed = job.model_copy(update={"passed": training.solved})
    return _run_stage(passed, "evaluator", FinalEvaluation)


def _ended_too_early(job: TrainJob, training: Training, evaluation: FinalEvaluation) -> bool:
    """True if the training ended because it seemed to solve its task, and the final episodes say that it does not."""
    successes = sum(each.success for each in evaluation.episodes)
    solved = solves(successes, len(evaluation.episodes), job.task.success_threshold) if evaluation.episodes else False
    return training.solved and evaluation.status == "done" and not solved and not job.end


def _kept(training: Training) -> str:
    best = best_point(training.evaluations)
    assert best is not None
    last = training.evaluations[-1]
    return (
        f"the policy of step {best.step:,} is kept: the last one did clearly worse "
        f"(success {last.success:.0%}, fitness {last.fitness:.3g} in training)"
    )


def finished_training(job: TrainJob) -> Training | None:
    """The training that an interrupted worker finished for this very job; None if there is still training to do."""
    training = Training.read(job.folder)
    if training is None or training.status != "done" or training.paused or not job.policy_path.exists():
        return None
    return training if training.job == job.digest() else None


def _run_stage(job: TrainJob, stage: str, outcome: type[Outcome]) -> Outcome:
    """Run one stage to its end.

    The job file is written again, and an old outcome is removed, because the trainer, which deals with reward code,
    writes in this folder too. It must not be able to change the evaluator's job or its outcome.
    """
    for _ in range(TRIES):
        outcome.path(job.folder).unlink(missing_ok=True)
        code = run_process(f"reward_synth.training.worker.{stage}", [str(job.write()), str(os.getpid())])
        if code != OVERDUE:
            break
    found = outcome.read(job.folder)
    if found is None:
        found = _without_outcome(job, stage, code, outcome)
    if found.status == "crashed" and stage == "evaluator":
        return outcome(status="crashed", reason=f"the evaluation failed: {found.reason}")
    return found


def _without_outcome(job: TrainJob, stage: str, code: int, outcome: type[Outcome]) -> Outcome:
    """What a stage's end says that left no outcome. Only environments can end a stage that has begun by itself."""
    scratch = job.folder / SCRATCH
    begun = scratch.exists()
    shutil.rmtree(scratch, ignore_errors=True)
    environment = f"the environment {job.task.environment.id}"
    if code == OVERDUE:
        text = f"{environment} did not return from a step within {job.step_limit:g} s, twice ({BLAME})"
        return outcome(status="crashed", reason=text)
    if code >= 0 and begun:
        return outcome(status="crashed", reason=f"{environment} ended its process with {cause(code)} ({BLAME})")
    return outcome(status="interrupted", reason=f"the {stage} died with {cause(code)}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
