import numpy as np

START = 0.75          # m
LYING = 0.27          # m
LOW_AT = 0.42         # m, middle of the gate "is low"
LOW_WIDTH = 0.04      # m, its width
W_SINK = 2.0
W_GROUND = 2.5
W_REST = 3.0
SPEED_TEMP = 0.4      # m/s
SPIN_TEMP = 1.5       # rad/s
JOINT_TEMP = 4.0      # rad/s, root mean square
W_EFFORT = 0.05


def compute_reward(state, action, next_state) -> dict[str, float]:
    h = float(next_state.torso_height)
    level = 0.5 + 0.5 * float(np.clip(next_state.up_alignment, -1.0, 1.0))   # 0 on the back, 1 upright
    posture = 0.5 + 0.5 * level
    sink = float(np.clip((START - h) / (START - LYING), -0.3, 1.0))
    low = float(1.0 / (1.0 + np.exp(np.clip((h - LOW_AT) / LOW_WIDTH, -30.0, 30.0))))

    feet = np.array([next_state.front_left_foot_height, next_state.front_right_foot_height,
                     next_state.back_left_foot_height, next_state.back_right_foot_height])
    feet_down = float(np.mean(np.exp(-np.square(np.maximum(feet - 0.08, 0.0) / 0.15))))
    ground = 0.5 * float(next_state.torso_contact) + 0.5 * feet_down

    speed = float(np.linalg.norm(next_state.torso_velocity))
    spin = float(np.linalg.norm(next_state.torso_rotation_rate))
    joints = float(np.sqrt(np.mean(np.square(next_state.joint_velocities))))
    rest = 1.0 / (1.0 + (speed / SPEED_TEMP) ** 2 + (spin / SPIN_TEMP) ** 2 + (joints / JOINT_TEMP) ** 2)
    return {
        "sink": W_SINK * sink * posture,
        "on_the_ground": W_GROUND * ground * low * level,
        "rest": W_REST * rest * low * level,
        "effort": float(-W_EFFORT * np.mean(np.square(action))),
    }
