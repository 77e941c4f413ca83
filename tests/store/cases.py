"""What the tests of the store share."""

from __future__ import annotations

from pathlib import Path

from reward_synth.core.types import Candidate
from reward_synth.settings.model import Settings

GOAL = "Make the half-cheetah run backwards!"
SETTINGS = Settings(model="gpt-5", models={"critic": "local"}, samples=2, prompts=Path("mine"), budget=1.5)
REWARD = "def compute_reward(state, action, next_state):\n    return {'speed': -next_state.x_velocity}\n"


def trained(name: str, **more: object) -> Candidate:
    values = {"id": name, "iteration": int(name[:3]), "status": "trained", "success": 0.5, "fitness": 1.25}
    return Candidate.model_validate(values | more)
