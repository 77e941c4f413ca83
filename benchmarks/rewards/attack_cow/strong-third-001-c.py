import numpy as np

LAND = 0.012          # per cell newly seen, no cow in view
LAND_COW = 0.5        # share of it that stays while a cow is in view
MAX_NEWS = 9.0        # cells one step can show
CLOSE = 0.3           # per step of distance to the cow
FAR = 8.0             # cow_distance when none is in view
CONTACT = 0.6         # for facing the cow
DAMAGE = 2.5          # per hit on a cow
MEAL = 12.0           # once: eaten
HITS_NEEDED = 3.0     # bare-handed hits that kill
TIME = 0.01           # per step
IDLE = 0.03           # per action that cannot help
DITHER = 0.02         # per step that ends on a cell of the last 8 steps, no cow in view
DEATH = 3.0           # once


def phi_cow(s):
    """Potential of where the cow is: 0 = none in view, 2.1 = beside, 2.7 = beside and faced."""
    return CLOSE * (FAR - s.cow_distance) + CONTACT * s.cow_faced


def compute_reward(state, action, next_state, memory):
    awake = state.sleeping < 0.5
    does = action[5] > 0.5
    moves = float(np.sum(action[1:5])) > 0.5
    hit = awake and does and state.cow_faced > 0.5

    hits = memory.get("hits", 0.0) + (1.0 if hit else 0.0)
    memory["hits"] = hits

    ate = next_state.food - state.food > 0.5
    if hit and state.food > 8.5 and hits > HITS_NEEDED - 0.5 and next_state.cow_faced < 0.5:
        ate = True            # food is full and cannot show it

    # progress of the potential, part by part
    news = min(max(next_state.seen_cells - state.seen_cells, 0.0), MAX_NEWS)
    share = LAND_COW if state.cow_visible > 0.5 else 1.0
    land = LAND * share * news

    reach = phi_cow(next_state) - phi_cow(state)
    if ate:
        reach = 0.0           # a dead cow is not a lost one
    elif hit:
        reach = max(reach, -(CLOSE + CONTACT))

    # small costs
    useful = moves or hit or (does and state.zombie_faced > 0.5)
    again = 0.0
    if next_state.cow_visible < 0.5:
        for i in range(8):
            if float(np.sum(np.abs(next_state.position - next_state.recent_positions[i]))) < 0.5:
                again = 1.0

    return {
        "land": float(land),
        "reach": float(reach),
        "damage": DAMAGE if hit else 0.0,
        "meal": MEAL if ate else 0.0,
        "time": -TIME,
        "idle": 0.0 if useful else -IDLE,
        "dither": float(-DITHER * again),
        "death": -DEATH if next_state.dead > 0.5 else 0.0,
    }
