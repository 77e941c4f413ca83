import numpy as np

# the goal
STEP_CLOSER = 0.35    # potential per step nearer to the visible diamond
FACED = 0.6           # potential for facing it
HAVE = 15.0           # potential of having it
# search
SEEN = 0.015          # per cell seen for the first time
NEAR_RADIUS = 14.0    # steps from the start: full search pay up to here
FAR_RADIUS = 20.0     # steps from the start: no search pay from here
NO_ROCK = 0.3         # share of the search pay with neither stone nor path in view
LEASH_RADIUS = 17.0   # steps from the start where the leash begins
LEASH = 0.1           # per step beyond it, paid back on the way home
# survival
HEALTH = 0.25         # per health point, lost or regained
HIT = 0.06            # for a blow at a faced zombie
MAX_HITS = 15.0       # paid blows in an episode
ZOMBIE_NEAR = 0.03    # per step with an unfaced zombie within ZOMBIE_REACH
ZOMBIE_REACH = 2.5    # steps
SUPPLY = 0.1          # per point of drink or food taken while low
LOW = 5.0             # drink or food below this is low
LAVA_FACED = 0.03     # per step facing lava
LAVA_BESIDE = 0.02    # per step with lava beside the player
DEATH = 5.0           # any death
LAVA_DEATH = 2.0      # on top of it for lava
STEP = 0.015          # per step
USELESS = 0.03        # for an action that is of no use here
SLEEP = 0.1           # for falling asleep


def diamond_potential(s):
    if s.diamond > 0.5:
        return HAVE
    return STEP_CLOSER * (8.0 - s.diamond_distance) + FACED * s.diamond_faced


def radius(s):
    return float(np.abs(s.position).sum())


def beyond_leash(s):
    return max(0.0, radius(s) - LEASH_RADIUS)


def taken(before, after):
    return max(0.0, after - before) if before < LOW else 0.0


def compute_reward(state, action, next_state, memory):
    dead = next_state.dead > 0.5
    hits = memory.get("hits", 0.0)

    diamond = 0.0
    search = 0.0
    leash = 0.0
    health = 0.0
    fend_off = 0.0
    supply = 0.0
    lava = 0.0
    death = 0.0
    if dead:
        death = -DEATH - LAVA_DEATH * next_state.dead_in_lava
    else:
        diamond = diamond_potential(next_state) - diamond_potential(state)
        gate = (FAR_RADIUS - radius(next_state)) / (FAR_RADIUS - NEAR_RADIUS)
        gate = min(1.0, max(0.0, gate))
        rock = 1.0 if max(next_state.stone_visible, next_state.path_visible) > 0.5 else NO_ROCK
        fresh = min(30.0, max(0.0, next_state.seen_cells - state.seen_cells))
        search = SEEN * fresh * gate * rock
        leash = -LEASH * (beyond_leash(next_state) - beyond_leash(state))
        health = HEALTH * (next_state.health - state.health)
        if state.zombie_faced > 0.5 and action[5] > 0.5 and hits < MAX_HITS:
            fend_off = HIT
            hits = hits + 1.0
        elif next_state.zombie_visible > 0.5 and next_state.zombie_distance < ZOMBIE_REACH and next_state.zombie_faced < 0.5:
            fend_off = -ZOMBIE_NEAR
        supply = SUPPLY * (taken(state.drink, next_state.drink) + taken(state.food, next_state.food))
        beside = 1.0 if next_state.lava_distance < 1.5 else 0.0
        lava = -LAVA_FACED * next_state.lava_faced - LAVA_BESIDE * beside
    memory["hits"] = hits

    useless = float(action[0]) + float(np.sum(action[8:17]))
    time = -STEP - USELESS * useless - SLEEP * float(action[6])

    return {
        "diamond": float(diamond),
        "search": float(search),
        "leash": float(leash),
        "health": float(health),
        "fend_off": float(fend_off),
        "supply": float(supply),
        "lava": float(lava),
        "death": float(death),
        "time": float(time),
    }
