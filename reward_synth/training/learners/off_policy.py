"""The learners SAC and TQC, with what a checkpoint holds of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from stable_baselines3.common.vec_env import VecNormalize

from reward_synth.training.learners.base import Learner
from reward_synth.training.learners.critics import Expected, Quantiles
from reward_synth.training.learners.sac import ActorCritics, NumpySAC
from reward_synth.training.presets import OffPolicyPreset


class OffPolicyLearner(Learner):
    """SAC or TQC.

    :param steps: the training's budget in environment steps.
    """

    def __init__(self, preset: OffPolicyPreset, venv: VecNormalize, seed: int, steps: int) -> None:
        estimate = Expected() if preset.learner == "sac" else Quantiles()
        arguments = preset.arguments(steps)
        arguments["policy_kwargs"] |= {"outputs": estimate.outputs, "layer_norm": preset.layer_norm}
        self.model = NumpySAC(ActorCritics, venv, estimate=estimate, **arguments, seed=seed, device="cpu")

    def state(self) -> dict[str, Any]:
        """Networks and target networks, optimisers, entropy coefficient, and the replay buffer."""
        model, buffer = self.model, self.model.replay_buffer
        filled = buffer.buffer_size if buffer.full else buffer.pos
        entropy = {"entropy": model.log_ent_coef.detach().clone()} if model.ent_coef_optimizer is not None else {}
        return {
            "networks": model.get_parameters(),
            **entropy,
            "updates": int(model._n_updates),
            "memory": {name: torch.from_numpy(getattr(buffer, name)[:filled]) for name in _REMEMBERED},
            "position": int(buffer.pos),
            "full": bool(buffer.full),
        }

    def restore(self, state: dict[str, Any], seed: int) -> None:
        """See :class:`Learner`; the seed is for the random actions before the first update."""
        model, buffer = self.model, self.model.replay_buffer
        model.set_parameters(state["networks"], exact_match=True, device="cpu")
        if model.ent_coef_optimizer is not None:
            model.log_ent_coef.data.copy_(state["entropy"])
        model._n_updates = state["updates"]
        for name, stored in state["memory"].items():
            getattr(buffer, name)[: len(stored)] = stored.numpy()
        buffer.pos, buffer.full = state["position"], state["full"]
        # The next transition belongs to another episode, so the last stored one is marked as truncated.
        buffer.timeouts[buffer.pos - 1] = np.maximum(buffer.timeouts[buffer.pos - 1], 1 - buffer.dones[buffer.pos - 1])
        model.action_space.seed(seed)

    def is_finite(self) -> bool:
        """See :class:`Learner`."""
        losses = self.losses_finite("actor_loss", "critic_loss", "ent_coef_loss")
        return losses and all(bool(torch.isfinite(each).all()) for each in self.model.policy.parameters())


_REMEMBERED = ("observations", "next_observations", "actions", "rewards", "dones", "timeouts")
"""Arrays of the replay buffer, each (decisions, environments, …)."""
