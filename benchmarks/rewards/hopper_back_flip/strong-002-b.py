import numpy as np

W_ALIVE = 0.2       # per step without a fall so far
W_FALL = 10.0       # once
W_ROTATE = 15.0     # per rad of new backward rotation
FOOT_SHARE = 0.6    # of it, on the foot
FALLEN_SHARE = 0.05 # of rotation and standing, after a fall
W_JUMP = 25.0       # per m of new highest centre of mass
MAX_JUMP = 0.8      # m
W_LEGS = 0.5        # per step, legs as at the start and under the body, late in the turn
LEGS_SCALE = 1.5    # rad^2, summed over the joints
W_STAND = 4.0
STAND_SCALE = 0.5   # rad
SPIN_SCALE = 6.0    # rad/s
W_EFFORT = 0.003
TWO_PI = 2.0 * np.pi


def compute_reward(state, action, next_state, memory):
    turned = -float(next_state.torso_pitch)
    lying = max(next_state.torso_contact, next_state.thigh_contact, next_state.leg_contact) > 0.5
    was_fallen = memory.get("fallen", False)
    fallen = was_fallen or lying
    memory["fallen"] = fallen
    pay = FALLEN_SHARE if fallen else 1.0

    best = memory.get("best", 0.0)
    capped = float(np.clip(turned, 0.0, TWO_PI))
    new = max(capped - best, 0.0)
    best = max(best, capped)
    memory["best"] = best
    foot = FOOT_SHARE if next_state.foot_contact > 0.5 else 1.0

    start = memory.get("start", float(state.center_of_mass_position[2]))
    memory["start"] = start
    top = memory.get("top", 0.0)
    rise = float(np.clip(next_state.center_of_mass_position[2] - start, 0.0, MAX_JUMP))
    memory["top"] = max(top, rise)

    late = float(np.clip((best - 4.0) / 1.5, 0.0, 1.0))
    straight = float(np.exp(-np.sum(np.square(next_state.joint_angles)) / LEGS_SCALE))
    under = float(np.clip((next_state.torso_height - next_state.foot_height) / 1.2, 0.0, 1.0))
    whole = float(np.clip((best - 5.5) / 0.6, 0.0, 1.0))
    upright = float(np.exp(-((turned - TWO_PI) / STAND_SCALE) ** 2))
    tall = float(np.clip((next_state.torso_height - 0.7) / 0.35, 0.0, 1.0))
    slow = 0.5 + 0.5 * float(np.exp(-(next_state.torso_pitch_velocity / SPIN_SCALE) ** 2))
    return {
        "alive": W_ALIVE * (0.0 if fallen else 1.0),
        "fall": -W_FALL if (fallen and not was_fallen) else 0.0,
        "rotate_back": W_ROTATE * pay * foot * new,
        "jump_record": W_JUMP * pay * max(rise - top, 0.0),
        "legs": W_LEGS * pay * late * (0.5 * straight + 0.5 * under),
        "stand": W_STAND * pay * whole * upright * tall * slow,
        "effort": -W_EFFORT * float(np.mean(np.square(action))),
    }
