"""From a learner to its policy as plain arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.vec_env import VecNormalize

from reward_synth.training.policy import Activation, Policy

_ACTIVATIONS: dict[type[Any], Activation] = {torch.nn.Tanh: "tanh", torch.nn.ReLU: "relu"}


def policy_of(learner: Any, venv: VecNormalize) -> Policy:
    """The learner's deterministic policy with its observation normalisation, as plain arrays of their own.

    :param learner: PPO, or one whose actor is a squashed Gaussian (SAC), with stable-baselines3's ``MlpPolicy``.
    :raises ValueError: for another network, or weights that are not finite.
    """
    policy = learner.policy
    if isinstance(policy, ActorCriticPolicy):
        modules = [*policy.mlp_extractor.policy_net, policy.action_net]
    else:
        modules = [*policy.actor.latent_pi, policy.actor.mu]
    linear = [module for module in modules if isinstance(module, torch.nn.Linear)]
    activations = {type(module) for module in modules} - {torch.nn.Linear}
    if len(activations) != 1 or not activations <= set(_ACTIVATIONS) or len(modules) != 2 * len(linear) - 1:
        raise ValueError(f"a network of {[type(module).__name__ for module in modules]} cannot be saved")
    space, statistics = learner.action_space, venv.obs_rms
    return Policy(
        layers=tuple((layer.weight.detach().numpy().T.copy(), layer.bias.detach().numpy().copy()) for layer in linear),
        activation=_ACTIVATIONS[activations.pop()],
        output="squash" if policy.squash_output else "clip",
        low=space.low.astype(np.float32),
        high=space.high.astype(np.float32),
        mean=statistics.mean.copy(),
        variance=statistics.var.copy(),
        epsilon=float(venv.epsilon),
        bound=float(venv.clip_obs),
    )
