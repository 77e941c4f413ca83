import numpy as np

W_EXPLORE = 0.05    # stage 1: a new cell while no cow is in view
W_SIGHT = 1.0       # stage 1 done: first cow in view
W_CLOSER = 0.5      # stage 2: per step of a new closest distance
W_CHASE = 0.15      # stage 2: signed change of distance while a cow is in view before and after
W_FACE = 2.0        # stage 3: first time a cow is faced
W_REFACE = 0.2      # stage 3: signed change of facing afterwards
W_HITS = (6.0, 10.0, 20.0)   # stage 4: first, second, third and later hit
W_TIME = 0.02
W_WASTE = 0.02      # noop, sleep, placing, making
W_DEATH = 4.0


def compute_reward(state, action, next_state, memory):
    seen = memory.get("seen", False)
    best = memory.get("best", 7.0)
    faced = memory.get("faced", False)
    hits = memory.get("hits", 0)

    visible = next_state.cow_visible > 0.5
    sight = 0.0
    if visible and not seen:
        sight = W_SIGHT
        memory["seen"] = True

    closer = 0.0
    if visible and next_state.cow_distance < best:
        closer = W_CLOSER * float(best - next_state.cow_distance)
        memory["best"] = float(next_state.cow_distance)

    hit = bool(action[5] > 0.5 and state.cow_faced > 0.5 and state.sleeping < 0.5)
    chase = 0.0
    reface = 0.0
    if not hit:
        if visible and state.cow_visible > 0.5:
            chase = W_CHASE * float(state.cow_distance - next_state.cow_distance)
        reface = W_REFACE * float(next_state.cow_faced - state.cow_faced)

    face = 0.0
    if next_state.cow_faced > 0.5 and not faced:
        face = W_FACE
        memory["faced"] = True

    hit_pay = 0.0
    if hit:
        hit_pay = W_HITS[min(hits, 2)]
        memory["hits"] = hits + 1

    return {
        "explore": W_EXPLORE if (next_state.on_new_cell > 0.5 and not visible) else 0.0,
        "sight": sight,
        "closer": closer,
        "chase": chase,
        "face": face,
        "reface": reface,
        "hit": hit_pay,
        "time": -W_TIME,
        "waste": -W_WASTE * (1.0 - float(np.sum(action[1:6]))),
        "death": -W_DEATH * float(next_state.dead),
    }
