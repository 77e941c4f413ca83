import numpy as np

W_DIAMOND = 20.0     # once, ends the episode
W_APPROACH = 2.0     # whole way from "not in view" to "beside it"
W_FACE = 1.0         # facing a diamond (potential)
W_NEW_CELL = 0.05    # each cell first visited
W_DIG = 0.02         # stone taken out of the way while the inventory still counts it
W_LAVA_DEATH = 6.0
W_OTHER_DEATH = 3.0
W_LAVA_BESIDE = 0.03 # per step beside lava, little: diamonds lie near it
STEP_COST = 0.01


def potential(s):
    near = s.diamond_visible * (8.0 - s.diamond_distance) / 7.0
    return W_APPROACH * near + W_FACE * s.diamond_faced


def compute_reward(state, action, next_state):
    mined = 1.0 if next_state.diamond > state.diamond + 0.5 else 0.0
    over = 1.0 if (mined > 0.5 or next_state.dead > 0.5) else 0.0
    approach = 0.0 if over > 0.5 else potential(next_state) - potential(state)

    lava_death = next_state.dead_in_lava
    other_death = max(0.0, next_state.dead - next_state.dead_in_lava)
    beside_lava = next_state.lava_visible * (1.0 if next_state.lava_distance < 1.5 else 0.0)

    # a dig counts only if it is stone that was faced and the action was "do"
    dug = 1.0 if (action[5] > 0.5 and state.stone_faced > 0.5 and next_state.stone_faced < 0.5) else 0.0
    # but not stone that was just placed: memoryless guard, the pair place + dig costs as much as it earns
    placed = 1.0 if (action[7] > 0.5 and next_state.stone < state.stone - 0.5) else 0.0
    on_lava = placed * state.lava_faced

    return {
        "diamond_mined": W_DIAMOND * mined,
        "approach_diamond": float(approach),
        "explore": W_NEW_CELL * float(next_state.on_new_cell),
        "dig": W_DIG * (dug - placed + 2.0 * on_lava),
        "lava_death": -W_LAVA_DEATH * float(lava_death),
        "other_death": -W_OTHER_DEATH * float(other_death),
        "lava_beside": -W_LAVA_BESIDE * float(beside_lava),
        "time": -STEP_COST,
    }
