import numpy as np
import math

MINED = 12.0          # jump of the potential on getting the diamond
CLOSE = 4.5           # height of the closeness potential
CLOSE_DECAY = 0.8     # factor per step of distance
FACED = 0.8           # potential for facing the diamond
TOWARD = 0.08         # potential for facing towards a visible diamond
WAY_FREE = 0.12       # potential more if the cell faced towards it can be walked on
SEEN = 0.015          # per cell seen for the first time
NEW_CELL = 0.02       # for walking onto a new cell
NEAR_RADIUS = 14.0    # steps from the start: full search pay up to here
FAR_RADIUS = 20.0     # steps from the start: no search pay from here
NO_ROCK = 0.4         # share of the search pay with neither stone nor path in view
LEASH_RADIUS = 17.0   # steps from the start where the leash begins
LEASH = 0.1           # per step beyond it, paid back on the way home
HEALTH = 0.15         # per health point, lost or regained
LAVA_FACED = 0.03     # per step facing lava
LAVA_BESIDE = 0.02    # per step with lava beside the player
ZOMBIE_NEAR = 0.02    # per step with an unfaced zombie within ZOMBIE_REACH
ZOMBIE_REACH = 2.5    # steps
DEATH = 4.0           # any death
LAVA_DEATH = 2.0      # on top of it for lava
STEP = 0.01           # per step
USELESS = 0.03        # for an action that is of no use here, and for a stone put on solid ground
SLEEP = 0.1           # for falling asleep


def closeness(distance):
    d = min(8.0, max(1.0, distance))
    return CLOSE * (math.pow(CLOSE_DECAY, d - 1.0) - math.pow(CLOSE_DECAY, 7.0))


def diamond_potential(s):
    if s.diamond > 0.5:
        return closeness(1.0) + FACED + MINED
    return closeness(s.diamond_distance) + FACED * s.diamond_faced


def way_potential(s):
    # facing towards the visible diamond, and the way there dug free; full once the diamond is faced or had
    if s.diamond > 0.5 or s.diamond_faced > 0.5:
        return TOWARD + WAY_FREE
    toward = float(np.dot(s.facing, s.diamond_offset))
    if s.diamond_visible < 0.5 or toward < 0.5 or s.lava_faced > 0.5:
        return 0.0
    blocked = max(s.stone_faced, s.coal_faced, s.iron_faced, s.water_faced, s.tree_faced)
    return TOWARD + (WAY_FREE if blocked < 0.5 else 0.0)


def radius(s):
    return float(np.abs(s.position).sum())


def beyond_leash(s):
    return max(0.0, radius(s) - LEASH_RADIUS)


def compute_reward(state, action, next_state):
    dead = next_state.dead > 0.5

    diamond = 0.0
    way = 0.0
    search = 0.0
    leash = 0.0
    health = 0.0
    danger = 0.0
    death = 0.0
    if dead:
        death = -DEATH - LAVA_DEATH * next_state.dead_in_lava
    else:
        diamond = diamond_potential(next_state) - diamond_potential(state)
        way = way_potential(next_state) - way_potential(state)
        gate = (FAR_RADIUS - radius(next_state)) / (FAR_RADIUS - NEAR_RADIUS)
        gate = min(1.0, max(0.0, gate))
        rock = 1.0 if max(next_state.stone_visible, next_state.path_visible) > 0.5 else NO_ROCK
        fresh = min(30.0, max(0.0, next_state.seen_cells - state.seen_cells))
        search = gate * rock * (SEEN * fresh + NEW_CELL * next_state.on_new_cell)
        leash = -LEASH * (beyond_leash(next_state) - beyond_leash(state))
        health = HEALTH * (next_state.health - state.health)
        beside = 1.0 if next_state.lava_distance < 1.5 else 0.0
        danger = -LAVA_FACED * next_state.lava_faced - LAVA_BESIDE * beside
        if next_state.zombie_visible > 0.5 and next_state.zombie_distance < ZOMBIE_REACH and next_state.zombie_faced < 0.5:
            danger -= ZOMBIE_NEAR

    useless = float(action[0]) + float(np.sum(action[8:17]))
    if action[7] > 0.5 and max(state.lava_faced, state.water_faced) < 0.5:
        useless += 1.0
    time = -STEP - USELESS * useless - SLEEP * float(action[6])

    return {
        "diamond": float(diamond),
        "way": float(way),
        "search": float(search),
        "leash": float(leash),
        "health": float(health),
        "danger": float(danger),
        "death": float(death),
        "time": float(time),
    }
