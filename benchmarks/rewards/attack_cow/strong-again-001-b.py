import numpy as np

EXPLORE = 0.05       # for a new cell while no cow is in view, at the start
EXPLORE_FADE = 60.0  # visited cells over which that fades
APPROACH = 0.1       # per step nearer to the nearest cow
HIT = 2.0            # per hit on a cow
HITS_PAID = 6        # hits paid for per episode
EATEN = 10.0         # once, for the cow killed and eaten


def compute_reward(state, action, next_state, memory):
    hits = memory.get("hits", 0)
    hit = action[5] > 0.5 and state.cow_faced > 0.5 and state.sleeping < 0.5
    if hit:
        hits = hits + 1
        memory["hits"] = hits

    attack = HIT if hit and hits <= HITS_PAID else 0.0
    # with full food a meal cannot show in food: take the faced cow gone after three hits
    full_and_gone = state.food > 8.5 and hits >= 3 and next_state.cow_faced < 0.5
    eaten = hit and (next_state.food > state.food + 0.5 or full_and_gone)
    if eaten and not memory.get("eaten", False):
        memory["eaten"] = True
        attack = attack + EATEN

    explore = 0.0
    if next_state.on_new_cell > 0.5 and next_state.cow_visible < 0.5:
        explore = EXPLORE * np.exp(-next_state.visited_cells / EXPLORE_FADE)

    approach = 0.0 if hit else APPROACH * (state.cow_distance - next_state.cow_distance)

    return {
        "explore": float(explore),
        "approach": float(approach),
        "attack": float(attack),
    }
