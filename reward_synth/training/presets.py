"""Learner settings that were found by measurement; a task spec names one, or takes its environment's."""

from __future__ import annotations

from reward_synth.errors import RewardSynthError
from reward_synth.types import Value


class Preset(Value):
    """PPO hyper-parameters, under stable-baselines3's names."""

    environments: int = 16
    """Environments stepped side by side in one process: batching the policy call is what makes it fast."""
    n_steps: int = 256
    batch_size: int = 512
    n_epochs: int = 10
    learning_rate: float = 1e-3
    gamma: float = 0.99
    gae_lambda: float = 0.95
    ent_coef: float = 0.0
    log_std_init: float = -1.0
    """Start of the policy's log standard deviation: 0 is a standard deviation of 1."""
    hidden: tuple[int, ...] = (64, 64)


PRESETS: dict[str, Preset] = {
    # HalfCheetah > 3 m/s in about 45 CPU-seconds. Stable bodies bear big batches and a high learning rate.
    "steady": Preset(),
    # Bodies that fall need smaller batches and a wider start: with "steady" the Hopper learns to stand.
    "balance": Preset(n_steps=128, batch_size=128, learning_rate=5e-4, log_std_init=0.0),
    # A swimmer first loses speed to gain it a second later: at gamma 0.99 it stays where it is (0 m), at 0.9995 it
    # swims 14 m in 40 s.
    "patient": Preset(gamma=0.9995, gae_lambda=0.97, log_std_init=0.0),
    # Short episodes, one target each: what happens 20 steps later hardly matters.
    "reach": Preset(n_steps=128, batch_size=256, learning_rate=7e-4, gamma=0.95, log_std_init=-0.5),
}

DEFAULT_PRESET = "balance"


def get_preset(name: str | None) -> Preset:
    """The preset of that name, or the default for None."""
    chosen = DEFAULT_PRESET if name is None else name
    if chosen not in PRESETS:
        raise RewardSynthError(f"there is no training preset '{chosen}'", f"use one of: {', '.join(sorted(PRESETS))}")
    return PRESETS[chosen]
