import numpy as np

W_NEAR = 0.5        # potential per step nearer a cow
W_FACE = 0.5        # potential of facing a cow
W_HIT_FIRST = 6.0   # pay of the first hit
W_HIT_MORE = 4.0    # more for each later hit, up to the third
W_EAT = 10.0        # a hit that raised food
W_NEW = 0.08        # per new cell with no cow in view
W_TIME = 0.02       # a step
W_DEATH = 3.0


def _potential(s):
    return W_NEAR * (8.0 - float(np.clip(s.cow_distance, 1.0, 8.0))) + W_FACE * float(s.cow_faced)


def compute_reward(state, action, next_state, memory):
    hit = bool(action[5] > 0.5 and state.cow_faced > 0.5 and state.sleeping < 0.5)
    hits = memory.get("hits", 0)
    # best potential is carried over a hit: the cow may vanish (eaten), which is not a loss
    progress = 0.0 if hit else _potential(next_state) - _potential(state)
    hit_pay = 0.0
    if hit:
        hit_pay = W_HIT_FIRST + W_HIT_MORE * min(hits, 2)
        memory["hits"] = hits + 1
    ate = hit and next_state.food > state.food + 0.5
    new_cells = max(float(next_state.visited_cells - state.visited_cells), 0.0)
    return {
        "cow_progress": progress,
        "hit": hit_pay,
        "eat": W_EAT if ate else 0.0,
        "explore": W_NEW * new_cells * (1.0 - float(next_state.cow_visible)),
        "time": -W_TIME,
        "death": -W_DEATH * float(next_state.dead),
    }
