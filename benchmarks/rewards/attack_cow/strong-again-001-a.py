import numpy as np

EXPLORE = 0.04        # per new cell while no cow is in view
EXPLORE_CELLS = 60    # new cells paid for per episode
OFF_GRASS = 0.5       # factor on EXPLORE if there is no grass beside the player
APPROACH = 0.15       # per step nearer to the nearest cow
FACED = 0.3           # potential of having a cow on the faced cell
HIT = 1.0             # per hit on a cow
HITS_PAID = 6         # hits paid for per episode
KILL = 10.0           # once, for the cow killed and eaten
HEALTH = 0.1          # per point of health won or lost
DEATH = 3.0           # once, for dying
DEFEND = 0.1          # per hit on a zombie
DEFEND_HITS = 8       # zombie hits paid for per episode
TIME = 0.005          # per step
SLEEP = 0.02          # per choice of sleep


def potential(s):
    return -APPROACH * s.cow_distance + FACED * s.cow_faced


def compute_reward(state, action, next_state, memory):
    acts = action[5] > 0.5 and state.sleeping < 0.5
    hits = memory.get("hits", 0)
    cow_hit = acts and state.cow_faced > 0.5
    if cow_hit:
        hits = hits + 1
        memory["hits"] = hits

    # eaten: food rises, or (food full, cannot rise) the faced cow is gone after three hits
    full_and_gone = state.food > 8.5 and hits >= 3 and next_state.cow_faced < 0.5
    eaten = cow_hit and (next_state.food > state.food + 0.5 or full_and_gone)
    kill = 0.0
    if eaten and not memory.get("eaten", False):
        memory["eaten"] = True
        kill = KILL

    approach = 0.0 if eaten else potential(next_state) - potential(state)

    explore = 0.0
    cells = memory.get("cells", 0)
    if next_state.on_new_cell > 0.5 and next_state.cow_visible < 0.5 and cells < EXPLORE_CELLS:
        memory["cells"] = cells + 1
        explore = EXPLORE * (1.0 if next_state.grass_distance < 1.5 else OFF_GRASS)

    defend = 0.0
    zombie_hits = memory.get("zombie_hits", 0)
    if acts and state.zombie_faced > 0.5 and zombie_hits < DEFEND_HITS:
        memory["zombie_hits"] = zombie_hits + 1
        defend = DEFEND

    health = HEALTH * (next_state.health - state.health)
    if next_state.dead > 0.5:
        health = health - DEATH

    return {
        "explore": float(explore),
        "approach": float(approach),
        "hit": float(HIT if cow_hit and hits <= HITS_PAID else 0.0),
        "kill": float(kill),
        "health": float(health),
        "defend": float(defend),
        "time": float(-TIME - (SLEEP if action[6] > 0.5 else 0.0)),
    }
