"""What an exported file needs to train a reward with stable-baselines3, and to judge what was learnt."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from reward_synth.core.syntax import parse
from reward_synth.state.fields import Field


@dataclass(frozen=True)
class Recipe:
    """A training and the task's measure, in stable-baselines3's own terms."""

    learner: Literal["PPO", "SAC"]
    arguments: Mapping[str, Any]
    """What the learner is made with, besides policy, environments, seed and device."""
    environments: int
    action_repeat: int
    """Environment steps for which each action is held."""
    clip_obs: float
    centred: bool
    """Rewards lose their mean before they are divided by their spread, as in a training where nothing ends early."""
    steps: int
    """Budget in environment steps."""
    settles_from: int | None
    """From this step on the learning rate lies on the line from the whole rate at step 0 to a tenth at the end."""
    seed: int
    differences: Sequence[str]
    """How this training differs from reward-synth's own, a sentence each."""
    success: str
    fitness: str
    """Code of the task's measures."""
    unit: str
    """Of the fitness."""
    measured: Sequence[Field]
    """The fields that the measures read."""
    seconds_per_step: float
    horizon: int
    episodes: int
    """That the trained policy is judged by."""

    def body(self, entry: Literal["success", "fitness"]) -> str:
        """A measure as the body of a function of ``episode``. Its own helpers and imports stay within it."""
        source = str(getattr(self, entry)).strip()
        try:
            return f"    return {ast.unparse(parse(source, mode='eval'))}"
        except SyntaxError:
            return f"{textwrap.indent(source, '    ')}\n\n    return {entry}(episode)"
