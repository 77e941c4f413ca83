import math
import numpy as np

CELLS_TOTAL = 6.0      # most that visiting can earn
CELLS_SCALE = 80.0     # cells after which it has earned 63 %
RANGE_PER_CELL = 0.1   # per cell of greatest distance from the start
RANGE_MAX = 30.0       # cells
SEEN = 1.0             # diamond in view
CLOSER = 2.0           # whole way to it
FACED = 1.0            # facing it
LAVA_FACED = 0.2       # potential lost while facing lava
W_DIAMOND = 15.0
W_EARLY = 5.0          # more for an early diamond
W_LAVA = 5.0
W_DEATH = 2.0


def cells(s):
    return CELLS_TOTAL * (1.0 - math.exp(-s.visited_cells / CELLS_SCALE))


def diamond_potential(s):
    return s.diamond_visible * (SEEN + CLOSER * (8.0 - s.diamond_distance) / 7.0) + FACED * s.diamond_faced


def compute_reward(state, action, next_state, memory):
    t = memory.get("t", 0.0) + 1.0
    memory["t"] = t
    old_far = memory.get("far", 0.0)
    far = max(old_far, min(RANGE_MAX, float(np.sum(np.abs(next_state.position)))))
    memory["far"] = far

    mined = 1.0 if next_state.diamond > state.diamond + 0.5 else 0.0
    ended = mined > 0.5 or next_state.dead > 0.5
    to_diamond = 0.0 if ended else diamond_potential(next_state) - diamond_potential(state)
    to_lava = 0.0 if ended else -LAVA_FACED * (next_state.lava_faced - state.lava_faced)
    return {
        "explore_progress": float(cells(next_state) - cells(state)),
        "range_progress": float(RANGE_PER_CELL * (far - old_far)),
        "diamond_progress": float(to_diamond),
        "diamond_mined": mined * (W_DIAMOND + W_EARLY * max(0.0, 1.0 - t / 300.0)),
        "lava_facing": float(to_lava),
        "lava_death": -W_LAVA * float(next_state.dead_in_lava),
        "other_death": -W_DEATH * float(max(0.0, next_state.dead - next_state.dead_in_lava)),
    }
