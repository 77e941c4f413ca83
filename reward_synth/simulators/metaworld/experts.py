"""MetaWorld's scripted policies, as controllers of an environment. Needs the extra; import it where it is used."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from metaworld.policies import ENV_POLICY_MAP

from reward_synth.core.arrays import FloatArray
from reward_synth.simulators.protocol import Expert


def expert(env: Any) -> Expert:
    """Upstream's scripted policy for an unwrapped environment, until it has succeeded.

    Left to itself it goes on, and presses a handle or opens a door beyond what counts as success. It is told the goal
    whether the environment's policy sees it or not.
    """
    policy = ENV_POLICY_MAP[env.env_id]()

    def act() -> FloatArray | None:
        if env.judged_success() > 0.5:
            return None
        with warnings.catch_warnings():
            # "Constant(s) may be too high": they are cut to what the environment accepts, as upstream does it.
            warnings.simplefilter("ignore", UserWarning)
            action = policy.get_action(env.full_observation())
        return np.asarray(np.clip(action, -1.0, 1.0), dtype=np.float64)

    return act
