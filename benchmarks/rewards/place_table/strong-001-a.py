import numpy as np

NEED = 2.0          # wood for a table
W_TABLE = 15.0
W_WOOD = 2.0        # for each of the first two
W_TREE = 0.1        # per step nearer to a tree, while wood is short
W_FACE = 0.2        # turning towards a tree (or, with the wood, to a free cell)
W_NEW = 0.02        # a new cell while no tree is in view
W_TIME = 0.01
W_DEATH = 2.0


def placed(state, action, next_state):
    return float(action[8] > 0.5 and state.wood - next_state.wood > 1.5)


def free_faced(s):
    return max(s.grass_faced, s.sand_faced, s.path_faced)


def compute_reward(state, action, next_state) -> dict[str, float]:
    table = placed(state, action, next_state)
    short = float(state.wood < NEED and next_state.wood < NEED)
    rich = float(state.wood >= NEED and next_state.wood >= NEED)
    gained = max(min(next_state.wood, NEED) - min(state.wood, NEED), 0.0)
    return {
        "table_placed": W_TABLE * table,
        "wood": W_WOOD * gained,
        "towards_tree": W_TREE * short * (state.tree_distance - next_state.tree_distance),
        "face_tree": W_FACE * short * (next_state.tree_faced - state.tree_faced),
        "face_free_cell": W_FACE * rich * (free_faced(next_state) - free_faced(state)),
        "search": W_NEW * short * next_state.on_new_cell * (1.0 - next_state.tree_visible),
        "time": -W_TIME,
        "death": -W_DEATH * next_state.dead,
    }
