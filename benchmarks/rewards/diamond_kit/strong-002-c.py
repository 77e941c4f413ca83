import numpy as np

W_DIAMOND = 20.0
W_POT = 3.0         # potential: closeness x health
W_NEW_CELL = 0.1    # times health
W_LAVA = 5.0
W_DEATH = 3.0
FACED_SHARE = 0.2   # of the closeness that needs facing


def vigour(s):
    return 0.5 + 0.5 * min(max(s.health, 0.0), 9.0) / 9.0


def potential(s):
    if s.dead > 0.5:
        return 0.0
    near = s.diamond_visible * (8.0 - s.diamond_distance) / 7.0
    return W_POT * near * ((1.0 - FACED_SHARE) + FACED_SHARE * s.diamond_faced) * vigour(s)


def compute_reward(state, action, next_state):
    mined = next_state.diamond > state.diamond + 0.5
    find = W_DIAMOND if mined else potential(next_state) - potential(state)
    other = max(0.0, next_state.dead - next_state.dead_in_lava)
    return {
        "find_diamond": float(find),
        "explore": float(W_NEW_CELL * next_state.on_new_cell * vigour(next_state)),
        "avoid_lava": -W_LAVA * float(next_state.dead_in_lava),
        "other_death": -W_DEATH * float(other),
    }
