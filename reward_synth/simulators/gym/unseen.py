"""What a policy cannot know: fields of a MuJoCo body that its observation leaves out."""

from __future__ import annotations

from typing import Any

import mujoco
import numpy as np
from gymnasium.spaces import flatten

from reward_synth.core.arrays import FloatArray
from reward_synth.state.expressions import reads_info, reads_observation
from reward_synth.state.table import FieldTable

SHIFT = 0.37
"""How far each coordinate is moved, in its own unit."""
SAME = 1e-9


def unseen(base: Any, table: FieldTable) -> tuple[str, ...]:
    """The essential fields that change with a coordinate that the observation does not show, often ``x_position``.

    Each coordinate is moved alone. If the observation does not change, no policy can notice the move. The state is
    restored afterwards.

    :param base: the live, unwrapped environment after a reset. If it has no MuJoCo state, or its observation cannot be
        read between steps, the result is empty.
    """
    if not all(hasattr(base, name) for name in ("model", "data", "_get_obs")):
        return ()
    try:
        _observe(base)
    except Exception:  # noqa: BLE001  (the method is private: somebody's own environment may want arguments for it)
        return ()
    # What is read from the observation, or told beside it, is no state that a moved coordinate would change.
    essential = table.essential()
    told = [field.name for field in essential if reads_observation(field.code) or reads_info(field.code)]
    known = essential.subset([name for name in essential.names if name not in told])
    kept = [series.copy() for series in (base.data.qpos, base.data.qvel)]
    hidden: set[str] = set()
    try:
        seen, fields = _look(base, known)
        for series in (base.data.qpos, base.data.qvel):
            for index in range(len(series)):
                before = series[index]
                series[index] += SHIFT
                now, moved = _look(base, known)
                if now.shape == seen.shape and np.allclose(now, seen, rtol=0.0, atol=SAME):
                    hidden |= {name for name, value in moved.items() if not np.allclose(value, fields[name], atol=SAME)}
                series[index] = before
    finally:
        base.data.qpos[:], base.data.qvel[:] = kept
        mujoco.mj_forward(base.model, base.data)
    return tuple(name for name in known.names if name in hidden)


def _observe(base: Any) -> FloatArray:
    return np.array(flatten(base.observation_space, base._get_obs()), dtype=np.float64)


def _look(base: Any, table: FieldTable) -> tuple[FloatArray, dict[str, FloatArray]]:
    mujoco.mj_forward(base.model, base.data)
    fields = {field.name: np.array(field.read(base), dtype=np.float64) for field in table}
    return _observe(base), fields
