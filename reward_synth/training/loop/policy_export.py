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

Layers = tuple[tuple[Array, Array], ...]


def policy_of(model: Any, venv: VecNormalize, repeat: int = 1) -> Policy:
    """The learner's policy with its observation normalisation, as copied plain arrays.

    It is deterministic for continuous actions and samples discrete ones: see :class:`Policy`.

    :param model: PPO, or an algorithm whose actor is a squashed Gaussian (SAC, TQC), with the ``MlpPolicy`` of
        stable-baselines3.
    :param repeat: environment steps for which each of its actions is held.
    :raises ValueError: for another network, or for weights that are not finite.
    """
    policy = model.policy
    layers, activation = _layers_of(policy)
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


def _layers_of(policy: Any) -> tuple[Layers, Activation]:
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
