import numpy as np

HOVER = 0.08          # m, height over the bar wanted when far to its side
HOVER_RADIUS = 0.06   # m, horizontal distance over which the hover height fades
REACH_WEIGHT = 1.0
REACH_SCALE = 0.4     # m
PRESS_WEIGHT = 1.0
HOLD_WEIGHT = 1.5
HOLD_WIDTH = 0.013    # m, inside the 2 cm that count


def compute_reward(state, action, next_state) -> dict[str, float]:
    d = next_state.gripper_position - next_state.handle_position
    side = np.sqrt(d[0] ** 2 + d[1] ** 2)
    wanted_height = 0.01 + HOVER * (1.0 - np.exp(-(side / HOVER_RADIUS) ** 2))
    distance = np.sqrt(side ** 2 + (d[2] - wanted_height) ** 2)

    travel = max(next_state.handle_start_position[2] - next_state.target_position[2], 0.03)
    error = next_state.handle_position[2] - next_state.target_position[2]

    return {
        "reach": float(-REACH_WEIGHT * np.tanh(distance / REACH_SCALE)),
        "press": float(-PRESS_WEIGHT * min(abs(error) / travel, 1.5)),
        "hold": float(HOLD_WEIGHT * np.exp(-(error / HOLD_WIDTH) ** 2)),
    }
