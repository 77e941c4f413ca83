"""The annotations of Gymnasium's eleven standard MuJoCo environments, by id."""

from __future__ import annotations

from typing import Any

from reward_synth.simulators.gym.annotations import Annotation
from reward_synth.simulators.gym.annotations_planar import (
    HALF_CHEETAH,
    HOPPER,
    INVERTED_DOUBLE_PENDULUM,
    INVERTED_PENDULUM,
    SWIMMER,
    WALKER2D,
)
from reward_synth.simulators.gym.annotations_spatial import ANT, HUMANOID, HUMANOID_STANDUP, PUSHER, REACHER

ANNOTATIONS: dict[str, Annotation] = {
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
"""Environment id → annotation, of the current version of each."""


def find_annotation(env: Any) -> Annotation | None:
    """The annotation of an unwrapped environment, or None."""
    return next((annotation for annotation in ANNOTATIONS.values() if annotation.applies(env)), None)
