import numpy as np

W_DIAMOND = 20.0     # once
W_CLOSER = 2.0       # from out of view to beside it
W_FACED = 0.5        # facing it (potential)
W_NEW_CELL = 0.08    # each new cell
W_FAR = 0.05         # each cell of a new greatest distance from the start
FAR_MAX = 30.0       # cells
W_LAVA = 5.0
W_DEATH = 3.0
W_HEALTH = 0.1       # per point of health


def potential(s):
    return W_CLOSER * s.diamond_visible * (8.0 - s.diamond_distance) / 7.0 + W_FACED * s.diamond_faced


def compute_reward(state, action, next_state, memory):
    mined = next_state.diamond > state.diamond + 0.5
    if mined:
        find = W_DIAMOND
    elif next_state.dead > 0.5:
        find = 0.0
    else:
        find = potential(next_state) - potential(state)
    before = memory.get("far", 0.0)
    far = max(before, min(FAR_MAX, float(np.linalg.norm(next_state.position))))
    memory["far"] = far
    other = max(0.0, next_state.dead - next_state.dead_in_lava)
    return {
        "find_diamond": float(find),
        "explore": W_NEW_CELL * float(next_state.on_new_cell),
        "farther": float(W_FAR * (far - before)),
        "avoid_lava": -W_LAVA * float(next_state.dead_in_lava),
        "stay_alive": -W_DEATH * float(other),
        "health": float(W_HEALTH * (next_state.health - state.health)) * (1.0 - float(next_state.dead)),
    }
