"""A sentence in; a dense reward function you can read, and the policy it trains, out."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reward_synth.errors import RewardSynthError
    from reward_synth.reward.contract import load_reward
    from reward_synth.reward.wrapper import RewardWrapper
    from reward_synth.reward_files import check_reward, train_reward
    from reward_synth.run import Run, synthesize
    from reward_synth.tasks import TaskSpec
    from reward_synth.types import Candidate, CheckReport, Feedback, Finding, TrainResult

__version__ = "0.1.0"

__all__ = [
    "Candidate",
    "CheckReport",
    "Feedback",
    "Finding",
    "RewardSynthError",
    "RewardWrapper",
    "Run",
    "TaskSpec",
    "TrainResult",
    "check_reward",
    "load_reward",
    "synthesize",
    "train_reward",
]

# Looked up when first used (PEP 562): `import reward_synth` alone loads no simulator and no learner.
_HOME = {
    "Candidate": "types",
    "CheckReport": "types",
    "Feedback": "types",
    "Finding": "types",
    "RewardSynthError": "errors",
    "RewardWrapper": "reward.wrapper",
    "Run": "run",
    "TaskSpec": "tasks",
    "TrainResult": "types",
    "check_reward": "reward_files",
    "load_reward": "reward.contract",
    "synthesize": "run",
    "train_reward": "reward_files",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'reward_synth' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"reward_synth.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
