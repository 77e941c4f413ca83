import numpy as np

W_ALIGN = 0.5       # stage 1: depth and height of the handle, at its right
W_CONTACT = 0.5     # stage 2: at the handle's right side
W_CLOSE = 2.0       # stage 3: closed share
W_PUSH = 0.5        # stage 3: handle speed to the left, saturating
W_SHUT = 3.0        # stage 4: shut
W_EFFORT = 0.005
ALIGN_SCALE = 0.2   # m, wide so that it has a slope at the start
CONTACT_SCALE = 0.05  # m
PUSH_SIDE = 0.03    # m, fingers' half width and the handle's
PUSH_SCALE = 0.005  # m per step of closing
SHUT_SCALE = 0.02   # m


def compute_reward(state, action, next_state):
    offset = next_state.gripper_position - next_state.window_handle_position
    opening = max(float(next_state.window_opening), 0.0)
    full = max(float(next_state.window_handle_start_position[0] - next_state.target_position[0]), 0.05)
    closed = float(np.clip(1.0 - opening / full, 0.0, 1.0))
    # shortfall to the right side: 0 when the gripper is to the right of the handle by PUSH_SIDE or a bit more
    x_error = max(PUSH_SIDE - float(offset[0]), 0.0) + max(float(offset[0]) - PUSH_SIDE - 0.03, 0.0)
    yz_error = float(np.sqrt(offset[1] ** 2 + offset[2] ** 2 + 1e-9))
    distance = float(np.sqrt(x_error ** 2 + yz_error ** 2))
    align = 1.0 - float(np.tanh(distance / ALIGN_SCALE))
    contact = float(np.exp(-(distance / CONTACT_SCALE) ** 2))
    done = closed ** 6      # keeps the earlier stages paid when shut
    push = float(np.tanh((state.window_opening - next_state.window_opening) / PUSH_SCALE))
    return {
        "align": W_ALIGN * max(align, done),
        "contact": W_CONTACT * max(contact, done),
        "closed_share": W_CLOSE * closed,
        "push": W_PUSH * push,
        "shut": W_SHUT * float(np.exp(-(opening / SHUT_SCALE) ** 2)),
        "effort": -W_EFFORT * float(np.mean(np.square(action[:3]))),
    }
