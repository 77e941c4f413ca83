import numpy as np

NEED = 2.0
W_CLOSER = 0.1       # per step nearer to a tree than ever before for this piece of wood
W_FACE = 0.3         # first time a tree is faced, for this piece of wood
W_WOOD_1 = 1.0
W_WOOD_2 = 3.0
W_FREE = 1.0         # first time a free cell is faced with 2 wood
W_TABLE = 20.0
W_NEW = 0.02         # new cells while no tree is in view
W_TIME = 0.01
W_DEATH = 2.0


def compute_reward(state, action, next_state, memory) -> dict[str, float]:
    placed = float(action[8] > 0.5 and state.wood - next_state.wood > 1.5)
    best_wood = memory.get("best_wood", 0.0)
    short = best_wood < NEED

    closest = memory.get("closest", float(state.tree_distance))
    closer = 0.0
    face = 0.0
    if short:
        closer = max(closest - float(next_state.tree_distance), 0.0)
        memory["closest"] = min(closest, float(next_state.tree_distance))
        if next_state.tree_faced > 0.5 and memory.get("faced", -1.0) < best_wood:
            face = 1.0
            memory["faced"] = best_wood

    wood = 0.0
    if next_state.wood > best_wood:
        if best_wood < 1.0:
            wood += W_WOOD_1
        if best_wood < NEED and next_state.wood >= NEED:
            wood += W_WOOD_2
        memory["best_wood"] = float(next_state.wood)

    free = 0.0
    if next_state.wood >= NEED and memory.get("free", 0.0) < 0.5:
        if max(next_state.grass_faced, next_state.sand_faced, next_state.path_faced) > 0.5:
            free = 1.0
            memory["free"] = 1.0

    search = float(short) * next_state.on_new_cell * (1.0 - next_state.tree_visible)
    return {
        "closer_to_tree": W_CLOSER * closer,
        "face_tree": W_FACE * face,
        "wood": wood,
        "face_free_cell": W_FREE * free,
        "table_placed": W_TABLE * placed,
        "search": W_NEW * search,
        "time": -W_TIME,
        "death": -W_DEATH * next_state.dead,
    }
