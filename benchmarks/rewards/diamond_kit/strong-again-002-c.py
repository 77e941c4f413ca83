import numpy as np
import math

BLOCK = 4.0           # cells, side of a block of the map
SEARCH = 0.18         # for the first visit to a block, times country and vigour
SEARCH_BLOCKS = 24    # blocks paid for per episode
MEADOW = 0.4          # country factor with grass in view, 1 without
PURSUIT = 1.6         # potential of a diamond beside and ahead
REACHED = 1.5         # once, for facing a diamond
MINED = 15.0          # once, for the diamond
BLOW = 0.25           # for a blow at a faced zombie or skeleton, times vigour
BLOWS_PAID = 10       # blows paid for per episode
HEALTH = 0.2          # per point of health lost or won back
DEATH = 3.5           # once, for dying
BRINK = 0.05          # for a step that ends facing lava
HASTE = 0.004         # per step


def once(memory, name, true_now, amount):
    if true_now and not memory.get(name, False):
        memory[name] = True
        return amount
    return 0.0


def vigour(s):
    return 0.4 + 0.6 * min(max(s.health / 9.0, 0.0), 1.0)


def pursuit_potential(s):
    if s.diamond_visible < 0.5:
        return 0.0
    closeness = min(max((8.0 - s.diamond_distance) / 7.0, 0.0), 1.0)
    cosine = float(np.dot(s.facing, s.diamond_offset)) / (float(np.linalg.norm(s.diamond_offset)) + 1e-6)
    bearing = 0.6 + 0.4 * min(max(cosine, 0.0), 1.0)
    return PURSUIT * closeness * bearing


def compute_reward(state, action, next_state, memory):
    search = 0.0
    key = (math.floor(float(next_state.position[0]) / BLOCK), math.floor(float(next_state.position[1]) / BLOCK))
    blocks = memory.get("blocks", [(0, 0)])
    if key not in blocks:
        if next_state.diamond_visible < 0.5 and len(blocks) <= SEARCH_BLOCKS:
            country = MEADOW if next_state.grass_visible > 0.5 else 1.0
            search = SEARCH * country * vigour(next_state)
        memory["blocks"] = blocks + [key]

    got = next_state.diamond > state.diamond + 0.5
    pursuit = 0.0 if got else pursuit_potential(next_state) - pursuit_potential(state)

    defend = 0.0
    blows = memory.get("blows", 0)
    enemy = state.zombie_faced > 0.5 or state.skeleton_faced > 0.5
    if action[5] > 0.5 and state.sleeping < 0.5 and enemy and blows < BLOWS_PAID:
        memory["blows"] = blows + 1
        defend = BLOW * vigour(next_state)

    harm = HEALTH * (next_state.health - state.health)
    if next_state.lava_faced > 0.5:
        harm = harm - BRINK
    if next_state.dead > 0.5:
        harm = harm - DEATH

    return {
        "search": float(search),
        "pursuit": float(pursuit),
        "reached": float(once(memory, "reached", next_state.diamond_faced > 0.5, REACHED)),
        "mined": float(once(memory, "mined", got, MINED * (0.8 + 0.2 * vigour(next_state)))),
        "defend": float(defend),
        "harm": float(harm),
        "haste": float(-HASTE),
    }
