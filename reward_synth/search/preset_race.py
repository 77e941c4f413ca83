"""Chooses a preset where shipped tasks name none but the default, by a short race on the first sound reward.

A wrong preset harms every candidate of the search: it makes a good reward look bad.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reward_synth.core.types import Candidate, TrainResult
from reward_synth.events import model as events
from reward_synth.search.continuing import hand_over_files
from reward_synth.search.jobs import training_jobs
from reward_synth.search.session import SearchSession
from reward_synth.simulators import get_simulator
from reward_synth.tasks.spec import TaskSpec, list_tasks, save_task
from reward_synth.training.job import (
    BEST_POLICY,
    CHECKPOINT,
    EVALUATIONS,
    JOB,
    POLICY,
    Progress,
    TrainJob,
    progress_event,
)
from reward_synth.training.outcomes import RungEnd, clearly_better

SHARE = 0.2
"""Share of the training's steps for each preset. By then a robot that falls or stands still is visible."""
PRESETS = ("balance", "steady", "patient")
"""PPO's presets, with different batch, exploration and foresight. Others must clearly beat the first, the default.

Those that a shipped task of the same robot has race as well."""
_LEFT = {name: name for name in (CHECKPOINT, "progress.csv", "rung.json", POLICY, BEST_POLICY, EVALUATIONS)}
"""The files that the candidate's own training takes over from the winner, under the same names."""


def is_open(session: SearchSession) -> bool:
    """True if no preset was chosen: a model drafted the task, and no shipped task of the robot has one of its own."""
    task, settings = session.task, session.settings
    chosen = task.training.preset is not None or settings.learner is not None or session.prepared.table.discrete
    return task.drafted and not chosen


def race_presets(session: SearchSession, candidates: Sequence[Candidate]) -> None:
    """Train the first candidate with each preset for a part of its steps, and store the best preset in the task.

    The winner's training continues as the candidate's own. A resumed run finishes an interrupted race.
    """
    sound = next((each for each in candidates if each.status == "designed"), None)
    if sound is None or session.reason_to_stop():
        return
    jobs = {name: _job(session, sound.id, name) for name in racing(session.task, list_tasks())}
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
    chosen, reason = _winner(results)
    session.emit(events.StatusChanged(text=reason))
    if chosen is None:
        return
    # The task is written last: until then the race is open, and a resumed run finishes it.
    hand_over_files(jobs[chosen].folder, session.store.train_dir(sound.id, 0), _LEFT)
    frozen = _with_preset(session.task, chosen)
    spec = frozen.model_copy(update={"source": f"{frozen.source}; {reason}"})
    save_task(spec, session.store.task_path)
    session.prepared = session.prepared.with_spec(spec)


def racing(drafted: TaskSpec, shipped: Sequence[TaskSpec]) -> tuple[str, ...]:
    """The presets that race for the robot of a drafted task.

    :param shipped: every shipped task.
    """
    robot = get_simulator(drafted.simulator).robot
    own = {
        task.training.preset
        for task in shipped
        if task.simulator == drafted.simulator and robot(task.environment.id) == robot(drafted.environment.id)
        if task.training.learner == "ppo" and task.training.preset
    }
    return (*PRESETS, *sorted(own - set(PRESETS)))


def solver(session: SearchSession) -> str | None:
    """The candidate of the race if it succeeded in its end with the preset that the task has; None if it did not.

    It reads what the race left, so that a resumed run says the same.
    """
    ended = _ended(session)
    if ended is None or not ended[1].evaluations:
        return None
    return ended[0] if ended[1].evaluations[-1].success >= session.task.success_threshold else None


def raced(session: SearchSession) -> dict[str, int]:
    """The candidate of the race, if there was one, with the steps that its own training begins with."""
    ended = _ended(session)
    return {} if ended is None else {ended[0]: ended[1].steps}


def _ended(session: SearchSession) -> tuple[str, RungEnd] | None:
    """The candidate of the race and the end of its training with the preset that the task has."""
    folder = session.store.preset_dir(session.task.training.preset or "")
    end = RungEnd.read(folder)
    if end is None or not (folder / JOB).is_file():
        return None
    return TrainJob.model_validate_json((folder / JOB).read_bytes()).reward.parent.name, end


def _winner(results: Mapping[str, TrainResult]) -> tuple[str | None, str]:
    """The preset with a clearly better last evaluation than the default's, or else the default; and why.

    The preset is None if every training crashed, which says nothing about presets.
    """
    newest = {name: result.evaluations[-1] for name, result in results.items() if _counts(result)}
    if not newest:
        return None, "no preset won the race: all trainings crashed"
    told = ", ".join(
        f"{name} {newest[name].success:.0%} and {newest[name].fitness:.3g}" if name in newest else f"{name} crashed"
        for name in results
    )
    best = max(newest, key=lambda name: (newest[name].success, newest[name].fitness))
    default = PRESETS[0]
    if default in newest and best != default and not clearly_better(newest[best], newest[default]):
        best, won = default, "is kept: none was clearly better"
    else:
        won = "won"
    return best, f"preset {best} {won} in a race over {SHARE:.0%} of the steps (success and fitness: {told})"


def _counts(result: TrainResult) -> bool:
    return result.status != "crashed" and bool(result.evaluations)


def _job(session: SearchSession, candidate: str, preset: str) -> TrainJob:
    """The candidate's first training with another preset, for a part of its steps, in its own folder."""
    store = session.store
    job = training_jobs(store, _with_preset(session.task, preset), session.settings, candidate)[0]
    folder = store.preset_dir(preset).resolve()
    places = {"folder": folder, "trajectories": folder / "trajectories"}
    return job.model_copy(update=places | {"until": max(1, round(SHARE * job.steps))})


def _with_preset(task: TaskSpec, preset: str) -> TaskSpec:
    return task.model_copy(update={"training": task.training.model_copy(update={"preset": preset})})
