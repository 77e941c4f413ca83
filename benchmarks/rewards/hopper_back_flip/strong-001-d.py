import numpy as np

W_PUSH = 0.15       # stage 1: per m/s of upward speed
W_SPIN = 0.2        # stage 2: per rad/s backward while not lying, until the flip is whole
SPIN_CAP = 10.0     # rad/s
FOOT_SHARE = 0.5    # stage 2: share while the foot is on the ground
MILESTONES = (10.0, 20.0, 30.0, 60.0)   # stage 3: quarters of the flip
LYING_SHARE = 0.2   # stage 3: share if reached while lying
W_LAND = 2.0        # stage 4
LAND_SCALE = 0.5    # rad
SLOW_SCALE = 5.0    # rad/s
W_LYING = 0.3
W_EFFORT = 0.005
TWO_PI = 2.0 * np.pi


def compute_reward(state, action, next_state, memory):
    turned = -float(next_state.torso_pitch)
    lying = max(next_state.torso_contact, next_state.thigh_contact, next_state.leg_contact) > 0.5
    on_foot = next_state.foot_contact > 0.5
    passed = memory.get("passed", 0)

    push = 0.0
    if passed < 2:
        push = W_PUSH * float(np.clip(next_state.center_of_mass_velocity[2], 0.0, 4.0))

    spin = 0.0
    if passed < 4:
        spin = W_SPIN * float(np.clip(-next_state.torso_pitch_velocity, -SPIN_CAP, SPIN_CAP))
        if lying:
            spin = min(spin, 0.0)
        elif on_foot:
            spin *= FOOT_SHARE if spin > 0.0 else 1.0

    milestone = 0.0
    for i in range(4):
        if i == passed and turned > (i + 1) * 0.25 * TWO_PI - 0.1:
            milestone += MILESTONES[i] * (LYING_SHARE if lying else 1.0)
            passed = i + 1
    memory["passed"] = passed

    land = 0.0
    if passed >= 4:
        upright = float(np.exp(-((turned - TWO_PI) / LAND_SCALE) ** 2))
        slow = float(np.exp(-(next_state.torso_pitch_velocity / SLOW_SCALE) ** 2))
        tall = float(np.clip((next_state.torso_height - 0.5) / 0.6, 0.0, 1.0))
        land = W_LAND * upright * (0.4 + 0.3 * slow + 0.3 * tall)

    return {
        "push_off": push,
        "spin_back": spin,
        "milestone": milestone,
        "land": land,
        "lying": -W_LYING * (1.0 if lying else 0.0),
        "effort": -W_EFFORT * float(np.mean(np.square(action))),
    }
