import numpy as np
import math

# stage 1: search
SEEN = 0.01            # per cell seen for the first time
NEW_CELL = 0.02        # for walking onto a new cell
HOME_RADIUS = 16.0     # steps from the start within which a diamond is known to lie
HOME_SOFTNESS = 6.0    # cells, how fast interest fades beyond it
FAR_FLOOR = 0.3        # share of the search pay that remains far out
NO_ROCK = 0.5          # share of the search pay with neither stone nor path in view
SEARCH_IN_SIGHT = 0.5  # share of the search pay while a diamond is in view
# stage 2: first sight of a diamond
SIGHT = 1.0            # once per episode
# stage 3: approach
STEP_CLOSER = 0.4      # per step nearer
DIG = 0.03             # for digging out the faced rock
DIG_TOWARD = 0.08      # the same, towards a visible diamond
PLACE = 0.08           # cost of a stone on anything but lava or water
# stage 4: face it
FACED = 0.8            # as a difference
# stage 5: mine it
MINED = 12.0           # once
# at every stage
DEATH = 4.0            # any death
LAVA_DEATH = 3.0       # on top of it for lava
LAVA_BESIDE = 0.03     # per step with lava beside the player
LAVA_FACED = 0.03      # per step facing lava
LAVA_SEALED = 0.05     # for putting a stone onto faced lava
HURT = 0.05            # per health point lost
STEP = 0.01            # per step
USELESS = 0.03         # for an action that is of no use here
SLEEP = 0.1            # for falling asleep


def rock_faced(s):
    return max(s.stone_faced, s.coal_faced, s.iron_faced)


def compute_reward(state, action, next_state, memory):
    dead = next_state.dead > 0.5
    got = max(0.0, next_state.diamond - state.diamond)
    running = (not dead) and got < 0.5

    search = 0.0
    sight = 0.0
    approach = 0.0
    face = 0.0
    safety = 0.0
    found = max(memory.get("found", 0.0), state.diamond_visible)
    if running:
        # stage 1
        radius = float(np.abs(next_state.position).sum())
        beyond = max(0.0, radius - HOME_RADIUS) / HOME_SOFTNESS
        near_home = FAR_FLOOR + (1.0 - FAR_FLOOR) * math.exp(-beyond * beyond)
        rocky = 1.0 if max(next_state.stone_visible, next_state.path_visible) > 0.5 else NO_ROCK
        share = SEARCH_IN_SIGHT if state.diamond_visible > 0.5 else 1.0
        fresh = min(30.0, max(0.0, next_state.seen_cells - state.seen_cells))
        search = near_home * share * (SEEN * fresh * rocky + NEW_CELL * next_state.on_new_cell)
        # stage 2
        if found < 0.5 and next_state.diamond_visible > 0.5:
            sight = SIGHT
        # stages 3 and 4
        approach = STEP_CLOSER * (state.diamond_distance - next_state.diamond_distance)
        face = FACED * (next_state.diamond_faced - state.diamond_faced)
        # lava near by
        beside = 1.0 if next_state.lava_distance < 1.5 else 0.0
        safety = -LAVA_BESIDE * beside - LAVA_FACED * next_state.lava_faced
        if action[7] > 0.5 and state.lava_faced > 0.5 and next_state.stone_faced > 0.5:
            safety += LAVA_SEALED
    memory["found"] = max(found, next_state.diamond_visible)

    # stage 3: rock out of the way
    moved = float(np.abs(next_state.position - state.position).sum())
    dig = 0.0
    if action[5] > 0.5 and moved < 0.5 and rock_faced(state) > 0.5 and rock_faced(next_state) < 0.5:
        toward = float(np.dot(state.facing, state.diamond_offset))
        dig = DIG_TOWARD if (state.diamond_visible > 0.5 and toward > 0.5) else DIG
    if action[7] > 0.5 and max(state.lava_faced, state.water_faced) < 0.5:
        dig = -PLACE

    # stage 5
    mined = MINED * min(1.0, got)

    death = 0.0
    if dead:
        death = -DEATH - LAVA_DEATH * next_state.dead_in_lava
    hurt = -HURT * max(0.0, state.health - next_state.health)
    useless = float(action[0]) + float(np.sum(action[8:17]))
    waste = -STEP - USELESS * useless - SLEEP * float(action[6])

    return {
        "search": float(search),
        "sight": float(sight),
        "approach": float(approach),
        "face": float(face),
        "dig": float(dig),
        "mined": float(mined),
        "safety": float(safety),
        "hurt": float(hurt),
        "death": float(death),
        "waste": float(waste),
    }
