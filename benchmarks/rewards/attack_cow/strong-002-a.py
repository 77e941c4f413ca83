import numpy as np

W_CELL = 0.1        # a new cell while no cow is in view
W_BLOCK = 0.4       # a new 4x4 block while no cow is in view
W_BACK = 0.03       # on a cell of the last eight steps while no cow is in view
W_SIGHT = 1.0       # first cow in view
W_CLOSER = 0.5      # per step of a new closest distance
W_CHASE = 0.15      # signed change of distance, cow in view before and after
W_FACE = 2.0        # first time a cow is faced
W_REFACE = 0.2      # signed change of facing
W_HITS = (6.0, 10.0, 24.0)
MAX_HITS = 6
W_TIME = 0.02
W_WASTE = 0.03      # noop, sleep, placing, making
W_ASLEEP = 0.05     # while asleep
W_HURT = 0.3        # per point of health lost
W_DEATH = 5.0


def compute_reward(state, action, next_state, memory):
    visible = next_state.cow_visible > 0.5
    hit = bool(action[5] > 0.5 and state.cow_faced > 0.5 and state.sleeping < 0.5)

    cell = 0.0
    block = 0.0
    back = 0.0
    key = (int(np.floor(next_state.position[0] / 4.0)), int(np.floor(next_state.position[1] / 4.0)))   # a 4x4 block
    new_block = not memory.get(key, False)
    memory[key] = True
    if not visible and not hit:
        if next_state.on_new_cell > 0.5:
            cell = W_CELL
            if new_block:
                block = W_BLOCK
        else:
            gaps = np.sum(np.abs(next_state.recent_positions - next_state.position), axis=1)
            if float(np.min(gaps)) < 0.5:
                back = -W_BACK

    sight = 0.0
    if visible and not memory.get("seen", False):
        sight = W_SIGHT
        memory["seen"] = True

    best = memory.get("best", 7.0)
    closer = 0.0
    if visible and next_state.cow_distance < best:
        closer = W_CLOSER * float(best - next_state.cow_distance)
        memory["best"] = float(next_state.cow_distance)

    chase = 0.0
    reface = 0.0
    if not hit:
        if visible and state.cow_visible > 0.5:
            chase = W_CHASE * float(state.cow_distance - next_state.cow_distance)
        reface = W_REFACE * float(next_state.cow_faced - state.cow_faced)

    face = 0.0
    if next_state.cow_faced > 0.5 and not memory.get("faced", False):
        face = W_FACE
        memory["faced"] = True

    hits = memory.get("hits", 0)
    hit_pay = 0.0
    if hit:
        hit_pay = W_HITS[min(hits, 2)] if hits < MAX_HITS else 0.0
        memory["hits"] = hits + 1

    return {
        "new_cell": cell,
        "new_block": block,
        "back": back,
        "sight": sight,
        "closer": closer,
        "chase": chase,
        "face": face,
        "reface": reface,
        "hit": hit_pay,
        "time": -W_TIME,
        "waste": -W_WASTE * (1.0 - float(np.sum(action[1:6]))),
        "asleep": -W_ASLEEP * float(next_state.sleeping),
        "hurt": -W_HURT * max(float(state.health - next_state.health), 0.0),
        "death": -W_DEATH * float(next_state.dead),
    }
