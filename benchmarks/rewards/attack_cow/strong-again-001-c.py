import numpy as np

SEARCH = 0.3                       # times the root of the number of visited cells
REACH = 0.2                        # per step nearer to the nearest cow
FACED = 0.5                        # for a cow on the faced cell
DAMAGE = (0.0, 1.0, 2.5, 4.5)      # potential after 0, 1, 2, 3 and more hits
EATEN = 10.0                       # once, for the cow killed and eaten
HEALTH = 0.15                      # per point of health
DEATH = 2.0                        # once, for dying


def search_potential(s):
    return SEARCH * np.sqrt(max(s.visited_cells, 1.0))


def reach_potential(s):
    return REACH * (8.0 - s.cow_distance) + FACED * s.cow_faced


def compute_reward(state, action, next_state, memory):
    before = memory.get("hits", 0)
    hit = action[5] > 0.5 and state.cow_faced > 0.5 and state.sleeping < 0.5
    after = before + 1 if hit else before
    memory["hits"] = after

    # with full food a meal cannot show in food: take the faced cow gone after three hits
    full_and_gone = state.food > 8.5 and after >= 3 and next_state.cow_faced < 0.5
    killed = hit and (next_state.food > state.food + 0.5 or full_and_gone)
    eaten = 0.0
    if killed and not memory.get("eaten", False):
        memory["eaten"] = True
        eaten = EATEN

    reach = 0.0 if killed else reach_potential(next_state) - reach_potential(state)
    health = HEALTH * (next_state.health - state.health)
    if next_state.dead > 0.5:
        health = health - DEATH

    return {
        "search": float(search_potential(next_state) - search_potential(state)),
        "reach": float(reach),
        "damage": float(DAMAGE[min(after, 3)] - DAMAGE[min(before, 3)]),
        "eaten": float(eaten),
        "health": float(health),
    }
