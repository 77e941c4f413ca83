"""MetaWorld's scripted policies as controllers. The module needs the extra, so import it only where it is used."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from metaworld.policies import ENV_POLICY_MAP

from reward_synth.core.arrays import FloatArray
from reward_synth.simulators.protocol import Expert


def expert(env: Any) -> Expert:
    """Upstream's scripted policy for an unwrapped environment, until it has succeeded.

    The policy itself would continue, and press a handle or open a door beyond success. It always gets the goal, even
    if the trained policy does not see it.
    """
    policy = ENV_POLICY_MAP[env.env_id]()

    def act() -> FloatArray | None:
        if env.judged_success() > 0.5:
            return None
        with warnings.catch_warnings():
            # This hides "Constant(s) may be too high": like upstream, we clip the action to what is accepted.
            warnings.simplefilter("ignore", UserWarning)
            action = policy.get_action(env.full_observation())
        return np.asarray(np.clip(action, -1.0, 1.0), dtype=np.float64)

    return act
