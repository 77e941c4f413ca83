import numpy as np
import math

BLOCK = 4.0           # cells, side of a block of the map
SEARCH = 0.15         # for the first visit to a block, while no diamond is in view
SEARCH_BLOCKS = 24    # blocks paid for per episode
MEADOW = 0.4          # factor on SEARCH with grass in view
SPOTTED = 0.8         # once, for the first diamond in view
BESIDE = 1.0          # once, for coming beside a diamond
FACING = 1.5          # once, for facing a diamond
APPROACH = 0.15       # per step nearer to the nearest diamond
MINED = 15.0          # once, for the diamond
BLOW = 0.2            # for a blow at a faced zombie or skeleton
BLOWS_PAID = 12       # blows paid for per episode
EXPOSED = 0.1         # potential lost with a zombie beside that is not faced
WEAK = 4.5            # health below which getting away is paid
FLEE = 0.05           # per step of distance from the nearest zombie, up to 5
FLEE_CAP = 1.0        # sum of flee per episode
UPKEEP = 0.15         # per point of drink or food won, times the share missing
UPKEEP_CAP = 1.0      # sum of upkeep per episode
HEALTH = 0.2          # per point of health lost or won back
DEATH = 4.0           # once, for dying
LAVA_FACED = 0.1      # potential lost by facing lava
BRINK = 0.03          # for a step that ends facing lava
HASTE = 0.004         # per step


def once(memory, name, true_now, amount):
    if true_now and not memory.get(name, False):
        memory[name] = True
        return amount
    return 0.0


def exposed(s):
    return EXPOSED if s.zombie_distance < 1.5 and s.zombie_faced < 0.5 else 0.0


def compute_reward(state, action, next_state, memory):
    # survival: fight, get away, eat and drink, keep off lava
    guard = exposed(state) - exposed(next_state)
    blows = memory.get("blows", 0)
    enemy = state.zombie_faced > 0.5 or state.skeleton_faced > 0.5
    if action[5] > 0.5 and state.sleeping < 0.5 and enemy and blows < BLOWS_PAID:
        memory["blows"] = blows + 1
        guard = guard + BLOW

    flee = 0.0
    if state.health < WEAK and state.zombie_visible > 0.5:
        fled = memory.get("fled", 0.0)
        flee = FLEE * (min(next_state.zombie_distance, 5.0) - min(state.zombie_distance, 5.0))
        flee = min(flee, FLEE_CAP - fled)
        memory["fled"] = fled + flee

    kept = memory.get("kept", 0.0)
    upkeep = UPKEEP * max(next_state.drink - state.drink, 0.0) * (9.0 - state.drink) / 9.0
    upkeep = upkeep + UPKEEP * max(next_state.food - state.food, 0.0) * (9.0 - state.food) / 9.0
    upkeep = max(min(upkeep, UPKEEP_CAP - kept), 0.0)
    memory["kept"] = kept + upkeep

    health = HEALTH * (next_state.health - state.health)
    health = health + LAVA_FACED * (state.lava_faced - next_state.lava_faced) - BRINK * next_state.lava_faced
    if next_state.dead > 0.5:
        health = health - DEATH

    # search: new blocks of the map
    search = 0.0
    key = (math.floor(float(next_state.position[0]) / BLOCK), math.floor(float(next_state.position[1]) / BLOCK))
    blocks = memory.get("blocks", [(0, 0)])
    if key not in blocks:
        if next_state.diamond_visible < 0.5 and len(blocks) <= SEARCH_BLOCKS:
            search = SEARCH * (MEADOW if next_state.grass_visible > 0.5 else 1.0)
        memory["blocks"] = blocks + [key]

    # the goal
    got = next_state.diamond > state.diamond + 0.5
    approach = 0.0 if got else APPROACH * (state.diamond_distance - next_state.diamond_distance)
    beside = next_state.diamond_visible > 0.5 and next_state.diamond_distance < 1.5

    return {
        "guard": float(guard),
        "flee": float(flee),
        "upkeep": float(upkeep),
        "health": float(health),
        "search": float(search),
        "spotted": float(once(memory, "spotted", next_state.diamond_visible > 0.5, SPOTTED)),
        "approach": float(approach),
        "beside": float(once(memory, "beside", beside, BESIDE)),
        "facing": float(once(memory, "facing", next_state.diamond_faced > 0.5, FACING)),
        "mined": float(once(memory, "mined", got, MINED)),
        "haste": float(-HASTE),
    }
