import numpy as np
import math

MINED = 10.0           # once, for the diamond
STEP_CLOSER = 0.3      # per step nearer to the visible diamond
FACED = 0.4            # for facing the diamond (potential)
SEEN = 0.01            # per cell seen for the first time
NEW_CELL = 0.02        # for walking onto a new cell
HOME_RADIUS = 16.0     # steps from the start within which a diamond is known to lie
HOME_SOFTNESS = 6.0    # cells, how fast interest fades beyond that radius
FAR_FLOOR = 0.3        # share of the exploration pay that remains far out
NO_ROCK = 0.4          # share of the exploration pay where neither stone nor path is in view
DIG = 0.03             # for digging out the faced rock
DIG_TOWARD = 0.06      # the same, towards a visible diamond
PLACE = 0.06           # cost of placing a stone on anything but lava or water
DEATH = 4.0            # any death
LAVA_DEATH = 2.0       # on top of it for lava
LAVA_BESIDE = 0.03     # per step with lava beside the player
LAVA_FACED = 0.03      # per step facing lava
HURT = 0.05            # per health point lost
STEP = 0.01            # per step
USELESS = 0.03         # for an action that is of no use here
SLEEP = 0.1            # for falling asleep


def diamond_potential(s):
    return STEP_CLOSER * (8.0 - s.diamond_distance) + FACED * s.diamond_faced


def rock_faced(s):
    return max(s.stone_faced, s.coal_faced, s.iron_faced)


def compute_reward(state, action, next_state):
    dead = next_state.dead > 0.5
    got = max(0.0, next_state.diamond - state.diamond)
    running = (not dead) and got < 0.5

    # once: the diamond
    mined = MINED * min(1.0, got)

    # difference of potentials; switched off on the last step, where the diamond leaves the view
    approach = 0.0
    if running:
        approach = diamond_potential(next_state) - diamond_potential(state)

    # newly seen cells, mostly in the mountains and within reach of the known diamond
    radius = float(np.abs(next_state.position).sum())
    beyond = max(0.0, radius - HOME_RADIUS) / HOME_SOFTNESS
    near_home = FAR_FLOOR + (1.0 - FAR_FLOOR) * math.exp(-beyond * beyond)
    rocky = 1.0 if max(next_state.stone_visible, next_state.path_visible) > 0.5 else NO_ROCK
    searching = 0.5 if state.diamond_visible > 0.5 else 1.0
    fresh = min(30.0, max(0.0, next_state.seen_cells - state.seen_cells))
    explore = 0.0
    new_cell = 0.0
    if running:
        explore = SEEN * fresh * near_home * rocky * searching
        new_cell = NEW_CELL * next_state.on_new_cell * near_home

    # digging through rock; placing and digging again earns nothing
    moved = float(np.abs(next_state.position - state.position).sum())
    dig = 0.0
    if action[5] > 0.5 and moved < 0.5 and rock_faced(state) > 0.5 and rock_faced(next_state) < 0.5:
        toward = float(np.dot(state.facing, state.diamond_offset))
        dig = DIG_TOWARD if (state.diamond_visible > 0.5 and toward > 0.5) else DIG
    if action[7] > 0.5 and max(state.lava_faced, state.water_faced) < 0.5:
        dig = -PLACE

    death = 0.0
    if dead:
        death = -DEATH - LAVA_DEATH * next_state.dead_in_lava

    lava_near = 0.0
    if running:
        beside = 1.0 if next_state.lava_distance < 1.5 else 0.0
        lava_near = -LAVA_BESIDE * beside - LAVA_FACED * next_state.lava_faced

    hurt = -HURT * max(0.0, state.health - next_state.health)

    useless = float(action[0]) + float(np.sum(action[8:17]))
    waste = -STEP - USELESS * useless - SLEEP * float(action[6])

    return {
        "mined": float(mined),
        "approach": float(approach),
        "explore": float(explore),
        "new_cell": float(new_cell),
        "dig": float(dig),
        "death": float(death),
        "lava_near": float(lava_near),
        "hurt": float(hurt),
        "waste": float(waste),
    }
