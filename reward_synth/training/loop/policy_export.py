"""Exports a learner's policy as plain arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from gymnasium.spaces import Discrete
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.vec_env import VecNormalize

from reward_synth.evaluation.policy import Activation, Array, Output, Policy

_ACTIVATIONS: dict[type[Any], Activation] = {torch.nn.Tanh: "tanh", torch.nn.ReLU: "relu"}
_JAX_ACTIVATIONS: dict[str, Activation] = {"tanh": "tanh", "relu": "relu"}

Layers = tuple[tuple[Array, Array], ...]


def policy_of(model: Any, venv: VecNormalize, repeat: int = 1) -> Policy:
    """The learner's policy with its observation normalisation, as copied plain arrays.

    It is deterministic for continuous actions and samples discrete ones: see :class:`Policy`.

    :param model: PPO, or an algorithm whose actor is a squashed Gaussian (SAC, TQC), with the ``MlpPolicy`` of
        stable-baselines3 or sbx-rl.
    :param repeat: environment steps for which each of its actions is held.
    :raises ValueError: for another network, or for weights that are not finite.
    """
    policy = model.policy
    layers, activation = _jax_layers(policy) if hasattr(policy, "actor_state") else _torch_layers(policy)
    space, statistics = model.action_space, venv.obs_rms
    output: Output
    if isinstance(space, Discrete):
        output, low, high = "sample", np.zeros(space.n), np.ones(space.n)
    else:
        output, low, high = "squash" if policy.squash_output else "clip", space.low, space.high
    return Policy(
        layers=layers,
        activation=activation,
        output=output,
        low=low.astype(np.float32),
        high=high.astype(np.float32),
        mean=statistics.mean.copy(),
        variance=statistics.var.copy(),
        epsilon=float(venv.epsilon),
        bound=float(venv.clip_obs),
        repeat=repeat,
    )


def _torch_layers(policy: Any) -> tuple[Layers, Activation]:
    if isinstance(policy, ActorCriticPolicy):
        modules = [*policy.mlp_extractor.policy_net, policy.action_net]
    else:
        modules = [*policy.actor.latent_pi, policy.actor.mu]
    linear = [module for module in modules if isinstance(module, torch.nn.Linear)]
    activations = {type(module) for module in modules} - {torch.nn.Linear}
    if len(activations) != 1 or not activations <= set(_ACTIVATIONS) or len(modules) != 2 * len(linear) - 1:
        raise ValueError(f"a network of {[type(module).__name__ for module in modules]} cannot be saved")
    layers = ((layer.weight.detach().numpy().T.copy(), layer.bias.detach().numpy().copy()) for layer in linear)
    return tuple(layers), _ACTIVATIONS[activations.pop()]


def _jax_layers(policy: Any) -> tuple[Layers, Activation]:
    """The hidden layers and the layer of the mean. The last one, of the log standard deviation, is for exploration."""
    parameters = policy.actor_state.params["params"]
    count = len(policy.net_arch_pi) + 1
    activation = getattr(policy.activation_fn, "__name__", "")
    if set(parameters) != {f"Dense_{n}" for n in range(count + 1)} or activation not in _JAX_ACTIVATIONS:
        raise ValueError(f"a network of {sorted(parameters)} and {activation or policy.activation_fn} cannot be saved")
    dense = [parameters[f"Dense_{n}"] for n in range(count)]
    return tuple((np.array(each["kernel"]), np.array(each["bias"])) for each in dense), _JAX_ACTIVATIONS[activation]
