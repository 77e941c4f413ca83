import numpy as np

W_APPROACH = 0.3    # per step nearer to the nearest cow (none in view counts as 8)
W_HIT = (5.0, 8.0, 20.0)   # first, second, third and later hit of this episode
W_EAT = 10.0        # food rose by a hit
W_EXPLORE = 0.05    # a new cell while no cow is in view
W_FACE = 0.05       # cow faced, a step (small: hitting ends it and pays more)
W_IDLE = 0.02       # actions other than moving and doing
W_TIME = 0.01       # each step
W_DEATH = 5.0


def compute_reward(state, action, next_state, memory):
    hit = bool(action[5] > 0.5 and state.cow_faced > 0.5 and state.sleeping < 0.5)
    hits = memory.get("hits", 0)
    hit_pay = 0.0
    if hit:
        hit_pay = W_HIT[min(hits, 2)]
        memory["hits"] = hits + 1
    ate = hit and next_state.food > state.food + 0.5
    approach = 0.0
    if not hit:     # a cow that is eaten drops out of view; do not charge that
        approach = W_APPROACH * float(np.clip(state.cow_distance - next_state.cow_distance, -8.0, 8.0))
    explore = W_EXPLORE if (next_state.cow_visible < 0.5 and next_state.on_new_cell > 0.5) else 0.0
    useful = float(np.sum(action[1:6]))
    return {
        "approach": approach,
        "explore": explore,
        "face": W_FACE * float(next_state.cow_faced),
        "hit": hit_pay,
        "eat": W_EAT if ate else 0.0,
        "idle": -W_IDLE * (1.0 - useful),
        "time": -W_TIME,
        "death": -W_DEATH * float(next_state.dead),
    }
