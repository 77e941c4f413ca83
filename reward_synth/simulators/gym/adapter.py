"""Gymnasium environments. On MuJoCo, the field table is made from the model, for others from the observation.

The eleven standard MuJoCo environments have annotations.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Mapping
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import gymnasium
from gymnasium.envs.registration import EnvSpec

from reward_synth.core.errors import RewardSynthError
from reward_synth.core.nearest import did_you_mean, nearest_meaning
from reward_synth.simulators.compiled import models_kept
from reward_synth.simulators.custom import adapter as own
from reward_synth.simulators.custom.installed import missing_requirements, registered_by
from reward_synth.simulators.gym.annotations import ANNOTATIONS, find_annotation, mark_essential
from reward_synth.simulators.gym.fast_step import use_fast_step
from reward_synth.simulators.gym.mujoco_actions import action_dimensions
from reward_synth.simulators.gym.mujoco_fields import generic_fields
from reward_synth.simulators.gym.mujoco_names import ModelNames
from reward_synth.simulators.gym.observation_fields import (
    deciding,
    dictionary_fields,
    observation_actions,
    observation_fields,
    remaining_fields,
)
from reward_synth.simulators.gym.older_steps import give_five_values
from reward_synth.simulators.gym.scenery import surroundings
from reward_synth.simulators.gym.step_length import doubt_about, step_lengths
from reward_synth.simulators.protocol import Simulator
from reward_synth.simulators.snapshots import holds_model
from reward_synth.state.faults import fault_in_making
from reward_synth.state.fields import ActionDimension
from reward_synth.state.spaces import as_vector, require_supported
from reward_synth.state.table import FieldTable

INSTALL_LINE = 'pip install "gymnasium[mujoco]"'
DEFAULT_HORIZON = 1000
GYMNASIUM = Path(gymnasium.__file__).resolve().parent


class GymMujoco(Simulator):
    """The simulator ``gym``: every Gymnasium environment with a vector as observation and a vector or choice as action.

    Those that hold a MuJoCo ``model`` and ``data`` get their fields from these, all others from the observation.
    """

    name = "gym"
    trial = "HalfCheetah-v5"
    planned_per_second = 11_000.0
    ids_name_robots = True
    exports = "alone"

    def unseen(self, env: gymnasium.Env[Any, Any], table: FieldTable) -> tuple[str, ...]:
        """The fields that change with a coordinate that the observation does not show."""
        from reward_synth.simulators.gym.unseen import unseen

        # Only the environment itself can be asked what it observes between two steps.
        return unseen(env.unwrapped, table) if deciding(env, "observation") is env.unwrapped else ()

    def pictures(self) -> tuple[str, str]:
        """With which OpenGL films are drawn."""
        from reward_synth.simulators.graphics import HINT, graphics

        backend = graphics().backend
        return (f"films are drawn with {backend}", "") if backend else ("films are drawn as outlines", HINT)

    def robot(self, env_id: str) -> str:
        """Each id is a robot of its own."""
        return env_id

    def make(self, env_id: str, arguments: dict[str, Any], horizon: int | None = None) -> gymnasium.Env[Any, Any]:
        """As :meth:`with_own_reward`, with a faster step, where there is one, that leaves the reward out."""
        env = self.with_own_reward(env_id, arguments, horizon)
        use_fast_step(env.unwrapped)
        return env

    def with_own_reward(
        self, env_id: str, arguments: dict[str, Any], horizon: int | None = None
    ) -> gymnasium.Env[Any, Any]:
        """A fresh environment, time-limited to ``horizon`` steps, not yet reset.

        Its observations are laid out as one vector (:mod:`~reward_synth.state.spaces`).

        :param env_id: ``HalfCheetah-v5``, or one of the forms in :mod:`~reward_synth.simulators.custom.adapter`.
        :param arguments: keyword arguments of the environment, for example ``terminate_when_unhealthy``.
        :param horizon: steps until truncation; None keeps the environment's own.
        :raises RewardSynthError: for an unknown id or argument, a missing module or model file, or spaces that cannot
            be trained on.
        :raises EnvironmentFault: the environment's own code fails.
        """
        if horizon is not None and horizon < 1:
            raise RewardSynthError(f"the horizon must be at least 1 step, not {horizon}")
        chosen = own.specification(env_id)
        try:
            # What it prints must not stand between what this program prints.
            with redirect_stdout(sys.stderr), models_kept(GYMNASIUM):
                env = gymnasium.make(chosen, max_episode_steps=horizon, disable_env_checker=True, **arguments)
        except gymnasium.error.DependencyNotInstalled as error:
            hint = INSTALL_LINE if "mujoco" in str(error).lower() else "install it beside reward-synth"
            raise RewardSynthError(f"{env_id} needs a package that is missing: {error}", hint) from error
        except gymnasium.error.Error as error:
            if isinstance(chosen, str) and chosen not in gymnasium.registry:
                raise RewardSynthError(f"unknown environment {env_id!r}", _nearest_environments(env_id)) from error
            message = f"{env_id} cannot be made: {' '.join(str(error).split())}"
            raise RewardSynthError(message, _accepted_arguments(chosen)) from error
        except ImportError as error:
            own.refuse_other_version(_module_of(chosen), error)
            needed = f"pip install what `{error.name}` belongs to" if error.name else _nearest_environments(env_id)
            needed = missing_requirements(error) or needed
            raise RewardSynthError(f"{env_id!r} cannot be imported: {error}", needed) from error
        except (TypeError, ValueError, OSError) as error:
            asks = isinstance(error, TypeError) and re.search(r"gymnasium\.Env|missing \d+ required", str(error))
            if not arguments and not asks:  # Nothing that a person typed can be the reason.
                raise fault_in_making(env_id, error) from error
            message = f"{env_id} cannot be made with arguments {arguments}: {error}"
            hint = own.WRAP if "gymnasium.Env" in str(error) else _accepted_arguments(chosen)
            raise RewardSynthError(message, hint) from error
        except Exception as error:
            raise fault_in_making(env_id, error) from error
        give_five_values(env)
        return as_vector(env)

    def fields(self, env: gymnasium.Env[Any, Any]) -> FieldTable:
        """The environment's field table; the same for every instance made with the same arguments.

        :raises RewardSynthError: its spaces cannot be trained on.
        """
        base: Any = env.unwrapped
        if not holds_model(base):
            require_supported(env)
            return FieldTable(observation_fields(env), observation_actions(env), _chooses(env))
        annotation = find_annotation(base)
        if annotation is None:
            names = ModelNames(base.model)
            # What the model does not know, such as a goal, comes first, so that it is not lost behind a hundred bodies.
            fields = generic_fields(names, dictionary_fields(env))
            fields = [*remaining_fields(env, fields), *fields]
            return FieldTable(fields, _named_actions(names, env), _chooses(env), surroundings(names))
        names = ModelNames(base.model, annotation.joints, annotation.bodies)
        fields = generic_fields(names, annotation.key_fields(base.model), annotation.signs, annotation.covered)
        fields = annotation.with_bounds(fields, base)
        actions, told = action_dimensions(names, env.action_space), surroundings(names)
        return FieldTable(mark_essential(fields, annotation.essential), actions, scenery=told)

    def seconds_per_step(self, env: gymnasium.Env[Any, Any]) -> float:
        """Simulated seconds that one step takes; an environment on MuJoCo is reset and stepped to measure them."""
        return step_lengths(env, holds_model(env.unwrapped))[0].seconds

    def doubt_about_time(self, env: gymnasium.Env[Any, Any]) -> str:
        """Where what the environment says and what was measured differ, which was taken."""
        return doubt_about(step_lengths(env, holds_model(env.unwrapped)))

    def environments(self) -> dict[str, str]:
        """The standard environments that are installed, with a one-line description each."""
        return {env_id: each.describe({}) for env_id, each in ANNOTATIONS.items() if env_id in gymnasium.registry}

    def describe(self, env_id: str, arguments: Mapping[str, Any]) -> str:
        """A standard environment's annotated description; for others, the first paragraph of their documentation."""
        return ANNOTATIONS[env_id].describe(arguments) if env_id in ANNOTATIONS else own.describe(env_id)

    def horizon(self, env_id: str) -> int:
        """The environment's own, or 1000 steps."""
        chosen = own.specification(env_id)
        spec = gymnasium.registry.get(chosen) if isinstance(chosen, str) else chosen
        limit = spec.max_episode_steps if spec is not None else None
        return int(limit or DEFAULT_HORIZON)


