import numpy as np
import math

TILE = 3              # cells, side of a tile of the map
SEEN = 0.03           # for a tile whose middle is seen for the first time
SEEN_TILES = 110      # tiles paid for per episode
VIEW_X = 4            # cells seen to the left and right
VIEW_Y = 3            # cells seen up and down
MEADOW = 0.4          # factor on SEEN with grass beside the player
APPROACH = 0.15       # per step nearer to the nearest diamond
IN_LINE = 0.3         # potential of looking straight at a diamond in line
FACED = 0.3           # potential of facing it
TUNNEL = 0.05         # for opening a stone cell towards a diamond in view
TUNNELS_PAID = 10     # of these per episode
DIG = 0.01            # for opening any other stone cell
DIGS_PAID = 30        # of these per episode
SPOTTED = 0.8         # once, for the first diamond in view
BESIDE = 1.0          # once, for coming beside a diamond
FACING = 1.5          # once, for facing a diamond
MINED = 15.0          # once, for the diamond
BLOW = 0.15           # for a blow at a faced zombie or skeleton
BLOWS_PAID = 12       # blows paid for per episode
EXPOSED = 0.08        # potential lost with a zombie beside that is not faced
HEALTH = 0.15         # per point of health lost or won back
DEATH = 3.5           # once, for dying
BRINK = 0.05          # for a step that ends facing lava
HASTE = 0.004         # per step
SLEEP = 0.02          # per choice of sleep


def once(memory, name, true_now, amount):
    if true_now and not memory.get(name, False):
        memory[name] = True
        return amount
    return 0.0


def tiles_in_view(s):
    # tiles whose middle cell is in the view around the player
    x = int(round(float(s.position[0])))
    y = int(round(float(s.position[1])))
    near_x = math.floor(x / TILE)
    near_y = math.floor(y / TILE)
    tiles = [(near_x + i, near_y + j) for i in (-2, -1, 0, 1, 2) for j in (-2, -1, 0, 1, 2)]
    return [t for t in tiles if abs(TILE * t[0] + 1 - x) <= VIEW_X and abs(TILE * t[1] + 1 - y) <= VIEW_Y]


def looks_at(s):
    # 1 if a diamond in view lies straight ahead
    if s.diamond_visible < 0.5:
        return 0.0
    ahead = float(np.dot(s.facing, s.diamond_offset))
    reach = float(np.abs(s.diamond_offset).sum())
    return 1.0 if ahead > 0.5 and abs(ahead - reach) < 0.5 else 0.0


def diamond_potential(s):
    return -APPROACH * s.diamond_distance + IN_LINE * looks_at(s) + FACED * s.diamond_faced


def exposed(s):
    return EXPOSED if s.zombie_distance < 1.5 and s.zombie_faced < 0.5 else 0.0


def compute_reward(state, action, next_state, memory):
    # seeing new country
    if "tiles" not in memory:
        memory["tiles"] = tiles_in_view(state)
        memory["paid"] = 0
    known = memory["tiles"]
    new = [t for t in tiles_in_view(next_state) if t not in known]
    seen = 0.0
    if new:
        memory["tiles"] = known + new
        if next_state.diamond_visible < 0.5:
            count = min(len(new), SEEN_TILES - memory["paid"])
            memory["paid"] = memory["paid"] + count
            seen = SEEN * count * (MEADOW if next_state.grass_distance < 1.5 else 1.0)

    # towards the diamond
    got = next_state.diamond > state.diamond + 0.5
    approach = 0.0 if got else diamond_potential(next_state) - diamond_potential(state)
    beside = next_state.diamond_visible > 0.5 and next_state.diamond_distance < 1.5

    acts = action[5] > 0.5 and state.sleeping < 0.5
    tunnel = 0.0
    if acts and state.stone_faced > 0.5 and next_state.stone_faced < 0.5:
        towards = state.diamond_visible > 0.5 and float(np.dot(state.facing, state.diamond_offset)) > 0.5
        name = "tunnels" if towards else "digs"
        done = memory.get(name, 0)
        if done < (TUNNELS_PAID if towards else DIGS_PAID):
            memory[name] = done + 1
            tunnel = TUNNEL if towards else DIG

    # staying alive
    defend = exposed(state) - exposed(next_state)
    blows = memory.get("blows", 0)
    if acts and (state.zombie_faced > 0.5 or state.skeleton_faced > 0.5) and blows < BLOWS_PAID:
        memory["blows"] = blows + 1
        defend = defend + BLOW
    health = HEALTH * (next_state.health - state.health)
    if next_state.lava_faced > 0.5:
        health = health - BRINK
    if next_state.dead > 0.5:
        health = health - DEATH

    return {
        "seen": float(seen),
        "approach": float(approach),
        "tunnel": float(tunnel),
        "spotted": float(once(memory, "spotted", next_state.diamond_visible > 0.5, SPOTTED)),
        "beside": float(once(memory, "beside", beside, BESIDE)),
        "facing": float(once(memory, "facing", next_state.diamond_faced > 0.5, FACING)),
        "mined": float(once(memory, "mined", got, MINED)),
        "defend": float(defend),
        "health": float(health),
        "haste": float(-HASTE - (SLEEP if action[6] > 0.5 else 0.0)),
    }
