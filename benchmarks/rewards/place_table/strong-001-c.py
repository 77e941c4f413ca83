import numpy as np

NEED = 2.0
TREE_DONE = 1.2      # level of the tree part once 2 wood are held: as beside a tree and facing it
W_NEAR = 0.1         # per step of distance below 8 (at most 0.7)
W_FACE = 0.4
W_WOOD = 3.0
W_FREE = 0.5
TOP = 20.0           # level of a placed table
W_TIME = 0.01
W_DEATH = 2.0


def tree_part(s):
    if s.wood >= NEED:
        return TREE_DONE
    return W_NEAR * (8.0 - s.tree_distance) + W_FACE * s.tree_faced


def wood_part(s):
    return W_WOOD * min(s.wood, NEED)


def free_part(s):
    free = max(s.grass_faced, s.sand_faced, s.path_faced)
    return W_FREE * free * float(s.wood >= NEED)


def compute_reward(state, action, next_state) -> dict[str, float]:
    placed = float(action[8] > 0.5 and state.wood - next_state.wood > 1.5)
    keep = 1.0 - placed     # at the table the potential jumps to its top
    before = tree_part(state) + wood_part(state) + free_part(state)
    return {
        "tree_progress": keep * (tree_part(next_state) - tree_part(state)),
        "wood_progress": keep * (wood_part(next_state) - wood_part(state)),
        "free_cell_progress": keep * (free_part(next_state) - free_part(state)),
        "table_progress": placed * (TOP - before),
        "time": -W_TIME,
        "death": -W_DEATH * next_state.dead,
    }
