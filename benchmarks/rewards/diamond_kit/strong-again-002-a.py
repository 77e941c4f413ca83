import numpy as np
import math

BLOCK = 4.0           # cells, side of a block of the map
SEARCH = 0.15         # for the first visit to a block, while no diamond is in view
SEARCH_BLOCKS = 24    # blocks paid for per episode
MEADOW = 0.4          # factor on SEARCH with grass in view
DIG = 0.01            # for a stone cell opened
DIGS_PAID = 30        # opened cells paid for per episode
SPOTTED = 0.8         # once, for the first diamond in view
BESIDE = 1.0          # once, for coming beside a diamond
FACING = 1.5          # once, for facing a diamond
APPROACH = 0.15       # per step nearer to the nearest diamond
MINED = 15.0          # once, for the diamond
BLOW = 0.15           # for a blow at a faced zombie or skeleton
BLOWS_PAID = 12       # blows paid for per episode
ROUTED = 0.4          # for a blow after which no such creature is within 2 steps
ROUTS_PAID = 3        # of these per episode
HEALTH = 0.2          # per point of health lost or won back
DEATH = 3.5           # once, for dying
BRINK = 0.05          # for a step that ends facing lava
HASTE = 0.004         # per step
SLEEP = 0.02          # per choice of sleep


def once(memory, name, true_now, amount):
    if true_now and not memory.get(name, False):
        memory[name] = True
        return amount
    return 0.0


def compute_reward(state, action, next_state, memory):
    # stage 1: new blocks of the map, stone dug away
    search = 0.0
    key = (math.floor(float(next_state.position[0]) / BLOCK), math.floor(float(next_state.position[1]) / BLOCK))
    blocks = memory.get("blocks", [(0, 0)])
    if key not in blocks:
        if next_state.diamond_visible < 0.5 and len(blocks) <= SEARCH_BLOCKS:
            search = SEARCH * (MEADOW if next_state.grass_visible > 0.5 else 1.0)
        memory["blocks"] = blocks + [key]

    acts = action[5] > 0.5 and state.sleeping < 0.5
    dig = 0.0
    digs = memory.get("digs", 0)
    if acts and state.stone_faced > 0.5 and next_state.stone_faced < 0.5 and digs < DIGS_PAID:
        memory["digs"] = digs + 1
        dig = DIG

    # self-defence
    defend = 0.0
    if acts and (state.zombie_faced > 0.5 or state.skeleton_faced > 0.5):
        blows = memory.get("blows", 0)
        if blows < BLOWS_PAID:
            memory["blows"] = blows + 1
            defend = BLOW
        routs = memory.get("routs", 0)
        if min(next_state.zombie_distance, next_state.skeleton_distance) > 2.5 and routs < ROUTS_PAID:
            memory["routs"] = routs + 1
            defend = defend + ROUTED

    # stages 2 to 4
    got = next_state.diamond > state.diamond + 0.5
    approach = 0.0 if got else APPROACH * (state.diamond_distance - next_state.diamond_distance)
    beside = next_state.diamond_visible > 0.5 and next_state.diamond_distance < 1.5

    health = HEALTH * (next_state.health - state.health)
    if next_state.lava_faced > 0.5:
        health = health - BRINK
    if next_state.dead > 0.5:
        health = health - DEATH

    return {
        "search": float(search),
        "dig": float(dig),
        "defend": float(defend),
        "spotted": float(once(memory, "spotted", next_state.diamond_visible > 0.5, SPOTTED)),
        "approach": float(approach),
        "beside": float(once(memory, "beside", beside, BESIDE)),
        "facing": float(once(memory, "facing", next_state.diamond_faced > 0.5, FACING)),
        "mined": float(once(memory, "mined", got, MINED)),
        "health": float(health),
        "haste": float(-HASTE - (SLEEP if action[6] > 0.5 else 0.0)),
    }
