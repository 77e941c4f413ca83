import numpy as np

W_ROTATE = 10.0     # per rad of new backward rotation in the air
FOOT_SHARE = 0.4    # share while the foot stands
FALLEN_SHARE = 0.1  # share after a fall
W_JUMP = 30.0       # per m of new highest centre of mass
MAX_JUMP = 0.8      # m
W_PREPARE = 0.6     # per step, legs under the body from PREPARE_FROM on
PREPARE_FROM = 4.2  # rad
W_STAND = 3.0       # per step stood after the turn
STAND_GROWTH = 62.0 # steps after which a step stood pays double
STAND_SCALE = 0.5   # rad
W_LYING = 0.3
W_EFFORT = 0.005
TWO_PI = 2.0 * np.pi


def compute_reward(state, action, next_state, memory):
    turned = -float(next_state.torso_pitch)
    lying = max(next_state.torso_contact, next_state.thigh_contact, next_state.leg_contact) > 0.5
    best = memory.get("best", 0.0)
    capped = float(np.clip(turned, 0.0, TWO_PI))
    fallen = memory.get("fallen", False) or (lying and best < TWO_PI - 0.3)
    memory["fallen"] = fallen
    share = FALLEN_SHARE if fallen else (FOOT_SHARE if next_state.foot_contact > 0.5 else 1.0)
    new = max(capped - best, 0.0)
    memory["best"] = max(best, capped)

    start = memory.get("start", float(state.center_of_mass_position[2]))
    memory["start"] = start
    top = memory.get("top", 0.0)
    rise = float(np.clip(next_state.center_of_mass_position[2] - start, 0.0, MAX_JUMP))
    memory["top"] = max(top, rise)

    gap = float(np.clip((next_state.torso_height - next_state.foot_height) / 1.2, 0.0, 1.0))   # 1 = foot well below the torso
    upright = float(np.exp(-((turned - TWO_PI) / STAND_SCALE) ** 2))
    tall = float(np.clip((next_state.torso_height - 0.7) / 0.4, 0.0, 1.0))
    prepare = 0.0
    if memory["best"] > PREPARE_FROM and not lying:
        stage = float(np.clip((memory["best"] - PREPARE_FROM) / 1.5, 0.0, 1.0))
        near = float(np.exp(-((turned - TWO_PI) / 1.5) ** 2))
        prepare = W_PREPARE * stage * near * gap * (0.2 if fallen else 1.0)

    stand = 0.0
    count = memory.get("count", 0)
    if memory["best"] > TWO_PI - 0.5 and not lying and tall > 0.0:
        quality = upright * tall * (1.0 if next_state.foot_contact > 0.5 else 0.5)
        stand = W_STAND * quality * (1.0 + min(count / STAND_GROWTH, 1.0)) * (0.2 if fallen else 1.0)
        count = count + 1
    else:
        count = 0
    memory["count"] = count

    return {
        "rotate_back": W_ROTATE * share * new,
        "jump_record": W_JUMP * max(rise - top, 0.0),
        "prepare": prepare,
        "stand": stand,
        "lying": -W_LYING * (1.0 if lying else 0.0),
        "effort": -W_EFFORT * float(np.mean(np.square(action))),
    }
