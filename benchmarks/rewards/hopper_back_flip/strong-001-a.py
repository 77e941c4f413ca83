import numpy as np

W_ROTATE = 10.0      # per rad of new backward rotation in the air
GROUND_SHARE = 0.4   # share of that while the foot stands (take-off needs it)
LYING_SHARE = 0.05   # share while torso, thigh or leg touch the ground
W_JUMP = 0.15        # per m/s of upward speed of the centre of mass, before half the flip
W_HIGH = 0.3         # centre of mass above its start, per step, saturating
HIGH_SCALE = 0.3     # m
W_LAND = 1.0         # per step upright after the flip
LAND_SCALE = 0.6     # rad from -2 pi
W_LYING = 0.3        # per step with torso, thigh or leg on the ground
W_EFFORT = 0.005
TWO_PI = 2.0 * np.pi


def compute_reward(state, action, next_state, memory):
    turned = -float(next_state.torso_pitch)            # + = backward
    best = memory.get("best", 0.0)
    new = max(min(turned, TWO_PI) - best, 0.0)
    memory["best"] = max(best, min(turned, TWO_PI))
    com0 = memory.get("com0", float(state.center_of_mass_position[2]))
    memory["com0"] = com0

    lying = max(next_state.torso_contact, next_state.thigh_contact, next_state.leg_contact) > 0.5
    if lying:
        share = LYING_SHARE
    elif next_state.foot_contact > 0.5:
        share = GROUND_SHARE
    else:
        share = 1.0

    up_speed = float(np.clip(next_state.center_of_mass_velocity[2], 0.0, 5.0))
    early = 1.0 if memory["best"] < np.pi else 0.0
    rise = max(float(next_state.center_of_mass_position[2]) - com0, 0.0)
    done = float(np.clip((memory["best"] - 5.0) / (TWO_PI - 5.0), 0.0, 1.0))
    upright = float(np.exp(-((turned - TWO_PI) / LAND_SCALE) ** 2))
    tall = float(np.clip((next_state.torso_height - 0.5) / 0.6, 0.0, 1.0))
    return {
        "rotate_back": W_ROTATE * share * new,
        "jump": W_JUMP * up_speed * early,
        "high": W_HIGH * float(np.tanh(rise / HIGH_SCALE)) * (0.0 if lying else 1.0) * (1.0 - done),
        "land": W_LAND * done * upright * (0.3 + 0.7 * tall),
        "lying": -W_LYING * (1.0 if lying else 0.0),
        "effort": -W_EFFORT * float(np.mean(np.square(action))),
    }
