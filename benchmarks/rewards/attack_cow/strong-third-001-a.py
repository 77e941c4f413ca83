import numpy as np

SEARCH = 0.10        # per step that shows a full new row or column, while no cow is in view
ROW = 8.0            # cells that a step into unknown land shows (7 to 9)
NEW_CELL = 0.02      # per cell walked on for the first time
APPROACH = 0.25      # per step nearer to the cow
FACING = 0.5         # for having turned to the cow (given back when turning off)
HIT = 2.0            # per hit on a cow
EATEN = 12.0         # once, at the end
HITS_NEEDED = 3.0    # damage that kills a cow
TIME = 0.01          # per step
WASTE = 0.03         # per action that cannot help
BUMP = 0.02          # per move that goes nowhere
DEATH = 3.0          # once


def damage_of(state):
    damage = 1.0
    if state.wood_sword > 0.5:
        damage = 2.0
    if state.stone_sword > 0.5:
        damage = 3.0
    if state.iron_sword > 0.5:
        damage = 5.0
    return damage


def compute_reward(state, action, next_state, memory):
    awake = state.sleeping < 0.5
    does = action[5] > 0.5
    moves = float(np.sum(action[1:5])) > 0.5
    hit = awake and does and state.cow_faced > 0.5

    # damage dealt so far, to know the killing hit while food is still full
    dealt = memory.get("dealt", 0.0)
    if hit:
        dealt = dealt + damage_of(state)
    memory["dealt"] = dealt

    food_rose = next_state.food - state.food > 0.5
    killed_when_full = (hit and state.food > 8.5 and dealt > HITS_NEEDED - 0.5
                        and next_state.cow_faced < 0.5)
    eaten = food_rose or killed_when_full

    # 1. search: newly seen cells, while no cow is in view
    news = max(next_state.seen_cells - state.seen_cells, 0.0)
    searching = 1.0 if (state.cow_visible < 0.5) else 0.0
    search = SEARCH * searching * min(news / ROW, 1.0)
    new_cell = NEW_CELL * (1.0 if next_state.on_new_cell > 0.5 else 0.0)

    # 2. approach and 3. facing: differences of potentials; a hit step takes nothing away
    nearer = state.cow_distance - next_state.cow_distance
    turned = next_state.cow_faced - state.cow_faced
    if hit:
        nearer = max(nearer, -1.0)      # the cow may step off; a dead one is not a loss
        if eaten:
            nearer = 0.0
            turned = 0.0
    approach = APPROACH * nearer
    facing = FACING * turned

    # small costs
    stayed = float(np.sum(np.abs(next_state.position - state.position))) < 0.5
    useful = moves or hit or (does and state.zombie_faced > 0.5)
    waste = -TIME - (0.0 if useful else WASTE)
    bump = -BUMP if (moves and stayed and next_state.cow_faced < 0.5) else 0.0

    return {
        "search": float(search),
        "new_cell": float(new_cell),
        "approach": float(approach),
        "facing": float(facing),
        "hit": HIT if hit else 0.0,
        "eaten": EATEN if eaten else 0.0,
        "waste": float(waste),
        "bump": float(bump),
        "death": -DEATH if next_state.dead > 0.5 else 0.0,
    }
