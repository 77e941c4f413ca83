import numpy as np

W_HURT = 0.5        # per point of health lost
W_DEATH = 8.0
W_ZOMBIE = 0.1      # zombie beside and not being hit
W_DEFEND = 0.2      # hit on a zombie
W_LAVA = 0.1        # facing lava
W_DRINK = 0.3       # per point of drink gained when below THIRSTY
THIRSTY = 6.0
W_SLEEP = 0.1       # asleep
W_CELL = 0.15       # a new cell, no cow in view
W_FAR = 0.15        # per cell of new greatest distance from the start, no cow in view
W_STUCK = 0.03      # did not move, no cow in view
W_APPROACH = 0.4    # per step nearer to the nearest cow (8 = none in view)
W_FACE = 0.8        # potential of facing a cow
W_HITS = (8.0, 12.0, 25.0)
MAX_HITS = 6
W_TIME = 0.01


def compute_reward(state, action, next_state, memory):
    awake = state.sleeping < 0.5
    do = bool(action[5] > 0.5 and awake)
    hit = bool(do and state.cow_faced > 0.5)
    defend = bool(do and state.zombie_faced > 0.5 and state.cow_faced < 0.5)

    hits = memory.get("hits", 0)
    hit_pay = 0.0
    if hit:
        hit_pay = W_HITS[min(hits, 2)] if hits < MAX_HITS else 0.0
        memory["hits"] = hits + 1

    approach = 0.0
    face = 0.0
    if not hit:         # the cow that is eaten vanishes: no charge for that
        approach = W_APPROACH * float(state.cow_distance - next_state.cow_distance)
        face = W_FACE * float(next_state.cow_faced - state.cow_faced)

    searching = next_state.cow_visible < 0.5 and not hit
    reach = float(np.sum(np.abs(next_state.position)))
    far = memory.get("far", 0.0)
    memory["far"] = max(far, reach)
    moved = float(np.sum(np.abs(next_state.position - state.position))) > 0.5
    drunk = max(float(next_state.drink - state.drink), 0.0)
    zombie_near = next_state.zombie_visible > 0.5 and next_state.zombie_distance < 1.5

    return {
        "hurt": -W_HURT * max(float(state.health - next_state.health), 0.0),
        "death": -W_DEATH * float(next_state.dead),
        "zombie": -W_ZOMBIE if (zombie_near and not defend and not hit) else 0.0,
        "defend": W_DEFEND if defend else 0.0,
        "lava": -W_LAVA * float(next_state.lava_faced),
        "drink": W_DRINK * drunk if state.drink < THIRSTY else 0.0,
        "asleep": -W_SLEEP * float(next_state.sleeping),
        "new_cell": W_CELL if (searching and next_state.on_new_cell > 0.5) else 0.0,
        "farther": W_FAR * max(reach - far, 0.0) if searching else 0.0,
        "stuck": -W_STUCK if (searching and not moved) else 0.0,
        "approach": approach,
        "face": face,
        "hit": hit_pay,
        "time": -W_TIME,
    }
