import numpy as np

STEP_TIME = 0.0125      # s
ABOVE_WEIGHT = 0.2
TOUCH_WEIGHT = 0.4
PRESS_WEIGHT = 1.0
HOLD_WEIGHT = 2.0
FIST_WEIGHT = 0.1
EFFORT_WEIGHT = 0.01
SAFE_HEIGHT = 0.05      # m over the bar, wanted while beside it
SIDE_SCALE = 0.2        # m, slope from far away
GATE_RADIUS = 0.06      # m, counts as over the bar
TOUCH_SCALE = 0.08      # m
HOLD_WIDTH = 0.012      # m, inside the 2 cm that count
STILL_SPEED = 0.15      # m/s of the handle
TOO_LOW_FACTOR = 2.0


def compute_reward(state, action, next_state) -> dict[str, float]:
    d = next_state.gripper_position - next_state.handle_position
    side = np.sqrt(d[0] ** 2 + d[1] ** 2)
    over = np.exp(-(side / GATE_RADIUS) ** 2)

    # 1: over the bar; beside it, height missing to the safe height counts as distance
    missing = (1.0 - over) * max(0.0, SAFE_HEIGHT - d[2])
    # under the bar the way out is sideways: no pay for being "over" it there
    under = np.tanh(max(0.0, -d[2] - 0.025) / 0.03) * over
    above = 1.0 - np.tanh((side + 1.5 * missing + 0.2 * under) / SIDE_SCALE)

    # 2: down on the bar
    gap = abs(d[2] - 0.01)
    touch = over * (1.0 - np.tanh(gap / TOUCH_SCALE)) * (1.0 - under)

    # 3: press to the target, not past it
    travel = max(next_state.handle_start_position[2] - next_state.target_position[2], 0.03)
    error = next_state.handle_position[2] - next_state.target_position[2]
    shortfall = max(0.0, error) + TOO_LOW_FACTOR * max(0.0, -error)
    press = float(np.clip(1.0 - shortfall / travel, -0.5, 1.0))

    # 4: stay there
    speed = abs(next_state.handle_position[2] - state.handle_position[2]) / STEP_TIME
    still = 1.0 - 0.33 * np.tanh(speed / STILL_SPEED)
    hold = np.exp(-(error / HOLD_WIDTH) ** 2) * still

    return {
        "above": float(ABOVE_WEIGHT * above),
        "touch": float(TOUCH_WEIGHT * touch),
        "press": float(PRESS_WEIGHT * press),
        "hold": float(HOLD_WEIGHT * hold),
        "fist": float(FIST_WEIGHT * (1.0 - next_state.gripper_openness)),
        "effort": float(-EFFORT_WEIGHT * np.mean(np.square(action))),
    }
