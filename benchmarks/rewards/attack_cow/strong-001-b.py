W_HIT = 10.0       # each hit on a cow
W_FAR = 0.01       # a step, per step of distance to the nearest cow (8 if none in view)
W_EXPLORE = 0.06   # a new cell while no cow is in view


def compute_reward(state, action, next_state):
    hit = action[5] > 0.5 and state.cow_faced > 0.5 and state.sleeping < 0.5
    new_cell = next_state.on_new_cell > 0.5 and next_state.cow_visible < 0.5
    return {
        "hit": W_HIT if hit else 0.0,
        "near_cow": -W_FAR * float(next_state.cow_distance),
        "explore": W_EXPLORE if new_cell else 0.0,
    }
