import numpy as np
import math

MINED = 12.0          # jump of the potential on getting the diamond
CLOSE = 4.0           # height of the closeness potential
CLOSE_DECAY = 0.8     # factor per step of distance
FACED = 0.6           # potential for facing the diamond
SEEN = 0.015          # per cell seen for the first time
NEAR_RADIUS = 14.0    # steps from the start: full search pay up to here
FAR_RADIUS = 20.0     # steps from the start: no search pay from here
NO_ROCK = 0.4         # share of the search pay with neither stone nor path in view
IN_SIGHT = 0.5        # share of the search pay with a diamond in view
LEASH_RADIUS = 17.0   # steps from the start where the leash begins
LEASH = 0.1           # per step beyond it, paid back on the way home
HEALTH = 0.15         # per health point, lost or regained
DEATH = 4.0           # any death
LAVA_DEATH = 2.0      # on top of it for lava
STEP = 0.01           # per step
STEP_BLIND = 0.01     # per step more with no diamond in view
USELESS = 0.03        # for an action that is of no use here
SLEEP = 0.1           # for falling asleep


def closeness(distance):
    d = min(8.0, max(1.0, distance))
    return CLOSE * (math.pow(CLOSE_DECAY, d - 1.0) - math.pow(CLOSE_DECAY, 7.0))


def diamond_potential(s):
    if s.diamond > 0.5:
        return closeness(1.0) + FACED + MINED
    return closeness(s.diamond_distance) + FACED * s.diamond_faced


def radius(s):
    return float(np.abs(s.position).sum())


def beyond_leash(s):
    return max(0.0, radius(s) - LEASH_RADIUS)


def compute_reward(state, action, next_state):
    dead = next_state.dead > 0.5

    diamond = 0.0
    search = 0.0
    leash = 0.0
    health = 0.0
    death = 0.0
    if dead:
        death = -DEATH - LAVA_DEATH * next_state.dead_in_lava
    else:
        diamond = diamond_potential(next_state) - diamond_potential(state)
        gate = (FAR_RADIUS - radius(next_state)) / (FAR_RADIUS - NEAR_RADIUS)
        gate = min(1.0, max(0.0, gate))
        rock = 1.0 if max(next_state.stone_visible, next_state.path_visible) > 0.5 else NO_ROCK
        share = IN_SIGHT if state.diamond_visible > 0.5 else 1.0
        fresh = min(30.0, max(0.0, next_state.seen_cells - state.seen_cells))
        search = SEEN * fresh * gate * rock * share
        leash = -LEASH * (beyond_leash(next_state) - beyond_leash(state))
        health = HEALTH * (next_state.health - state.health)

    useless = float(action[0]) + float(np.sum(action[8:17]))
    blind = 1.0 - state.diamond_visible
    time = -STEP - STEP_BLIND * blind - USELESS * useless - SLEEP * float(action[6])

    return {
        "diamond": float(diamond),
        "search": float(search),
        "leash": float(leash),
        "health": float(health),
        "death": float(death),
        "time": float(time),
    }
