import numpy as np

W_TURN = 4.0        # per rad nearer to -2 pi (potential, pays back)
W_AIR = 14.0        # per rad of new backward rotation off the ground
FOOT_SHARE = 0.4    # share of W_AIR while only the foot touches the ground; nothing while lying
W_JUMP = 20.0       # per m of new record height of the centre of mass
MAX_JUMP = 0.8      # m
W_LAND = 1.0        # per step: whole flip, upright, off the belly
LAND_SCALE = 0.5    # rad
W_LYING = 0.4       # per step with torso, thigh or leg on the ground
W_EFFORT = 0.005
TWO_PI = 2.0 * np.pi


def _turn(s):
    return -abs(float(s.torso_pitch) + TWO_PI)


def compute_reward(state, action, next_state, memory):
    lying = max(next_state.torso_contact, next_state.thigh_contact, next_state.leg_contact) > 0.5
    in_air = (not lying) and next_state.foot_contact < 0.5

    start = memory.get("start", float(state.center_of_mass_position[2]))
    memory["start"] = start
    top = memory.get("top", 0.0)
    rise = float(np.clip(next_state.center_of_mass_position[2] - start, 0.0, MAX_JUMP))
    memory["top"] = max(top, rise)

    best = memory.get("best", 0.0)
    turned = float(np.clip(-next_state.torso_pitch, 0.0, TWO_PI))
    memory["best"] = max(best, turned)
    share = 0.0 if lying else (1.0 if in_air else FOOT_SHARE)
    air = max(turned - best, 0.0) * share

    upright = float(np.exp(-((next_state.torso_pitch + TWO_PI) / LAND_SCALE) ** 2))
    return {
        "turn_progress": W_TURN * (_turn(next_state) - _turn(state)),
        "air_turn": W_AIR * air,
        "jump_record": W_JUMP * max(rise - top, 0.0),
        "land": W_LAND * upright * (0.0 if lying else 1.0),
        "lying": -W_LYING * (1.0 if lying else 0.0),
        "effort": -W_EFFORT * float(np.mean(np.square(action))),
    }
