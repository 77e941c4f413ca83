"""SAC and TQC of sbx-rl, which train on JAX. Only this module imports them; loading it takes 2 s."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import torch
from sbx import SAC, TQC
from sbx.common.policies import ContinuousCritic, SquashedGaussianActor, VectorCritic
from stable_baselines3.common.vec_env import VecNormalize

from reward_synth.training.learners.base import Learner
from reward_synth.training.presets import OffPolicyPreset

_TRUNCATED = 0.87962566103423978
"""Standard deviation of a standard normal distribution that is truncated at plus and minus 2."""


def _draw(init: Any, keys: Any, *inputs: Any) -> Any:
    """Flax's own initial weights (LeCun's normal distribution), sampled by numpy from the same keys.

    Flax would compile a generator for each shape, which takes 4 s of processor time at each start of a training.
    """
    random = np.random.default_rng(np.concatenate(jax.tree.leaves(keys)).tolist())

    def fill(path: Any, leaf: Any) -> Any:
        if path[-1].key != "kernel":
            return jax.numpy.full(leaf.shape, float(path[-1].key == "scale"), leaf.dtype)
        values = random.standard_normal(leaf.shape)
        while (outside := np.abs(values) > 2).any():
            values[outside] = random.standard_normal(int(outside.sum()))
        inputs_count = leaf.shape[-2]
        return jax.numpy.asarray(values / (_TRUNCATED * np.sqrt(inputs_count)), leaf.dtype)

    return jax.tree_util.tree_map_with_path(fill, jax.eval_shape(init, keys, *inputs))


class Actor(SquashedGaussianActor):
    """sbx-rl's actor, with initial weights that need no compiler."""

    def init(self, keys: Any, *inputs: Any) -> Any:
        """Initial weights by layer."""
        return _draw(super().init, keys, *inputs)


class Critics(VectorCritic):
    """SAC's critics, side by side; see :class:`Actor`."""

    def init(self, keys: Any, *inputs: Any) -> Any:
        """Initial weights by layer."""
        return _draw(super().init, keys, *inputs)


class Critic(ContinuousCritic):
    """One of TQC's critics; see :class:`Actor`."""

    def init(self, keys: Any, *inputs: Any) -> Any:
        """Initial weights by layer."""
        return _draw(super().init, keys, *inputs)


class OffPolicyLearner(Learner):
    """SAC or TQC.

    :param steps: the training's budget in environment steps.
    """

    def __init__(self, preset: OffPolicyPreset, venv: VecNormalize, seed: int, steps: int) -> None:
        critics = {"vector_critic_class": Critics} if preset.learner == "sac" else {"critic_class": Critic}
        self.model = (SAC if preset.learner == "sac" else TQC)(
            "MlpPolicy",
            venv,
            learning_rate=preset.learning_rate,
            buffer_size=preset.buffer_size,
            # A short training must not end before it begins to learn.
            learning_starts=min(preset.learning_starts, steps // 10),
            batch_size=preset.batch_size,
            tau=preset.tau,
            gamma=preset.gamma,
            train_freq=1,
            gradient_steps=preset.gradient_steps,
            n_steps=preset.n_steps,
            ent_coef=preset.ent_coef,
            policy_kwargs={
                "net_arch": list(preset.hidden),
                "layer_norm": preset.layer_norm,
                "actor_class": Actor,
                **critics,
            },
            seed=seed,
        )

    def state(self) -> dict[str, Any]:
        """Networks and target networks, optimisers, entropy coefficient, random keys, and the replay buffer."""
        model, buffer = self.model, self.model.replay_buffer
        filled = buffer.buffer_size if buffer.full else buffer.pos
        return {
            "networks": {name: _tensors(tree) for name, tree in self._networks().items()},
            "keys": [np.asarray(key).tolist() for key in (model.key, model.policy.key, model.policy.noise_key)],
            "updates": int(model._n_updates),
            "memory": {name: torch.from_numpy(getattr(buffer, name)[:filled]) for name in _REMEMBERED},
            "position": int(buffer.pos),
            "full": bool(buffer.full),
        }

    def restore(self, state: dict[str, Any], seed: int) -> None:
        """See :class:`Learner`; the seed is for the random actions before the first update."""
        model, buffer = self.model, self.model.replay_buffer
        for name, tree in self._networks().items():
            owner = model if name == "ent_coef_state" else model.policy
            setattr(owner, name, _tree(tree, state["networks"][name]))
        keys = [jax.numpy.asarray(key, dtype=np.uint32) for key in state["keys"]]
        model.key, model.policy.key, model.policy.noise_key = keys
        model._n_updates = state["updates"]
        for name, stored in state["memory"].items():
            getattr(buffer, name)[: len(stored)] = stored.numpy()
        buffer.pos, buffer.full = state["position"], state["full"]
        # The next transition belongs to another episode, so the last stored one is marked as truncated.
        buffer.timeouts[buffer.pos - 1] = np.maximum(buffer.timeouts[buffer.pos - 1], 1 - buffer.dones[buffer.pos - 1])
        model.action_space.seed(seed)

    def is_finite(self) -> bool:
        """See :class:`Learner`."""
        weights = [leaf for tree in self._networks().values() for leaf in jax.tree.leaves(tree)]
        losses = ("actor_loss", "critic_loss", "ent_coef_loss")
        return self.losses_finite(*losses) and all(bool(np.isfinite(np.asarray(leaf)).all()) for leaf in weights)

    def _networks(self) -> dict[str, Any]:
        """Each network with its optimiser, as the tree that JAX sees."""
        policy = self.model.policy
        names = [name for name in ("actor_state", "qf_state", "qf1_state", "qf2_state") if hasattr(policy, name)]
        return {name: getattr(policy, name) for name in names} | {"ent_coef_state": self.model.ent_coef_state}


_REMEMBERED = ("observations", "next_observations", "actions", "rewards", "dones", "timeouts")
"""Arrays of the replay buffer, each (decisions, environments, …)."""


def _tensors(tree: Any) -> list[torch.Tensor]:
    return [torch.from_numpy(np.array(leaf)) for leaf in jax.tree.leaves(tree)]


def _tree(fresh: Any, stored: list[torch.Tensor]) -> Any:
    """A tree with the structure of ``fresh`` and the stored leaves."""
    leaves, structure = jax.tree.flatten(fresh)
    shapes = [np.shape(leaf) for leaf in leaves], [tuple(leaf.shape) for leaf in stored]
    if shapes[0] != shapes[1]:
        raise ValueError(f"the checkpoint's networks are of other shapes: {shapes[1]} instead of {shapes[0]}")
    return jax.tree.unflatten(structure, [jax.numpy.asarray(leaf.numpy()) for leaf in stored])
