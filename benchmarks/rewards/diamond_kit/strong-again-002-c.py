import numpy as np
import math

GAMMA = 0.97          # the learner's discount
MINED = 14.0          # once, for the diamond
CLOSE = 4.0           # height of the approach potential
CLOSE_DECAY = 0.8     # factor per step of distance
UNFACED = 0.85        # share of the potential while the diamond is not faced
SEARCH = 0.14         # per step that shows a full fresh edge
FULL_EDGE = 9.0       # cells in a full fresh edge of the view
NEAR_RADIUS = 14.0    # steps from the start: full search pay up to here
FAR_RADIUS = 20.0     # steps from the start: no search pay from here
NO_ROCK = 0.4         # factor with neither stone nor path in view
WEAK = 0.5            # factor of the search pay at health 0, 1 at full health
LEASH = 1.5           # depth of the leash potential
LEASH_RADIUS = 17.0   # steps from the start where it begins
LEASH_SCALE = 8.0     # cells over which it saturates
HURT = 0.15           # per health point lost
DEATH = 4.0           # any death
LAVA_DEATH = 2.0      # on top of it for lava
STEP = 0.01           # per step
STEP_BLIND = 0.01     # per step more with no diamond in view
USELESS = 0.03        # for an action that is of no use here
SLEEP = 0.1           # for falling asleep


def closeness(distance):
    d = min(8.0, max(1.0, distance))
    floor = math.pow(CLOSE_DECAY, 7.0)
    return (math.pow(CLOSE_DECAY, d - 1.0) - floor) / (1.0 - floor)


def approach_potential(s):
    return CLOSE * closeness(s.diamond_distance) * (UNFACED + (1.0 - UNFACED) * s.diamond_faced)


def radius(s):
    return float(np.abs(s.position).sum())


def leash_potential(s):
    beyond = max(0.0, radius(s) - LEASH_RADIUS)
    return -LEASH * (1.0 - math.exp(-beyond / LEASH_SCALE))


def compute_reward(state, action, next_state):
    dead = next_state.dead > 0.5
    got = min(1.0, max(0.0, next_state.diamond - state.diamond))
    running = (not dead) and got < 0.5

    mined = MINED * got

    # the potential of an ended episode is 0, so nothing can be gained by ending it or by loops
    after = approach_potential(next_state) if running else 0.0
    approach = GAMMA * after - approach_potential(state)

    search = 0.0
    leash = 0.0
    if running:
        fresh = min(1.0, max(0.0, next_state.seen_cells - state.seen_cells) / FULL_EDGE)
        near = min(1.0, max(0.0, (FAR_RADIUS - radius(next_state)) / (FAR_RADIUS - NEAR_RADIUS)))
        rock = 1.0 if max(next_state.stone_visible, next_state.path_visible) > 0.5 else NO_ROCK
        unseen = 0.4 if state.diamond_visible > 0.5 else 1.0
        sound = WEAK + (1.0 - WEAK) * next_state.health / 9.0
        search = SEARCH * fresh * near * rock * unseen * sound
        leash = leash_potential(next_state) - leash_potential(state)

    hurt = -HURT * min(3.0, max(0.0, state.health - next_state.health))
    death = 0.0
    if dead:
        death = -DEATH - LAVA_DEATH * next_state.dead_in_lava

    useless = float(action[0]) + float(np.sum(action[8:17]))
    blind = 1.0 - state.diamond_visible
    time = -STEP - STEP_BLIND * blind - USELESS * useless - SLEEP * float(action[6])

    return {
        "mined": float(mined),
        "approach": float(approach),
        "search": float(search),
        "leash": float(leash),
        "hurt": float(hurt),
        "death": float(death),
        "time": float(time),
    }
