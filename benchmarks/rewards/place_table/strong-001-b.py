import numpy as np

NEED = 2.0
W_TABLE = 10.0
W_WOOD = 1.0
W_TREE = 0.05     # per cell nearer


def compute_reward(state, action, next_state) -> dict[str, float]:
    short = float(state.wood < NEED and next_state.wood < NEED)
    gained = max(min(next_state.wood, NEED) - min(state.wood, NEED), 0.0)
    placed = float(action[8] > 0.5 and state.wood - next_state.wood > 1.5)
    return {
        "table_placed": W_TABLE * placed,
        "wood": W_WOOD * gained,
        "towards_tree": W_TREE * short * (state.tree_distance - next_state.tree_distance),
    }
