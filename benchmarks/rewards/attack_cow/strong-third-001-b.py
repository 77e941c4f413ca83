import numpy as np

EXPLORE = 0.08              # per step that shows a full new row of cells
ROW = 8.0                   # cells in such a row (7 to 9)
APPROACH = 0.3              # per step nearer to the cow, and for facing it
FIRST_HIT = 2.0             # a hit on a cow: first,
SECOND_HIT = 3.0            # second,
KILLING_HIT = 10.0          # third, which kills and eats it


def gap(s):
    """8 = no cow in view, 1 = beside it, 0 = beside it and faced."""
    return s.cow_distance - s.cow_faced


def compute_reward(state, action, next_state, memory):
    hit = action[5] > 0.5 and state.cow_faced > 0.5 and state.sleeping < 0.5
    hits = memory.get("hits", 0.0) + (1.0 if hit else 0.0)
    memory["hits"] = hits

    attack = 0.0
    if hit:
        attack = FIRST_HIT if hits < 1.5 else (SECOND_HIT if hits < 2.5 else KILLING_HIT)
    if next_state.food - state.food > 0.5 and attack < KILLING_HIT:
        attack = KILLING_HIT        # eaten with fewer hits, by whatever weapon

    nearer = gap(state) - gap(next_state)
    if hit:
        nearer = max(nearer, 0.0)   # the dead cow's leaving the view is no loss

    news = max(next_state.seen_cells - state.seen_cells, 0.0)

    return {
        "explore": float(EXPLORE * min(news / ROW, 1.0)),
        "approach": float(APPROACH * nearer),
        "attack": float(attack),
    }
