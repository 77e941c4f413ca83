import numpy as np

W_DIAMOND = 20.0   # once
W_CLOSER = 2.0     # from out of view to beside the diamond
W_NEW_CELL = 0.1   # each new cell
W_LAVA = 5.0       # death in lava


def closeness(s):
    return s.diamond_visible * (8.0 - s.diamond_distance) / 8.0


def compute_reward(state, action, next_state):
    mined = next_state.diamond > state.diamond + 0.5
    if mined:
        find = W_DIAMOND
    else:
        find = W_CLOSER * (closeness(next_state) - closeness(state))
    return {
        "find_diamond": float(find),
        "explore": W_NEW_CELL * float(next_state.on_new_cell),
        "avoid_lava": -W_LAVA * float(next_state.dead_in_lava),
    }
