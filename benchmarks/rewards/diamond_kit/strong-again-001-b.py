import numpy as np

STEP_CLOSER = 0.3   # potential per step nearer to the visible diamond
FACED = 0.4         # potential for facing it
HAVE = 12.0         # potential of having it
SEEN = 0.012        # per cell seen for the first time
STEP = 0.01         # cost of a step
DEATH = 5.0         # cost of death


def diamond_potential(s):
    if s.diamond > 0.5:
        return HAVE
    return STEP_CLOSER * (8.0 - s.diamond_distance) + FACED * s.diamond_faced


def compute_reward(state, action, next_state):
    dead = next_state.dead > 0.5

    # nearer, facing, having: one potential, its difference
    diamond = 0.0
    if not dead:
        diamond = diamond_potential(next_state) - diamond_potential(state)

    # cells seen for the first time, less a small price of time
    explore = -STEP
    if not dead:
        explore += SEEN * min(30.0, max(0.0, next_state.seen_cells - state.seen_cells))

    death = -DEATH if dead else 0.0

    return {
        "diamond": float(diamond),
        "explore": float(explore),
        "death": float(death),
    }
