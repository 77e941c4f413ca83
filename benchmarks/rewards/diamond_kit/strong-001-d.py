import numpy as np

W_NEW_CELL = 0.03      # stage 1: a new cell
W_NEW_ROCK = 0.03      # stage 1: more for a new cell in rock (stone or path beside the player)
W_SEEN = 2.0           # stage 2: first sight
W_NEAR = 3.0           # stage 3: the way to it
W_FACED = 3.0          # stage 4: facing it
W_MINED = 25.0         # stage 5: ends the episode
W_LAVA = 8.0
W_DEATH = 4.0
W_NEAR_LAVA = 0.05     # walking on from a cell beside lava to another such cell
STEP_COST = 0.01


def stage_value(s):
    near = s.diamond_visible * (8.0 - s.diamond_distance) / 7.0   # 1 beside it
    return W_SEEN * s.diamond_visible + W_NEAR * near + W_FACED * s.diamond_faced


def compute_reward(state, action, next_state, memory):
    best = memory.get("best", None)
    if best is None:
        best = stage_value(state)
    value = max(best, stage_value(next_state))
    memory["best"] = value

    rock = 1.0 if (next_state.stone_distance < 1.5 or next_state.path_distance < 1.5) else 0.0
    mined = 1.0 if next_state.diamond > state.diamond + 0.5 else 0.0
    near_lava = 1.0 if next_state.lava_distance < 1.5 else 0.0
    return {
        "roam": float(next_state.on_new_cell * (W_NEW_CELL + W_NEW_ROCK * rock)),
        "diamond_stages": float(value - best),
        "diamond_mined": W_MINED * mined,
        "lava_death": -W_LAVA * float(next_state.dead_in_lava),
        "other_death": -W_DEATH * float(max(0.0, next_state.dead - next_state.dead_in_lava)),
        "near_lava": -W_NEAR_LAVA * near_lava * float(1.0 - next_state.diamond_visible),
        "time": -STEP_COST,
    }
