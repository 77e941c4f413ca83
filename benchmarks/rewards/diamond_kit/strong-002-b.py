import numpy as np

W_DIAMOND = 20.0    # once
W_CLOSER = 2.5      # potential: whole way to the diamond
W_FACED = 0.5       # potential: facing it
W_NEW_CELL = 0.1
W_LAVA = 6.0
W_DEATH = 5.0
W_HEALTH = 0.2      # potential per point of health
W_LAVA_FACED = 0.2  # potential lost while the next step ahead is lava


def diamond_potential(s):
    return W_CLOSER * s.diamond_visible * (8.0 - s.diamond_distance) / 7.0 + W_FACED * s.diamond_faced


def compute_reward(state, action, next_state):
    mined = next_state.diamond > state.diamond + 0.5
    dead = next_state.dead > 0.5
    if mined:
        find = W_DIAMOND
    elif dead:
        find = 0.0
    else:
        find = diamond_potential(next_state) - diamond_potential(state)
    alive = 0.0 if (dead or mined) else 1.0
    other = max(0.0, next_state.dead - next_state.dead_in_lava)
    return {
        "find_diamond": float(find),
        "explore": W_NEW_CELL * float(next_state.on_new_cell),
        "keep_health": float(W_HEALTH * (next_state.health - state.health) * alive),
        "turn_from_lava": float(-W_LAVA_FACED * (next_state.lava_faced - state.lava_faced) * alive),
        "lava_death": -W_LAVA * float(next_state.dead_in_lava),
        "other_death": -W_DEATH * float(other),
    }