def _chooses(env: gymnasium.Env[Any, Any]) -> bool:
    return isinstance(env.action_space, gymnasium.spaces.Discrete)


def _named_actions(names: ModelNames, env: gymnasium.Env[Any, Any]) -> list[ActionDimension]:
    """The actions under the names of the model's actuators, or under those of the documentation if none fits."""
    documented = observation_actions(env)
    if _chooses(env):
        return documented
    actions = action_dimensions(names, env.action_space)
    if any(action.name != f"action_{action.index}" for action in actions):
        return actions
    return actions if documented[0].name == "action_0" else documented


def _nearest_environments(env_id: str) -> str:
    """A hint with the nearest ids: standard environments first, then all that are registered."""
    wanted = env_id.rsplit(":", 1)[-1].lower()
    standard = {name.lower(): name for name in ANNOTATIONS}
    known = {name.lower(): name for name in gymnasium.registry} | standard
    same_name = [known[n] for n in standard if n.rsplit("-v", 1)[0] == wanted.rsplit("-v", 1)[0]]
    close = same_name or nearest_meaning(wanted, standard, 3, 0.75)
    if close:
        return did_you_mean(close)
    if ":" not in env_id and (found := registered_by(env_id)):
        return f"an installed package registers it once it is imported: --env {found}"
    if far := nearest_meaning(wanted, known, 3):
        return f"{did_you_mean(far)} One that another package registers is named module:EnvId"
    others = "others as module:EnvId, or ./FILE.py:CLASS (docs/guide/own-environment.md)"
    return f"installed: {', '.join(ANNOTATIONS)}; {others}"


def _module_of(chosen: str | EnvSpec) -> str:
    """The module that makes a registered environment; empty if it is not known."""
    spec = gymnasium.registry.get(chosen) if isinstance(chosen, str) else chosen
    entry = spec.entry_point if spec is not None else None
    return entry.partition(":")[0] if isinstance(entry, str) else str(getattr(entry, "__module__", ""))


def _accepted_arguments(chosen: str | EnvSpec) -> str:
    """The environment's own keyword arguments, for a hint."""
    spec = gymnasium.registry.get(chosen) if isinstance(chosen, str) else chosen
    if spec is None or spec.entry_point is None:
        return ""
    entry: Any = spec.entry_point
    maker = gymnasium.envs.registration.load_env_creator(entry) if isinstance(entry, str) else entry
    kinds = (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    names = [name for name, each in inspect.signature(maker).parameters.items() if each.kind in kinds]
    return f"it accepts: {', '.join(names)}" if names else "it accepts no arguments"
