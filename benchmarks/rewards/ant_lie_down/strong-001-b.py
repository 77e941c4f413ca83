import numpy as np

LYING = 0.27       # m, torso on the ground
W_HEIGHT = 2.0     # per metre above that
W_FLAT = 0.5
W_MOTION = 0.3
SPEED_TEMP = 1.0   # m/s


def compute_reward(state, action, next_state) -> dict[str, float]:
    above = max(float(next_state.torso_height) - LYING, 0.0)
    speed = float(np.linalg.norm(next_state.torso_velocity)) + 0.2 * float(np.linalg.norm(next_state.joint_velocities)) / np.sqrt(8.0)
    return {
        "low": -W_HEIGHT * above,
        "flat": W_FLAT * float(next_state.up_alignment),
        "still": float(-W_MOTION * np.tanh(speed / SPEED_TEMP)),
    }
