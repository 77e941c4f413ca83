import numpy as np

W_ROTATE = 10.0
FOOT_SHARE = 0.4
FALLEN = 0.15       # factor after a fall before the turn is whole
W_JUMP = 30.0       # per m of new highest centre of mass
MAX_JUMP = 0.8      # m
W_PUSH = 0.1        # per m/s upward, early phase
W_TUCK = 0.2        # knee bent in the middle phase
TUCK_KNEE = -1.5    # rad
W_UNFOLD = 0.3      # joints straight, late phase
W_BELOW = 0.4       # foot below the torso, late phase
W_BRAKE = 0.2       # slow spin near the end
W_STAND = 4.0
W_STAY = 2.0        # more, for each step stood in a row, up to ROW
ROW = 62.0          # steps = half a second
STAND_SCALE = 0.5   # rad
OVER_SCALE = 0.3    # m
W_LYING = 0.3
W_EFFORT = 0.005
TWO_PI = 2.0 * np.pi


def _bump(x, low, high, soft):
    return float(np.clip((x - low) / soft, 0.0, 1.0) * np.clip((high - x) / soft, 0.0, 1.0))


def compute_reward(state, action, next_state, memory):
    turned = -float(next_state.torso_pitch)
    lying = max(next_state.torso_contact, next_state.thigh_contact, next_state.leg_contact) > 0.5
    foot = next_state.foot_contact > 0.5
    best = memory.get("best", 0.0)
    fallen = memory.get("fallen", False) or (lying and best < TWO_PI - 0.3)
    memory["fallen"] = fallen
    f = FALLEN if fallen else 1.0
    free = 0.0 if lying else 1.0
    capped = float(np.clip(turned, 0.0, TWO_PI))
    new = max(capped - best, 0.0)
    best = max(best, capped)
    memory["best"] = best

    start = memory.get("start", float(state.center_of_mass_position[2]))
    memory["start"] = start
    top = memory.get("top", 0.0)
    rise = float(np.clip(next_state.center_of_mass_position[2] - start, 0.0, MAX_JUMP))
    memory["top"] = max(top, rise)

    early = float(np.clip((0.8 - best) / 0.4, 0.0, 1.0))
    push = float(np.clip(next_state.center_of_mass_velocity[2], 0.0, 4.0)) * early
    tuck = _bump(best, 0.6, 4.2, 0.4) * float(np.exp(-((next_state.leg_angle - TUCK_KNEE) / 0.8) ** 2)) * (0.0 if foot else 1.0)
    late = float(np.clip((best - 4.0) / 1.0, 0.0, 1.0))
    near = float(np.exp(-((turned - TWO_PI) / 1.5) ** 2))
    straight = float(np.exp(-np.sum(np.square(next_state.joint_angles)) / 2.0))
    below = float(np.clip((next_state.torso_height - next_state.foot_height) / 1.2, 0.0, 1.0))
    brake = float(np.exp(-(next_state.torso_pitch_velocity / 4.0) ** 2)) * float(np.clip((best - 5.2) / 0.8, 0.0, 1.0))

    whole = float(np.clip((best - 5.5) / 0.5, 0.0, 1.0))
    upright = float(np.exp(-((turned - TWO_PI) / STAND_SCALE) ** 2))
    tall = float(np.clip((next_state.torso_height - 0.7) / 0.4, 0.0, 1.0))
    off = float(next_state.center_of_mass_position[0] - next_state.foot_position[0])
    over_foot = float(np.exp(-(off / OVER_SCALE) ** 2))
    quality = whole * upright * tall * (0.5 + 0.5 * over_foot) * free
    row = memory.get("row", 0)
    row = row + 1 if quality > 0.1 else 0
    memory["row"] = row

    return {
        "rotate_back": W_ROTATE * f * (FOOT_SHARE if foot else 1.0) * new,
        "jump_record": W_JUMP * f * max(rise - top, 0.0),
        "push": W_PUSH * f * push * free,
        "tuck": W_TUCK * f * tuck * free,
        "unfold": W_UNFOLD * f * late * near * straight * free,
        "foot_below": W_BELOW * f * late * near * below * free,
        "brake": W_BRAKE * f * late * near * brake * below * free,
        "stand": W_STAND * f * quality,
        "stay": W_STAY * f * quality * min(row / ROW, 1.0),
        "lying": -W_LYING * (1.0 - free),
        "effort": -W_EFFORT * float(np.mean(np.square(action))),
    }
