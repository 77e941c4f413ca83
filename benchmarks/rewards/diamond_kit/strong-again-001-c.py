import numpy as np
import math

MINED = 10.0          # jump of the potential on getting the diamond
CLOSE = 4.0           # height of the closeness potential
CLOSE_DECAY = 0.8     # factor per step of distance
FACED = 0.6           # potential for facing the diamond
WAY_FREE = 0.05       # potential for a free faced cell towards the diamond
SEEN = 0.01           # potential per seen cell
DEATH = 4.0           # any death
LAVA_DEATH = 2.0      # on top of it for lava
LAVA_FACED = 0.04     # per step facing lava
LAVA_BESIDE = 0.02    # per step with lava beside the player
STEP = 0.01           # per step
USELESS = 0.03        # for an action that is of no use here
SLEEP = 0.1           # for falling asleep


def closeness(distance):
    d = min(8.0, max(1.0, distance))
    return CLOSE * (math.pow(CLOSE_DECAY, d - 1.0) - math.pow(CLOSE_DECAY, 7.0))


def way_free(s):
    # the faced cell leads towards the visible diamond, and is no rock, water, tree or lava
    toward = float(np.dot(s.facing, s.diamond_offset))
    blocked = max(s.stone_faced, s.coal_faced, s.iron_faced, s.water_faced, s.tree_faced, s.lava_faced)
    if s.diamond_visible > 0.5 and toward > 0.5 and blocked < 0.5:
        return 1.0
    return 0.0


def potential(s):
    search = SEEN * s.seen_cells
    if s.diamond > 0.5:
        return search + closeness(1.0) + FACED + WAY_FREE + MINED
    return search + closeness(s.diamond_distance) + FACED * s.diamond_faced + WAY_FREE * way_free(s)


def compute_reward(state, action, next_state):
    dead = next_state.dead > 0.5

    progress = 0.0
    if not dead:
        progress = potential(next_state) - potential(state)

    death = 0.0
    lava_risk = 0.0
    if dead:
        death = -DEATH - LAVA_DEATH * next_state.dead_in_lava
    else:
        beside = 1.0 if next_state.lava_distance < 1.5 else 0.0
        lava_risk = -LAVA_FACED * next_state.lava_faced - LAVA_BESIDE * beside

    useless = float(action[0]) + float(np.sum(action[8:17]))
    time = -STEP - USELESS * useless - SLEEP * float(action[6])

    return {
        "progress": float(progress),
        "death": float(death),
        "lava_risk": float(lava_risk),
        "time": float(time),
    }
