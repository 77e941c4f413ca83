"""The part of the public Python API that audits a reward that somebody already has."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

from reward_synth.core.errors import RewardSynthError

if TYPE_CHECKING:
    from reward_synth.audit.record import Audit
    from reward_synth.tasks.spec import TaskSpec

DISCOUNT = 0.99
"""Of a learner that nobody named: stable-baselines3's default."""
NOTHING = "give a reward file with --task, or --env, or --model and --monitor of a finished training"


def audit_reward(
    reward: str | Path | None = None,
    task: str | Path | TaskSpec | None = None,
    *,
    env: str | None = None,
    model: str | Path | None = None,
    vecnormalize: str | Path | None = None,
    monitor: str | Path | None = None,
    plan_seconds: float = 20.0,
    discount: float | None = None,
    page: str | Path | None = None,
    unsafe_no_sandbox: bool = False,
) -> Audit:
    """What a reward pays behaviours that anybody can name, and what is wrong with that.

    :param reward: a reward file or its source, which needs a task. None audits the reward that the environment pays.
    :param task: judges episodes by its success and fitness. Without a reward, its environment is audited.
    :param env: id of the environment whose own reward is audited: ``HalfCheetah-v5``, ``./FILE.py:CLASS``.
    :param model: ``model.zip`` of stable-baselines3. Its policy is played, and it says what its learner discounts.
    :param vecnormalize: the ``VecNormalize`` that was saved beside it.
    :param monitor: ``monitor.csv`` of the training. It may name the environment.
    :param plan_seconds: processor time of the planner; 0 leaves it out.
    :param discount: per step; None takes the model's, that of the task's learner, or 0.99.
    :param page: where to write the audit as one HTML page.
    :raises RewardSynthError: a file cannot be read, or the environment cannot be made.
    """
    from reward_synth.api.rewards import spec_of
    from reward_synth.report.audit import write_audit
    from reward_synth.sandbox.channel import protected

    _require(reward, task, env, model, vecnormalize, monitor, plan_seconds, discount)
    spec = spec_of(task) if task is not None else None
    if reward is not None:
        assert spec is not None
        with protected(unsafe_no_sandbox):
            found = _of_file(reward, spec, plan_seconds, discount)
    else:
        files = [None if path is None else Path(path) for path in (model, vecnormalize, monitor)]
        found = _of_environment(spec, env, files, plan_seconds, discount, unsafe_no_sandbox)
    if page is not None:
        write_audit(found, Path(page))
    return found


def _require(
    reward: str | Path | None,
    task: object,
    env: str | None,
    model: object,
    vecnormalize: object,
    monitor: object,
    plan_seconds: float,
    discount: float | None,
) -> None:
    """:raises RewardSynthError: what is to be audited is not clear, or a number is out of range."""
    if reward is None and task is None and env is None and monitor is None:
        raise RewardSynthError("nothing is named that could be audited", NOTHING)
    if reward is not None and (env or model or monitor or task is None):
        raise RewardSynthError("a reward file is audited against a task, and with nothing else", NOTHING)
    if env is not None and task is not None:
        raise RewardSynthError("--env and --task both name an environment", "leave --env out: the task has one")
    if vecnormalize is not None and model is None:
        raise RewardSynthError("--vecnormalize belongs to a --model", "name both")
    if not (math.isfinite(plan_seconds) and plan_seconds >= 0.0):
        raise RewardSynthError(f"a planner cannot run for {plan_seconds:g} s", "give seconds, 20 for example")
    if discount is not None and not 0.0 < discount <= 1.0:
        raise RewardSynthError(f"the discount must be above 0 and at most 1, not {discount:g}", "0.99 for example")


def _of_file(reward: str | Path, spec: TaskSpec, plan_seconds: float, discount: float | None) -> Audit:
    from reward_synth.audit.file import audit_file
    from reward_synth.reward.scale import recorded_scale
    from reward_synth.reward.source import is_path, source_of
    from reward_synth.tasks.spec import with_scale
    from reward_synth.training.presets import preset_for

    source = source_of(reward)
    spec = with_scale(spec, recorded_scale(source))
    name = Path(reward).name if is_path(reward) else "reward"
    return audit_file(name, source, spec, plan_seconds, discount or preset_for(spec).discount)


def _of_environment(
    spec: TaskSpec | None,
    env: str | None,
    files: list[Path | None],
    plan_seconds: float,
    discount: float | None,
    unsafe: bool,
) -> Audit:
    from contextlib import nullcontext

    from reward_synth.audit import course
    from reward_synth.audit.environment import audit_environment
    from reward_synth.audit.trained import read_trained
    from reward_synth.sandbox.channel import protected
    from reward_synth.simulators.custom.files import name_environment
    from reward_synth.tasks.spec import EnvironmentSpec

    model, vecnormalize, monitor = files
    lines, named = course.read_monitor(monitor) if monitor is not None else ([], "")
    env = name_environment(env) if env else named
    if spec is None and not env:
        raise RewardSynthError(f"{monitor} names no environment that can be made from its id alone", "add --env ID")
    subject = spec if spec is not None else EnvironmentSpec.of(env)
    trained = read_trained(model, vecnormalize, unsafe) if model is not None else None
    worth = discount or (trained.discount if trained else DISCOUNT)
    # Only a task's measure is code that must be locked away. The environment is the person's own choice.
    with protected(unsafe) if spec is not None else nullcontext():
        found = audit_environment(subject, plan_seconds, worth, trained)
    return course.with_course(found, lines) if monitor is not None else found
