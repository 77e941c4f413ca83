import numpy as np
import math

BLOCK = 4.0           # cells, side of a block of the map
SEARCH = 0.15         # for the first visit to a block, while no diamond is in view
SEARCH_BLOCKS = 24    # blocks paid for per episode
DIG = 0.02            # for a stone cell opened
DIGS_PAID = 40        # opened cells paid for per episode
SPOTTED = 0.8         # once, for the first diamond in view
BESIDE = 1.0          # once, for coming beside a diamond
FACING = 1.5          # once, for facing a diamond
APPROACH = 0.15       # per step nearer to the nearest diamond
MINED = 15.0          # once, for the diamond
HARM = 0.1            # per point of health lost
DEATH = 3.0           # once, for dying
BRINK = 0.05          # for a step that ends facing lava
HASTE = 0.004         # per step


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
            search = SEARCH
        memory["blocks"] = blocks + [key]

    dig = 0.0
    digs = memory.get("digs", 0)
    opened = action[5] > 0.5 and state.stone_faced > 0.5 and next_state.stone_faced < 0.5
    if opened and digs < DIGS_PAID:
        memory["digs"] = digs + 1
        dig = DIG

    # stages 2 to 4
    got = next_state.diamond > state.diamond + 0.5
    approach = 0.0 if got else APPROACH * (state.diamond_distance - next_state.diamond_distance)
    beside = next_state.diamond_visible > 0.5 and next_state.diamond_distance < 1.5

    harm = -HARM * max(state.health - next_state.health, 0.0)
    if next_state.lava_faced > 0.5:
        harm = harm - BRINK
    if next_state.dead > 0.5:
        harm = harm - DEATH

    return {
        "search": float(search),
        "dig": float(dig),
        "spotted": float(once(memory, "spotted", next_state.diamond_visible > 0.5, SPOTTED)),
        "approach": float(approach),
        "beside": float(once(memory, "beside", beside, BESIDE)),
        "facing": float(once(memory, "facing", next_state.diamond_faced > 0.5, FACING)),
        "mined": float(once(memory, "mined", got, MINED)),
        "harm": float(harm),
        "haste": float(-HASTE),
    }
