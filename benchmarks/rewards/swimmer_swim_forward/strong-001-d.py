import numpy as np
import math

DT = 0.04             # s, length of one step
W_STROKE = 0.1        # stage 1: the joints move one after the other, from head to tail
STROKE_SCALE = 2.0    # rad^2/s, temperature of stage 1
W_MOVE = 0.5          # stage 2: moves forward at all
MOVE_SPEED = 0.05     # m/s, temperature of stage 2
SMOOTHING = 0.1       # share of the newest step in the smoothed speed (about 10 steps = 0.4 s)
W_SWIM = 10.0         # stage 3: reward per m/s, no ceiling
W_EFFORT = 0.01       # cost of the mean square action


def compute_reward(state, action, next_state, memory) -> dict[str, float]:
    """Named reward terms for one transition; the reward is their sum."""
    v = float(next_state.center_of_mass_position[0] - state.center_of_mass_position[0]) / DT
    v_smooth = (1.0 - SMOOTHING) * memory.get("v_smooth", 0.0) + SMOOTHING * v
    memory["v_smooth"] = v_smooth

    # mean heading of the three links: h, h + f, h + f + b
    heading = next_state.heading_angle + (
        2.0 * next_state.front_joint_angle + next_state.back_joint_angle) / 3.0
    on_course = 0.5 * (1.0 + math.cos(heading))          # 1 towards +x, 0 reversed

    # signed phase: > 0 when the front joint leads the back joint; shaking in place averages to zero
    phase = (next_state.front_joint_angle * next_state.back_joint_angular_velocity
             - next_state.back_joint_angle * next_state.front_joint_angular_velocity)

    return {
        "stroke": float(W_STROKE * math.tanh(phase / STROKE_SCALE) * on_course),
        "move_off": float(W_MOVE * math.tanh(v_smooth / MOVE_SPEED)),
        "swim": float(W_SWIM * v),
        "effort": float(-W_EFFORT * np.mean(np.square(action))),
    }
