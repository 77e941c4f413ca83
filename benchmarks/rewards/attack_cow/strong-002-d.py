import numpy as np

W_CELL = 0.15       # new cell, no cow in view
W_OUT = 0.1         # new greatest distance from the start, no cow in view
W_BACK = 0.04       # on a cell of the last eight steps, no cow in view
W_BLOCKED = 0.03    # a move that did not change the position, no cow faced after it
W_GRASS = 0.05      # signed change of the distance to grass, no cow in view (cows live on grass)
W_SIGHT = 1.0       # first cow in view
W_NEAR = 0.4        # signed change of the distance to the nearest cow in view
W_ALIGN = 0.2       # signed change of the smaller offset (0 = same row or column)
W_FACE = 0.6        # signed change of facing a cow
W_MISS = 0.1        # a cow was faced and not hit
W_HITS = (6.0, 10.0, 22.0)
MAX_HITS = 6
W_TIME = 0.02
W_WASTE = 0.03      # noop, sleep, placing, making
W_HURT = 0.3
W_DEATH = 5.0


def _misalign(s):
    return float(np.min(np.abs(s.cow_offset)))


def compute_reward(state, action, next_state, memory):
    awake = state.sleeping < 0.5
    hit = bool(action[5] > 0.5 and state.cow_faced > 0.5 and awake)
    seen_now = next_state.cow_visible > 0.5
    seen_before = state.cow_visible > 0.5
    searching = (not seen_now) and (not hit)
    moved = float(np.sum(np.abs(next_state.position - state.position))) > 0.5

    hits = memory.get("hits", 0)
    hit_pay = 0.0
    if hit:
        hit_pay = W_HITS[min(hits, 2)] if hits < MAX_HITS else 0.0
        memory["hits"] = hits + 1

    sight = 0.0
    if seen_now and not memory.get("seen", False):
        sight = W_SIGHT
        memory["seen"] = True

    near = 0.0
    align = 0.0
    face = 0.0
    if not hit:
        if seen_now and seen_before:
            align = W_ALIGN * (_misalign(state) - _misalign(next_state))
        near = W_NEAR * float(state.cow_distance - next_state.cow_distance)
        face = W_FACE * float(next_state.cow_faced - state.cow_faced)

    reach = float(np.sum(np.abs(next_state.position)))
    far = memory.get("far", 0.0)
    memory["far"] = max(far, reach)
    gaps = np.sum(np.abs(next_state.recent_positions - next_state.position), axis=1)
    on_recent = float(np.min(gaps)) < 0.5
    move = float(np.sum(action[1:5])) > 0.5

    return {
        "new_cell": W_CELL * float(next_state.on_new_cell) if searching else 0.0,
        "outward": W_OUT * max(reach - far, 0.0) if searching else 0.0,
        "back": -W_BACK if (searching and on_recent) else 0.0,
        "blocked": -W_BLOCKED if (searching and move and not moved) else 0.0,
        "grass": W_GRASS * float(state.grass_distance - next_state.grass_distance) if (searching and not seen_before) else 0.0,
        "sight": sight,
        "near": near,
        "align": align,
        "face": face,
        "miss": -W_MISS if (state.cow_faced > 0.5 and not hit) else 0.0,
        "hit": hit_pay,
        "time": -W_TIME,
        "waste": -W_WASTE * (1.0 - float(np.sum(action[1:6]))),
        "hurt": -W_HURT * max(float(state.health - next_state.health), 0.0),
        "death": -W_DEATH * float(next_state.dead),
    }
