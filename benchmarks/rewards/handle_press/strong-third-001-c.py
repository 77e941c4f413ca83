import numpy as np

PRESS_GAIN = 30.0       # total for the whole travel
REACH_GAIN = 25.0       # per m
HOLD_WEIGHT = 1.0
HOLD_WIDTH = 0.012      # m
CONTACT_WEIGHT = 0.15
CONTACT_WIDTH = 0.05    # m
EFFORT_WEIGHT = 0.01
TOO_LOW_FACTOR = 2.0    # overshoot counts double
CONTACT_HEIGHT = 0.01   # m over the bar's middle
CLEARANCE = 0.07        # m, additional height away from the bar
CLEAR_RADIUS = 0.05     # m


def path_distance(s):
    """Distance to the top of the bar by way of the air above it, in m."""
    d = s.gripper_position - s.handle_position
    d_xy = np.sqrt(d[0] ** 2 + d[1] ** 2)
    clearance = CLEARANCE * (1.0 - np.exp(-(d_xy / CLEAR_RADIUS) ** 2))
    dz = d[2] - (CONTACT_HEIGHT + clearance)
    # under the bar: the way out is sideways, then up
    under = np.tanh(max(0.0, -d[2] - 0.025) / 0.03)
    trap = 0.15 * under * np.exp(-(d_xy / 0.06) ** 2)
    return np.sqrt(d_xy ** 2 + dz ** 2) + trap


def press_error(s):
    """Height error as a fraction of the travel: 1 untouched, 0 at the target."""
    travel = max(s.handle_start_position[2] - s.target_position[2], 0.03)
    e = s.handle_position[2] - s.target_position[2]
    return (max(0.0, e) + TOO_LOW_FACTOR * max(0.0, -e)) / travel


def compute_reward(state, action, next_state) -> dict[str, float]:
    error = next_state.handle_position[2] - next_state.target_position[2]
    after = path_distance(next_state)
    return {
        "press_progress": float(PRESS_GAIN * (press_error(state) - press_error(next_state))),
        "reach_progress": float(REACH_GAIN * (path_distance(state) - after)),
        "hold": float(HOLD_WEIGHT * np.exp(-(error / HOLD_WIDTH) ** 2)),
        "contact": float(CONTACT_WEIGHT * np.exp(-(after / CONTACT_WIDTH) ** 2)),
        "effort": float(-EFFORT_WEIGHT * np.mean(np.square(action))),
    }
