"""Which preset suits a body that no shipped task has: a short race of presets on the first sound reward.

A wrong preset costs every candidate of the search: it makes a good reward look bad.
"""

from __future__ import annotations

from collections.abc import Sequence

from reward_synth.core.types import Candidate, CheckReport, TrainResult
from reward_synth.events import model as events
from reward_synth.methods.halving import Standing
from reward_synth.search.continuing import HANDED_OVER, hand_over_files
from reward_synth.search.session import SearchSession
from reward_synth.tasks.spec import TaskSpec, save_task
from reward_synth.training.job import Progress, TrainJob, progress_event

SHARE = 0.2
"""Of the training's steps, for each preset: what falls or stands still shows by then."""
PRESETS = ("balance", "steady", "patient")
"""PPO's, which differ in batch, exploration and foresight; the first one, the default, wins a tie."""


def is_open(session: SearchSession) -> bool:
    """True if nobody has chosen a preset for the task: a model drafted it for a body without shipped tasks."""
    task, settings = session.task, session.settings
    chosen = task.training.preset is not None or settings.learner is not None or session.prepared.table.discrete
    return task.drafted and not chosen


def race_presets(session: SearchSession, candidates: Sequence[Candidate], seed: int) -> None:
    """Train the first candidate with each preset for a part of its steps, and freeze the best one in the task.

    The winner's training goes on as the candidate's own. A race that was cut off is run to its end by a resumed run.

    :param seed: of the first candidate's first training.
    """
    sound = next((each for each in candidates if each.status == "designed"), None)
    if sound is None or session.reason_to_stop():
        return
    jobs = {name: _job(session, sound.id, name, seed) for name in PRESETS}
    results: dict[str, TrainResult] = {}
    names = {job.folder: name for name, job in jobs.items()}

    def progressed(job: TrainJob, progress: Progress) -> None:
        session.emit(progress_event(sound.id, job, progress))

    session.emit(events.StatusChanged(text=f"racing the presets {', '.join(jobs)} on {sound.id}"))
    session.executor.run(
        list(jobs.values()),
        progressed,
        lambda job, result: results.__setitem__(names[job.folder], result),
        lambda: session.reason_to_stop() is not None,
    )
    if len(results) < len(jobs):
        return
    standings = [Standing.of(name, [results[name]], jobs[name].target) for name in PRESETS]
    best = max(standings, key=lambda each: each.score)
    told = ", ".join(f"{each.candidate} {each.success:.0%} and {each.fitness:.3g}" for each in standings)
    reason = f"preset {best.candidate} won a race over {SHARE:.0%} of the steps (success and fitness: {told})"
    session.emit(events.StatusChanged(text=reason))
    chosen = _with_preset(session.task, best.candidate)
    spec = chosen.model_copy(update={"source": f"{chosen.source}; {reason}"})
    save_task(spec, session.store.task_path)
    session.prepared = session.prepared.with_spec(spec)
    hand_over_files(jobs[best.candidate].folder, session.store.train_dir(sound.id, 0), HANDED_OVER)


def _job(session: SearchSession, candidate: str, preset: str, seed: int) -> TrainJob:
    store, settings = session.store, session.settings
    steps = settings.steps or session.task.training.steps
    return TrainJob.of(
        _with_preset(session.task, preset),
        store.reward_path(candidate),
        store.read_check(candidate) or CheckReport(),
        store.path / "presets" / preset,
        seed=seed,
        steps=steps,
        keep_checkpoint=settings.iterations > 1,
        stop_when_solved=not settings.keep_going,
        sandbox=not settings.unsafe_no_sandbox,
        until=max(1, round(SHARE * steps)),
    )


def _with_preset(task: TaskSpec, preset: str) -> TaskSpec:
    return task.model_copy(update={"training": task.training.model_copy(update={"preset": preset})})
