import numpy as np

W_SPIN = 0.5        # per rad/s of backward rotation (whole flip: about 390 in sum)
SPIN_CAP = 12.0     # rad/s
W_HEIGHT = 1.0      # per m of centre of mass above HEIGHT_ZERO, a step
HEIGHT_ZERO = 0.7   # m
W_LYING = 1.0       # per step with torso, thigh or leg on the ground
TWO_PI = 2.0 * np.pi


def compute_reward(state, action, next_state):
    lying = max(next_state.torso_contact, next_state.thigh_contact, next_state.leg_contact)
    # rotation towards -2 pi: backward before it, forward (braking) beyond it
    left = float(next_state.torso_pitch) + TWO_PI
    toward = float(np.tanh(left / 0.5))
    spin = float(np.clip(-next_state.torso_pitch_velocity, -SPIN_CAP, SPIN_CAP)) * toward
    if lying > 0.5:
        spin = min(spin, 0.0)
    height = float(np.clip(next_state.center_of_mass_position[2] - HEIGHT_ZERO, -0.5, 1.0))
    return {
        "spin_back": W_SPIN * spin,
        "height": W_HEIGHT * height,
        "lying": -W_LYING * float(lying),
    }
