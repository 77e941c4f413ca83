import numpy as np
import math

BLOCK = 4.0            # cells, side of a block of the map
SEARCH = 0.15          # for the first visit to a block, while no cow is in view
SEARCH_BLOCKS = 20     # blocks paid for per episode
SPOTTED = 0.5          # once, for the first cow in view
BESIDE = 0.7           # once, for coming beside a cow
FACING = 1.0           # once, for facing a cow
APPROACH = 0.12        # per step nearer to the nearest cow
STRIKES = (1.5, 2.0, 2.5, 0.5, 0.5, 0.5)   # for the first, second, ... hit on a cow
EATEN = 12.0           # once, for the cow killed and eaten
HARM = 0.1             # per point of health lost
DEATH = 2.0            # once, for dying
HASTE = 0.004          # per step


def once(memory, name, true_now, amount):
    if true_now and not memory.get(name, False):
        memory[name] = True
        return amount
    return 0.0


def compute_reward(state, action, next_state, memory):
    # stage 1: new blocks of the map
    search = 0.0
    key = (math.floor(float(next_state.position[0]) / BLOCK), math.floor(float(next_state.position[1]) / BLOCK))
    blocks = memory.get("blocks", [(0, 0)])
    if key not in blocks:
        if next_state.cow_visible < 0.5 and len(blocks) <= SEARCH_BLOCKS:
            search = SEARCH
        memory["blocks"] = blocks + [key]

    # stage 4 and 5: hits and the kill
    hits = memory.get("hits", 0)
    strike = 0.0
    hit = action[5] > 0.5 and state.cow_faced > 0.5 and state.sleeping < 0.5
    if hit:
        strike = STRIKES[hits] if hits < len(STRIKES) else 0.0
        hits = hits + 1
        memory["hits"] = hits
    # with full food a meal cannot show in food: take the faced cow gone after three hits
    full_and_gone = state.food > 8.5 and hits >= 3 and next_state.cow_faced < 0.5
    killed = hit and (next_state.food > state.food + 0.5 or full_and_gone)

    approach = 0.0 if killed else APPROACH * (state.cow_distance - next_state.cow_distance)
    harm = -HARM * max(state.health - next_state.health, 0.0)
    if next_state.dead > 0.5:
        harm = harm - DEATH

    return {
        "search": float(search),
        "spotted": float(once(memory, "spotted", next_state.cow_visible > 0.5, SPOTTED)),
        "approach": float(approach),
        "beside": float(once(memory, "beside", next_state.cow_visible > 0.5 and next_state.cow_distance < 1.5, BESIDE)),
        "facing": float(once(memory, "facing", next_state.cow_faced > 0.5, FACING)),
        "strike": float(strike),
        "eaten": float(once(memory, "eaten", killed, EATEN)),
        "harm": float(harm),
        "haste": float(-HASTE),
    }
