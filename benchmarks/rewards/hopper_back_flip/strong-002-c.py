import numpy as np

W_ROTATE = 10.0     # per rad of new backward rotation, in the air
FOOT_SHARE = 0.4    # of it, on the foot
FALLEN = 0.1        # factor on all pay after a fall
W_JUMP = 20.0       # per m of new highest centre of mass
MAX_JUMP = 0.8      # m
W_STAND = 4.0       # per step, product
W_APPROACH = 1.0    # per step, product without height and foot: coming round with the foot down first
UPRIGHT_SCALE = 0.5 # rad
WIDE_SCALE = 1.2    # rad
OVER_SCALE = 0.3    # m, foot to centre of mass, along x
W_LYING = 0.3
W_EFFORT = 0.005
TWO_PI = 2.0 * np.pi


def compute_reward(state, action, next_state, memory):
    turned = -float(next_state.torso_pitch)
    lying = max(next_state.torso_contact, next_state.thigh_contact, next_state.leg_contact) > 0.5
    free = 0.0 if lying else 1.0
    best = memory.get("best", 0.0)
    fallen = memory.get("fallen", False) or lying
    memory["fallen"] = fallen
    factor = FALLEN if fallen else 1.0
    capped = float(np.clip(turned, 0.0, TWO_PI))
    new = max(capped - best, 0.0)
    best = max(best, capped)
    memory["best"] = best
    share = FOOT_SHARE if next_state.foot_contact > 0.5 else 1.0

    start = memory.get("start", float(state.center_of_mass_position[2]))
    memory["start"] = start
    top = memory.get("top", 0.0)
    rise = float(np.clip(next_state.center_of_mass_position[2] - start, 0.0, MAX_JUMP))
    memory["top"] = max(top, rise)

    whole = float(np.clip((best - 5.3) / 0.8, 0.0, 1.0))
    late = float(np.clip((best - 4.0) / 1.5, 0.0, 1.0))
    upright = float(np.exp(-((turned - TWO_PI) / UPRIGHT_SCALE) ** 2))
    wide = float(np.exp(-((turned - TWO_PI) / WIDE_SCALE) ** 2))
    tall = float(np.clip((next_state.torso_height - 0.7) / 0.4, 0.0, 1.0))
    below = float(np.clip((next_state.torso_height - next_state.foot_height) / 1.1, 0.0, 1.0))
    off = float(next_state.center_of_mass_position[0] - next_state.foot_position[0])
    over_foot = float(np.exp(-(off / OVER_SCALE) ** 2))
    return {
        "rotate_back": W_ROTATE * factor * share * new,
        "jump_record": W_JUMP * factor * max(rise - top, 0.0),
        "approach": W_APPROACH * factor * late * wide * below * free,
        "stand": W_STAND * factor * whole * upright * tall * (0.4 + 0.6 * over_foot) * free,
        "lying": -W_LYING * (1.0 - free),
        "effort": -W_EFFORT * float(np.mean(np.square(action))),
    }
