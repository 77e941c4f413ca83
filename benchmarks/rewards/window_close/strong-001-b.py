import numpy as np

W_REACH = 1.5      # per metre between gripper and pushing point (start: about -0.6 a step)
W_OPEN = 10.0      # per metre of opening (wide open: -2 a step)
W_SHUT = 1.0       # bonus a step when shut
PUSH_SIDE = 0.02   # m to the right of the handle
SHUT_SCALE = 0.025 # m


def compute_reward(state, action, next_state):
    point = next_state.window_handle_position + np.array([PUSH_SIDE, 0.0, 0.0])
    distance = float(np.linalg.norm(next_state.gripper_position - point))
    opening = max(float(next_state.window_opening), 0.0)
    return {
        "reach": -W_REACH * distance,
        "opening": -W_OPEN * opening,
        "shut": W_SHUT * float(np.exp(-(opening / SHUT_SCALE) ** 2)),
    }
