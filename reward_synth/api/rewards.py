"""The part of the public Python API that checks and trains any reward file outside a search."""

from __future__ import annotations

import shlex
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from reward_synth.core.errors import RewardSynthError
from reward_synth.core.files import refuse_links, write_text
from reward_synth.core.names import LearnerName, LogName, ScaleName
from reward_synth.core.types import CheckReport, TrainResult
from reward_synth.core.waiting import told_if_long
from reward_synth.display import Display, Lasting
from reward_synth.events.model import StatusChanged
from reward_synth.reward.source import is_path, source_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reward_synth.tasks.spec import TaskSpec
    from reward_synth.training.job import TrainJob


def check_reward(
    reward: str | Path,
    task: str | Path | TaskSpec,
    only: Literal["lint", "probe"] | None = None,
    *,
    plan_seconds: float = 0.0,
    unsafe_no_sandbox: bool = False,
) -> CheckReport:
    """Lint and probe a reward against a task, and say how it ranks reference episodes.

    :param reward: a path, or the source itself (any text with a line break in it).
    :param task: a task's name, a YAML file, or the spec.
    :param only: ``lint`` or ``probe``; None does both.
    :param plan_seconds: processor time in which a planner looks for what the reward pays most; 0 leaves it out.
    :param unsafe_no_sandbox: run it without the kernel's lock.
    :raises RewardSynthError: the file cannot be read, the task does not exist, its environment cannot be made, or this
        machine has no lock.
    """
    from reward_synth.reward.scale import recorded_scale
    from reward_synth.tasks.spec import with_scale

    if only not in (None, "lint", "probe"):
        raise RewardSynthError(f"there is no check '{only}'", "use 'lint' or 'probe', or neither for both")
    source = source_of(reward)
    if not 0.0 <= plan_seconds < float("inf") or (plan_seconds and only):
        raise RewardSynthError(
            f"a planner cannot run for {plan_seconds:g} s" + (f" in the check '{only}'" if only else ""),
            "give the processor time in seconds, 8 for example, and leave out which check is to run",
        )
    return _checked(source, with_scale(spec_of(task), recorded_scale(source)), only, unsafe_no_sandbox, plan_seconds)


def _checked(
    source: str,
    spec: TaskSpec,
    only: Literal["lint", "probe"] | None,
    unsafe_no_sandbox: bool,
    plan_seconds: float = 0.0,
) -> CheckReport:
    from reward_synth.sandbox.channel import protected
    from reward_synth.screening.checker import check_source
    from reward_synth.training.presets import preset_for

    # The lint runs nothing, so it needs no lock.
    with nullcontext() if only == "lint" else protected(unsafe_no_sandbox):
        if not plan_seconds:
            return check_source(source, spec, only)
        return check_source(source, spec, only, plan_seconds, preset_for(spec).discount)


def train_reward(
    reward: str | Path,
    task: str | Path | TaskSpec,
    *,
    steps: int | None = None,
    seed: int = 0,
    learner: LearnerName | None = None,
    scale: ScaleName | None = None,
    out: str | Path | None = None,
    log: LogName = "none",
    display: Display | None = None,
    unsafe_no_sandbox: bool = False,
) -> tuple[TrainResult, Path]:
    """Train a policy on any reward file, in a worker process.

    :param steps: environment steps; None takes the task's budget.
    :param learner: ``ppo``, ``sac`` or ``tqc``; None takes the task's.
    :param scale: ``sum`` or ``sign``; None takes the one named in the file (``best_reward.py`` has one), or the task's.
    :param out: folder for ``policy.npz``, the curves and the episodes; None makes ``policies/FILE-TASK-SEED``.
    :param log: ``csv``, ``tensorboard`` or ``wandb``: where the figures are written besides, in the folder ``logs``.
    :return: the result and the folder. If the folder already holds the result of exactly this training, that result is
        returned. If reward, task, preset, budget or seed differ, the old result is moved to the subfolder ``earlier``
        and a policy is trained again; if only the budget grew, the training continues from its checkpoint.
    :raises RewardSynthError: lint or probe object to the reward.
    """
    from reward_synth.executors.registry import open_executor
    from reward_synth.reward.scale import recorded_scale
    from reward_synth.tasks.spec import with_scale
    from reward_synth.training.job import Progress, progress_event
    from reward_synth.training.presets import preset_for

    source, shown = source_of(reward), Lasting(display or Display())
    recorded = recorded_scale(source)
    spec = with_scale(spec_of(task), scale or recorded)
    preset_for(spec, learner)  # Reports a missing learner before the reward is checked.
    name = Path(reward).stem if is_path(reward) else "reward"
    folder = Path(out) if out is not None else Path("policies") / f"{name}-{spec.short_name}-{seed}"
    with told_if_long(lambda text: shown(StatusChanged(text=text))):
        report = _checked(source, spec, None, unsafe_no_sandbox)
    if not report.ok:
        faults = "\n  ".join(f.as_text() for f in report.findings if f.severity == "error")
        named = str(task) if isinstance(task, str | Path) else task.name
        hint = f"reward-synth check {shlex.quote(str(reward))} --task {shlex.quote(named)}"
        raise RewardSynthError(f"the reward cannot be trained:\n  {faults}", hint, exit_code=1)
    if recorded and scale is None:
        shown(StatusChanged(text=f"terms are paid by the scale {recorded}, as the reward's file says"))
    options = {"seed": seed, "steps": steps, "learner": learner, "sandbox": not unsafe_no_sandbox}
    job = _placed(source, spec, report, folder, shown, options)
    found: list[TrainResult] = []

    def progressed(_: TrainJob, progress: Progress) -> None:
        shown(progress_event(name, job, progress).model_copy(update={"seed": seed}))

    executor = open_executor("local", 1, log, folder)
    try:
        executor.run([job], progressed, lambda _, result: found.append(result), lambda: False)
    finally:
        executor.close()
    shown.close()
    return found[0], folder


def _placed(
    source: str, spec: TaskSpec, report: CheckReport, folder: Path, shown: Display, options: Mapping[str, Any]
) -> TrainJob:
    """The job that trains a reward in a folder. Files of another job in the folder are moved aside first."""
    from reward_synth.reward.scale import with_recorded_scale
    from reward_synth.training.job import TrainJob
    from reward_synth.training.outcomes import set_aside_stale

    # The stored file names the scale, so that a copy of it is the reward that was trained.
    path, following = folder / "reward.py", folder / ".reward.new.py"
    refuse_links(folder)
    # The old reward stays until its result has been moved, so that a reward never lies beside another's policy.
    write_text(following, with_recorded_scale(source, spec.training.scale))
    place = set_aside_stale(TrainJob.of(spec, following, report, folder, **options))
    if place is not None and path.exists():
        (place / path.name).write_bytes(path.read_bytes())
    following.replace(path)
    job = TrainJob.of(spec, path, report, folder, keep_checkpoint=True, **options)
    if place is not None:
        shown(StatusChanged(text=f"{folder} held the result of another training; it is kept in {place}"))
    return job


def spec_of(task: str | Path | TaskSpec) -> TaskSpec:
    """The spec of a task that is named."""
    from reward_synth.tasks.spec import load_task

    return load_task(task, typed=True) if isinstance(task, str | Path) else task
