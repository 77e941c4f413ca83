import numpy as np

W_SEARCH = 0.2      # new cell x no cow in view x health share
W_OUTWARD = 0.15    # new greatest distance from the start x no cow in view x health share
W_SIGHT = 1.5       # first cow in view
W_CLOSER = 0.6      # per step of a new closest distance to a cow
W_CHASE = 0.15      # signed change of distance while in view
W_FACE = 2.0        # first time a cow is faced
W_HITS = (6.0, 10.0, 25.0)    # by hits on the cow at hand
MAX_PAID = 6        # hits paid in an episode
W_TIME = 0.02
W_HUNGER = 0.01     # more time cost, times the share of food lost
W_REPEAT = 0.03     # on a cell of the last eight steps x no cow in view
W_WASTE = 0.02      # actions other than moving and doing
W_HURT = 0.2        # per point of health lost
W_DEATH = 8.0


def compute_reward(state, action, next_state, memory):
    visible = float(next_state.cow_visible)
    hidden = 1.0 - visible
    health = float(np.clip(next_state.health / 9.0, 0.0, 1.0))
    hit = bool(action[5] > 0.5 and state.cow_faced > 0.5 and state.sleeping < 0.5)

    on_cow = memory.get("on_cow", 0)
    paid = memory.get("paid", 0)
    hit_pay = 0.0
    if hit:
        if paid < MAX_PAID:
            hit_pay = W_HITS[min(on_cow, 2)]
        memory["on_cow"] = on_cow + 1
        memory["paid"] = paid + 1
    elif visible < 0.5:
        memory["on_cow"] = 0          # lost that cow: the next one has all its health
    search_on = hidden if not hit else 0.0

    sight = 0.0
    if visible > 0.5 and not memory.get("seen", False):
        sight = W_SIGHT
        memory["seen"] = True

    best = memory.get("best", 7.0)
    closer = 0.0
    if visible > 0.5 and next_state.cow_distance < best:
        closer = W_CLOSER * float(best - next_state.cow_distance)
        memory["best"] = float(next_state.cow_distance)

    chase = 0.0
    if not hit:
        chase = W_CHASE * float(state.cow_visible) * visible * float(state.cow_distance - next_state.cow_distance)

    face = 0.0
    if next_state.cow_faced > 0.5 and not memory.get("faced", False):
        face = W_FACE
        memory["faced"] = True

    reach = float(np.sum(np.abs(next_state.position)))
    far = memory.get("far", 0.0)
    memory["far"] = max(far, reach)
    gaps = np.sum(np.abs(next_state.recent_positions - next_state.position), axis=1)
    repeat = 1.0 if float(np.min(gaps)) < 0.5 else 0.0

    return {
        "search": W_SEARCH * float(next_state.on_new_cell) * search_on * health,
        "outward": W_OUTWARD * float(np.clip(reach - far, 0.0, 1.0)) * search_on * health,
        "sight": sight,
        "closer": closer,
        "chase": chase,
        "face": face,
        "hit": hit_pay,
        "time": -W_TIME - W_HUNGER * (1.0 - float(np.clip(next_state.food / 9.0, 0.0, 1.0))),
        "repeat": -W_REPEAT * repeat * search_on,
        "waste": -W_WASTE * (1.0 - float(np.sum(action[1:6]))),
        "hurt": -W_HURT * max(float(state.health - next_state.health), 0.0),
        "death": -W_DEATH * float(next_state.dead),
    }
