import numpy as np

RANGE = 0.08        # per cell of new greatest distance from the start
GROUND = 0.15       # times the root of the number of visited cells
REACH = 0.25        # per step nearer to the nearest diamond
FACED = 0.5         # for a diamond on the faced cell
MINED = 14.0        # once, for the diamond
HEALTH = 0.12       # per point of health
LAVA_BESIDE = 0.12  # potential lost beside lava
LAVA_FACED = 0.12   # potential lost by facing lava
DEATH = 3.0         # once, for dying


def ground_potential(s):
    return GROUND * np.sqrt(max(s.visited_cells, 1.0))


def reach_potential(s):
    return REACH * (8.0 - s.diamond_distance) + FACED * s.diamond_faced


def safety_potential(s):
    beside = 1.0 if s.lava_visible > 0.5 and s.lava_distance < 1.5 else 0.0
    return HEALTH * s.health - LAVA_BESIDE * beside - LAVA_FACED * s.lava_faced


def compute_reward(state, action, next_state, memory):
    got = next_state.diamond > state.diamond + 0.5
    mined = 0.0
    if got and not memory.get("mined", False):
        memory["mined"] = True
        mined = MINED

    far_before = memory.get("far", 0.0)
    far = max(far_before, float(np.abs(next_state.position).sum()))
    memory["far"] = far

    reach = 0.0 if got else reach_potential(next_state) - reach_potential(state)
    safety = safety_potential(next_state) - safety_potential(state)
    if next_state.dead > 0.5:
        safety = safety - DEATH

    return {
        "range": float(RANGE * (far - far_before)),
        "ground": float(ground_potential(next_state) - ground_potential(state)),
        "reach": float(reach),
        "mined": float(mined),
        "safety": float(safety),
    }
