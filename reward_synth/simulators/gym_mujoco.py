"""Gymnasium environments on MuJoCo: any of them, the eleven standard ones with curated names."""

from __future__ import annotations

import difflib
import inspect
import sys
from typing import Any

import gymnasium

from reward_synth.errors import RewardSynthError
from reward_synth.simulators.base import Expert, FieldTable
from reward_synth.simulators.curated import find_curation, mark_essential
from reward_synth.simulators.curated_tasks import CURATIONS
from reward_synth.simulators.lean_bodies import lighten
from reward_synth.simulators.mujoco_actions import action_dimensions
from reward_synth.simulators.mujoco_fields import generic_fields
from reward_synth.simulators.mujoco_names import ModelNames

INSTALL_LINE = 'pip install "gymnasium[mujoco]"'
DEFAULT_HORIZON = 1000


class GymMujoco:
    """The simulator ``gym``: every Gymnasium environment that holds a MuJoCo ``model`` and ``data``."""

    name = "gym"

    def make(self, env_id: str, arguments: dict[str, Any], horizon: int | None = None) -> gymnasium.Env[Any, Any]:
        """A fresh environment, time-limited to ``horizon`` steps, not yet reset.

        :param env_id: ``HalfCheetah-v5``, or ``module:EnvId`` for one that ``module`` registers on import.
        :param arguments: keyword arguments of the environment, for example ``terminate_when_unhealthy``.
        :param horizon: steps until truncation; None keeps the environment's own.
        :raises RewardSynthError: for an unknown id or argument, a missing module or model file.
        """
        if horizon is not None and horizon < 1:
            raise RewardSynthError(f"the horizon must be at least 1 step, not {horizon}")
        module, colon, _ = env_id.partition(":")
        if colon and module.partition(".")[0] in sys.stdlib_module_names:
            # A task file that somebody sent would have it imported, and some of these do things then.
            raise RewardSynthError(f"{env_id!r}: the standard library's `{module}` holds no environment")
        try:
            env = gymnasium.make(env_id, max_episode_steps=horizon, disable_env_checker=True, **arguments)
            lighten(env.unwrapped)
            return env
        except gymnasium.error.DependencyNotInstalled as error:
            raise RewardSynthError(f"{env_id} needs a package that is missing: {error}", INSTALL_LINE) from error
        except gymnasium.error.Error as error:
            raise RewardSynthError(f"unknown environment {env_id!r}", _nearest_environments(env_id)) from error
        except ImportError as error:
            hint = _nearest_environments(env_id)
            if ":" in env_id:
                hint = f"install the package that provides `{env_id.split(':')[0]}`, or add it to PYTHONPATH"
            raise RewardSynthError(f"{env_id!r} cannot be imported: {error}", hint) from error
        except (TypeError, ValueError, OSError) as error:
            message = f"{env_id} cannot be made with arguments {arguments}: {error}"
            raise RewardSynthError(message, _accepted_arguments(env_id)) from error

    def fields(self, env: gymnasium.Env[Any, Any]) -> FieldTable:
        """The environment's field table; the same for every instance made with the same arguments.

        :raises RewardSynthError: if the environment holds no MuJoCo model.
        """
        base: Any = env.unwrapped
        model = _model(env)
        curation = find_curation(base)
        if curation is None:
            names = ModelNames(model)
            return FieldTable(generic_fields(names, [], {}, set()), action_dimensions(names, env.action_space))
        names = ModelNames(model, curation.joints, curation.bodies)
        fields = generic_fields(names, curation.fields(names), dict(curation.signs), set(curation.covered))
        return FieldTable(mark_essential(fields, curation.essential), action_dimensions(names, env.action_space))

    def seconds_per_step(self, env: gymnasium.Env[Any, Any]) -> float:
        """Simulated seconds that one step takes: the physics time step times the frames skipped."""
        base: Any = env.unwrapped
        if hasattr(base, "dt"):
            return float(base.dt)
        return float(_model(env).opt.timestep) * int(getattr(base, "frame_skip", 1))

    def environments(self) -> dict[str, str]:
        """The standard environments that are installed, with a one-line description each."""
        return {env_id: curation.description for env_id, curation in CURATIONS.items() if env_id in gymnasium.registry}

    def horizon(self, env_id: str) -> int:
        """The environment's own, or 1000 steps."""
        specification = gymnasium.registry.get(env_id)
        limit = specification.max_episode_steps if specification is not None else None
        return int(limit or DEFAULT_HORIZON)

    def experts(self, env: gymnasium.Env[Any, Any]) -> list[Expert]:
        """None are known."""
        return []


def _model(env: gymnasium.Env[Any, Any]) -> Any:
    import mujoco

    model = getattr(env.unwrapped, "model", None)
    if isinstance(model, mujoco.MjModel) and isinstance(getattr(env.unwrapped, "data", None), mujoco.MjData):
        return model
    env_id = env.spec.id if env.spec else type(env.unwrapped).__name__
    raise RewardSynthError(
        f"{env_id} is not a MuJoCo environment: it has no `model` and `data`",
        f"choose one of: {', '.join(CURATIONS)}",
    )


def _nearest_environments(env_id: str) -> str:
    """Did you mean … : the standard ones first, then whatever else is registered."""
    wanted = env_id.rsplit(":", 1)[-1].lower()
    standard = {name.lower(): name for name in CURATIONS}
    known = {name.lower(): name for name in gymnasium.registry} | standard
    same_name = [known[n] for n in standard if n.rsplit("-v", 1)[0] == wanted.rsplit("-v", 1)[0]]
    close = same_name or [
        known[n]
        for n in difflib.get_close_matches(wanted, standard, n=3, cutoff=0.75)
        or difflib.get_close_matches(wanted, known, n=3, cutoff=0.6)
    ]
    if close:
        return f"did you mean {' or '.join(close)}?"
    return f"installed: {', '.join(CURATIONS)}; others as module:EnvId"


def _accepted_arguments(env_id: str) -> str:
    """The environment's own keyword arguments, for a hint."""
    spec = gymnasium.registry.get(env_id.rsplit(":", 1)[-1])
    if spec is None or spec.entry_point is None:
        return ""
    entry: Any = spec.entry_point
    maker = gymnasium.envs.registration.load_env_creator(entry) if isinstance(entry, str) else entry
    kinds = (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return "it accepts: " + ", ".join(n for n, p in inspect.signature(maker).parameters.items() if p.kind in kinds)
