import numpy as np

W_DIAMOND = 20.0
W_CLOSER = 2.5      # potential
W_FACED = 0.5       # potential
W_TURN = 0.2        # potential: facing along the way to the diamond
W_NEW_CELL = 0.08
W_FAR = 0.04        # per cell of a new greatest distance
FAR_MAX = 30.0
W_HEALTH = 0.12     # per point
W_NEED = 0.05       # per point of food and drink below LOW_NEED
LOW_NEED = 5.0
W_BRIDGE = 0.1      # stone onto faced lava
W_LAVA = 5.0
W_DEATH = 3.0


def diamond_potential(s):
    near = s.diamond_visible * (8.0 - s.diamond_distance) / 7.0
    n = float(np.linalg.norm(s.diamond_offset)) + 1e-6
    turn = s.diamond_visible * max(0.0, float(np.dot(s.facing, s.diamond_offset)) / n)
    return W_CLOSER * near + W_FACED * s.diamond_faced + W_TURN * turn


def needs(s):
    return W_NEED * (min(s.food, LOW_NEED) + min(s.drink, LOW_NEED))


def compute_reward(state, action, next_state, memory):
    mined = next_state.diamond > state.diamond + 0.5
    dead = next_state.dead > 0.5
    on = 0.0 if (mined or dead) else 1.0
    before = memory.get("far", 0.0)
    far = max(before, min(FAR_MAX, float(np.linalg.norm(next_state.position))))
    memory["far"] = far
    bridge = 1.0 if (action[7] > 0.5 and state.lava_faced > 0.5 and next_state.stone < state.stone - 0.5) else 0.0
    other = max(0.0, next_state.dead - next_state.dead_in_lava)
    return {
        "diamond_mined": W_DIAMOND if mined else 0.0,
        "approach_diamond": float(on * (diamond_potential(next_state) - diamond_potential(state))),
        "explore": W_NEW_CELL * float(next_state.on_new_cell),
        "farther": float(W_FAR * (far - before)),
        "health": float(on * W_HEALTH * (next_state.health - state.health)),
        "food_and_drink": float(on * (needs(next_state) - needs(state))),
        "bridge_lava": W_BRIDGE * bridge,
        "lava_death": -W_LAVA * float(next_state.dead_in_lava),
        "other_death": -W_DEATH * float(other),
    }
