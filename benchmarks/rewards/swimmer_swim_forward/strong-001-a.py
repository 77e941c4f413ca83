import numpy as np
import math

DT = 0.04             # s, length of one step
W_SPEED = 10.0        # reward per m/s of forward speed (a good swimmer makes some 0.1 to 0.4 m/s)
W_WAVE = 0.05         # hint for a bending wave from head to tail; small, as it is paid without advance too
WAVE_SCALE = 2.0      # rad^2/s, temperature of that hint
W_COURSE = 0.1        # cost of a body that points away from +x
W_EFFORT = 0.01       # cost of the mean square action


def compute_reward(state, action, next_state) -> dict[str, float]:
    """Named reward terms for one transition; the reward is their sum."""
    speed = float(next_state.center_of_mass_position[0] - state.center_of_mass_position[0]) / DT

    f, b = next_state.front_joint_angle, next_state.back_joint_angle
    f_rate, b_rate = next_state.front_joint_angular_velocity, next_state.back_joint_angular_velocity
    wave = f * b_rate - b * f_rate                       # > 0: the front joint leads the back joint

    # headings: front h, middle h + f, back h + f + b; their mean is the course of the body
    course = next_state.heading_angle + (2.0 * f + b) / 3.0

    return {
        "forward_speed": float(W_SPEED * speed),
        "travelling_wave": float(W_WAVE * math.tanh(wave / WAVE_SCALE)),
        "course": float(-W_COURSE * (1.0 - math.cos(course))),
        "effort": float(-W_EFFORT * np.mean(np.square(action))),
    }
