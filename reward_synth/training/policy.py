"""The public import path of :func:`load_policy`, which run folders and users' scripts use."""

from __future__ import annotations

from reward_synth.evaluation.policy import Policy, load_policy

__all__ = ["Policy", "load_policy"]
