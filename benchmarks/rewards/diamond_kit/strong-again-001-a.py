import numpy as np

TRAVEL = 0.06         # for a new cell in a straight line, while no diamond is in view
TRAVEL_CAP = 3.0      # sum of travel per episode
SHALLOW = 0.33        # factor on TRAVEL while grass is in view: not deep in the mountains
APPROACH = 0.2        # per step nearer to the nearest diamond
FACED = 0.4           # for a diamond on the faced cell
MINE = 15.0           # once, for the diamond
LAVA_NEAR = 0.15      # potential lost beside lava, half at two steps
LAVA_FACED = 0.15     # potential lost by facing lava
SEAL = 0.1            # for a stone put onto lava
SEALS_PAID = 4        # stones on lava paid for per episode
HEALTH = 0.1          # per point of health won or lost
DEATH = 3.0           # once, for dying
DEATH_LAVA = 1.0      # once, more for dying in lava
TIME = 0.004          # per step
SLEEP = 0.02          # per choice of sleep


def diamond_potential(s):
    return APPROACH * (8.0 - s.diamond_distance) + FACED * s.diamond_faced


def lava_potential(s):
    near = max(0.0, 3.0 - max(s.lava_distance, 1.0)) / 2.0
    return -LAVA_NEAR * near - LAVA_FACED * s.lava_faced


def compute_reward(state, action, next_state, memory):
    got = next_state.diamond > state.diamond + 0.5
    mine = 0.0
    if got and not memory.get("mined", False):
        memory["mined"] = True
        mine = MINE

    approach = 0.0 if got else diamond_potential(next_state) - diamond_potential(state)

    travel = 0.0
    paid = memory.get("travel", 0.0)
    if next_state.on_new_cell > 0.5 and next_state.diamond_visible < 0.5:
        led = next_state.position - next_state.recent_positions[7]
        straight = min(float(np.abs(led).sum()) / 8.0, 1.0)
        travel = TRAVEL * straight * (1.0 if next_state.grass_visible < 0.5 else SHALLOW)
        travel = min(travel, TRAVEL_CAP - paid)
        memory["travel"] = paid + travel

    seal = 0.0
    seals = memory.get("seals", 0)
    sealed = action[7] > 0.5 and state.lava_faced > 0.5 and next_state.stone < state.stone - 0.5
    if sealed and seals < SEALS_PAID:
        memory["seals"] = seals + 1
        seal = SEAL

    health = HEALTH * (next_state.health - state.health)
    if next_state.dead > 0.5:
        health = health - DEATH - DEATH_LAVA * next_state.dead_in_lava

    return {
        "travel": float(travel),
        "approach": float(approach),
        "mine": float(mine),
        "lava": float(lava_potential(next_state) - lava_potential(state)),
        "seal": float(seal),
        "health": float(health),
        "time": float(-TIME - (SLEEP if action[6] > 0.5 else 0.0)),
    }
