"""Training jobs of a run's candidates. They follow from the run folder alone, so nothing random is stored."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from reward_synth.core.errors import RewardSynthError
from reward_synth.core.types import CheckReport
from reward_synth.settings.model import Settings
from reward_synth.store import RunStore
from reward_synth.tasks.spec import TaskSpec, load_task
from reward_synth.training.job import STEP_LIMIT, TrainJob


def training_jobs(store: RunStore, task: TaskSpec, settings: Settings, candidate: str) -> list[TrainJob]:
    """One job per seed; the seeds are computed from (run seed, candidate, seed index)."""
    report = store.read_check(candidate) or CheckReport()
    line, budget = line_of(store, candidate), settings.steps or task.training.steps
    return [
        TrainJob.of(
            task,
            store.reward_path(candidate),
            report,
            store.train_dir(candidate, index),
            seed=training_seed(settings.seed, line[-1], index),
            steps=len(line) * budget,
            settles_from=(len(line) - 1) * budget if len(line) > 1 else None,
            learner=settings.learner,
            trajectories=store.trajectories_dir(candidate),
            seed_index=index,
            keep_checkpoint=settings.iterations > 1 or settings.train_on > 0,
            stop_when_solved=not settings.keep_going,
            step_limit=settings.step_limit or STEP_LIMIT,
            sandbox=not settings.unsafe_no_sandbox,
        )
        for index in range(settings.seeds)
    ]


def line_of(store: RunStore, candidate: str) -> tuple[str, ...]:
    """A candidate and its ancestors, whose training it continues; the first ancestor is last.

    Of an ancestor whose folder was deleted only the id is known.
    """
    known = store.known(candidate)
    before = known.continues if known is not None else None
    return (candidate,) if before is None else (candidate, *line_of(store, before))


def training_seed(run_seed: int, candidate: str, index: int) -> int:
    """The seed of one training of a search."""
    digest = hashlib.sha256(f"{run_seed}/{candidate}/{index}".encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1


def is_stale(store: RunStore, task: TaskSpec, settings: Settings, candidate: str) -> bool:
    """True if a stored result belongs to another job, because the reward or the task was changed after it."""
    if not store.has_reward(candidate):
        return False
    jobs = training_jobs(store, task, settings, candidate)
    results = [store.read_result(candidate, job.seed_index) for job in jobs]
    return any(each and not each.belongs_to(job.digest()) for job, each in zip(jobs, results, strict=True))


def edits(store: RunStore, names: Sequence[str] | None = None) -> dict[str, str]:
    """A sentence for each trained candidate whose results belong to an earlier reward or task, by candidate id.

    It is empty if this cannot be decided here: the environment's file is not known.

    :param names: the candidates that are looked at; None looks at all.
    """
    found: dict[str, str] = {}
    if not store.task_path.exists():
        return found
    task, settings = load_task(store.task_path), store.settings()
    for candidate in store.candidates() if names is None else map(store.candidate, names):
        try:
            stale = candidate.status == "trained" and is_stale(store, task, settings, candidate.id)
        except RewardSynthError:
            return found
        if stale:
            found[candidate.id] = (
                f"{candidate.id}: its reward or the task was changed after it was trained, and its figures were not "
                "(give the new text as feedback, or `reward-synth train` it)"
            )
    return found
