import numpy as np

LAND = 0.08            # stage 1: per step that shows a full new row of cells
ROW = 8.0              # cells in such a row (7 to 9)
LAND_WITH_COW = 0.4    # share of stage 1 that stays paid while a cow is in view
SWEEP = 0.03           # stage 1: per step at full net displacement over the last 8 steps
SWEEP_SPAN = 8.0       # steps looked back
CLOSE_IN = 0.35        # stage 2: per step nearer to the cow
FACE = 1.0             # stage 3: for facing the cow
HIT_1 = 2.0            # stage 4: first hit
HIT_2 = 3.0            # second
HIT_3 = 4.0            # third and later
EATEN = 12.0           # stage 5: once
TIME = 0.01            # per step
WASTE = 0.03           # per action that cannot help
DEATH = 3.0            # once


def compute_reward(state, action, next_state, memory):
    awake = state.sleeping < 0.5
    does = action[5] > 0.5
    moves = float(np.sum(action[1:5])) > 0.5
    hit = awake and does and state.cow_faced > 0.5

    hits = memory.get("hits", 0.0) + (1.0 if hit else 0.0)
    memory["hits"] = hits

    eaten = next_state.food - state.food > 0.5
    if hit and state.food > 8.5 and hits > 2.5 and next_state.cow_faced < 0.5:
        eaten = True           # food is full and cannot show the meal

    # stage 1: search
    news = max(next_state.seen_cells - state.seen_cells, 0.0)
    share = LAND_WITH_COW if state.cow_visible > 0.5 else 1.0
    land = LAND * share * min(news / ROW, 1.0)

    sweep = 0.0
    if state.cow_visible < 0.5 and next_state.on_new_cell > 0.5:
        away = float(np.sum(np.abs(next_state.position - next_state.recent_positions[7])))
        sweep = SWEEP * min(away / SWEEP_SPAN, 1.0)

    # stages 2 and 3: signed differences
    nearer = state.cow_distance - next_state.cow_distance
    turned = next_state.cow_faced - state.cow_faced
    if eaten:
        nearer = 0.0           # a dead cow is not a lost one
        turned = 0.0
    elif hit:
        nearer = max(nearer, -1.0)

    # stage 4: hits
    strike = 0.0
    if hit:
        strike = HIT_1 if hits < 1.5 else (HIT_2 if hits < 2.5 else HIT_3)

    useful = moves or hit or (does and state.zombie_faced > 0.5)

    return {
        "land": float(land),
        "sweep": float(sweep),
        "close_in": float(CLOSE_IN * nearer),
        "face": float(FACE * turned),
        "strike": float(strike),
        "eaten": EATEN if eaten else 0.0,
        "costs": -TIME - (0.0 if useful else WASTE),
        "death": -DEATH if next_state.dead > 0.5 else 0.0,
    }
