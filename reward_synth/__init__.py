"""A sentence in; a dense reward function you can read, and the policy it trains, out."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from reward_synth.core.version import __version__ as __version__

if TYPE_CHECKING:
    from reward_synth.api.audit import audit_reward
    from reward_synth.api.rewards import check_reward, train_reward
    from reward_synth.api.run import Run, synthesize
    from reward_synth.audit.record import Audit
    from reward_synth.core.errors import RewardSynthError
    from reward_synth.core.feedback import Feedback
    from reward_synth.core.types import Candidate, CheckReport, Finding, TrainResult
    from reward_synth.export.wrapper import RewardWrapper
    from reward_synth.reward.contract import load_reward
    from reward_synth.tasks.spec import TaskSpec
    from reward_synth.training.reward_audit import RewardAudit

__all__ = [
    "Audit",
    "Candidate",
    "CheckReport",
    "Feedback",
    "Finding",
    "RewardAudit",
    "RewardSynthError",
    "RewardWrapper",
    "Run",
    "TaskSpec",
    "TrainResult",
    "audit_reward",
    "check_reward",
    "load_reward",
    "synthesize",
    "train_reward",
]

# Looked up when first used (PEP 562): `import reward_synth` alone loads no simulator and no learner.
_HOME = {
    "Audit": "audit.record",
    "Candidate": "core.types",
    "CheckReport": "core.types",
    "Feedback": "core.feedback",
    "Finding": "core.types",
    "RewardAudit": "training.reward_audit",
    "RewardSynthError": "core.errors",
    "RewardWrapper": "export.wrapper",
    "Run": "api.run",
    "TaskSpec": "tasks.spec",
    "TrainResult": "core.types",
    "audit_reward": "api.audit",
    "check_reward": "api.rewards",
    "load_reward": "reward.contract",
    "synthesize": "api.run",
    "train_reward": "api.rewards",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'reward_synth' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"reward_synth.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
