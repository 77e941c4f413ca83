"""The eleven curations by environment id."""

from __future__ import annotations

from reward_synth.simulators.gym.annotations import Curation
from reward_synth.simulators.gym.annotations_planar import (
    HALF_CHEETAH,
    HOPPER,
    INVERTED_DOUBLE_PENDULUM,
    INVERTED_PENDULUM,
    SWIMMER,
    WALKER2D,
)
from reward_synth.simulators.gym.annotations_spatial import ANT, HUMANOID, HUMANOID_STANDUP, PUSHER, REACHER

CURATIONS: dict[str, Curation] = {
    "Ant-v5": ANT,
    "HalfCheetah-v5": HALF_CHEETAH,
    "Hopper-v5": HOPPER,
    "Humanoid-v5": HUMANOID,
    "HumanoidStandup-v5": HUMANOID_STANDUP,
    "InvertedDoublePendulum-v5": INVERTED_DOUBLE_PENDULUM,
    "InvertedPendulum-v5": INVERTED_PENDULUM,
    "Pusher-v5": PUSHER,
    "Reacher-v5": REACHER,
    "Swimmer-v5": SWIMMER,
    "Walker2d-v5": WALKER2D,
}
"""Environment id → curation, of the current version of each."""
