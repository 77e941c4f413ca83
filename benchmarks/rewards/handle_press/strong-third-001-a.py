import numpy as np

CONTACT_HEIGHT = 0.01   # m, gripper above the bar's middle when it rests on it
CLEARANCE = 0.07        # m, additional height wanted away from the bar
CLEAR_RADIUS = 0.05     # m, horizontal distance over which the clearance fades
TRAP_WEIGHT = 0.15      # m, added distance for being under the bar
TRAP_RADIUS = 0.06      # m
REACH_WEIGHT = 0.5
FIST_WEIGHT = 0.15
PRESS_WEIGHT = 1.0
HOLD_WEIGHT = 2.0
HOLD_WIDTH = 0.012      # m, well inside the 2 cm that count
TOO_LOW_FACTOR = 2.0    # overshoot costs more than the same shortfall
EFFORT_WEIGHT = 0.02


def path_distance(s):
    """Distance to the top of the bar along a path from above, in m."""
    d = s.gripper_position - s.handle_position
    d_xy = np.sqrt(d[0] ** 2 + d[1] ** 2)
    clearance = CLEARANCE * (1.0 - np.exp(-(d_xy / CLEAR_RADIUS) ** 2))
    dz = d[2] - (CONTACT_HEIGHT + clearance)
    under = np.tanh(max(0.0, -d[2] - 0.025) / 0.03)
    trap = TRAP_WEIGHT * under * np.exp(-(d_xy / TRAP_RADIUS) ** 2)
    return float(np.sqrt(d_xy ** 2 + dz ** 2) + trap)


def compute_reward(state, action, next_state) -> dict[str, float]:
    dist = path_distance(next_state)
    # coarse slope from anywhere, fine slope near the bar
    reach = 0.6 * (1.0 - np.tanh(dist / 0.25)) + 0.4 * (1.0 - np.tanh(dist / 0.06))

    # travel from untouched to target, positive
    travel = max(next_state.handle_start_position[2] - next_state.target_position[2], 0.03)
    error = next_state.handle_position[2] - next_state.target_position[2]  # + = still too high
    shortfall = max(0.0, error) + TOO_LOW_FACTOR * max(0.0, -error)
    press = float(np.clip(1.0 - shortfall / travel, -0.5, 1.0))
    hold = np.exp(-(error / HOLD_WIDTH) ** 2)

    return {
        "reach": float(REACH_WEIGHT * reach),
        "fist": float(FIST_WEIGHT * (1.0 - next_state.gripper_openness)),
        "press": float(PRESS_WEIGHT * press),
        "hold": float(HOLD_WEIGHT * hold),
        "effort": float(-EFFORT_WEIGHT * np.mean(np.square(action))),
    }
