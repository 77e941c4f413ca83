import numpy as np

EXPLORE = 0.06       # for a new cell while no diamond is in view, at the start
EXPLORE_FADE = 60.0  # visited cells over which that fades
APPROACH = 0.15      # per step nearer to the nearest diamond
MINED = 12.0         # for the diamond
DEATH = 3.0          # for dying


def compute_reward(state, action, next_state):
    mined = next_state.diamond > state.diamond + 0.5

    explore = 0.0
    if next_state.on_new_cell > 0.5 and next_state.diamond_visible < 0.5:
        explore = EXPLORE * np.exp(-next_state.visited_cells / EXPLORE_FADE)

    approach = 0.0 if mined else APPROACH * (state.diamond_distance - next_state.diamond_distance)

    outcome = (MINED if mined else 0.0) - (DEATH if next_state.dead > 0.5 else 0.0)

    return {
        "explore": float(explore),
        "approach": float(approach),
        "outcome": float(outcome),
    }
