import numpy as np
import math

DT = 0.05               # s, length of one step
W_PROGRESS = 1.0 / DT   # reward per metre moved backward (so that one step reads in m/s)
GATE_MIDDLE = 0.3       # up_z at which half of the backward progress is paid (about 73 degrees)
GATE_WIDTH = 0.12       # softness of that gate
W_UPRIGHT = 3.0         # cost per step on the back; a quarter of it on end
W_DRAG = 0.3            # cost per step of torso or head on the ground
LOW_HEIGHT = 0.4        # m, torso height below which a contact of the torso counts as dragging (0.7 at the start)
LOW_WIDTH = 0.05        # m, softness of that edge
W_EFFORT = 0.05         # cost of the mean square action


def potential(s):
    """Metres gone backward: minus x of the centre of mass, as + x is forward."""
    return -float(s.center_of_mass_position[0])


def compute_reward(state, action, next_state) -> dict[str, float]:
    """Named reward terms for one transition; the reward is their sum."""
    up_z = float(next_state.torso_up_axis[2])
    upside_down = 0.5 * (1.0 - up_z)   # 0 level, 0.5 on end, 1 on the back

    # backward progress is paid only upright; a step forward is charged in any posture
    p = W_PROGRESS * (potential(next_state) - potential(state))
    gate = 1.0 / (1.0 + math.exp(-(up_z - GATE_MIDDLE) / GATE_WIDTH))
    paid_progress = p * gate if p > 0.0 else p

    # a torso contact counts only near the ground: a leg that touches the torso in a stride is no dragging
    low = 0.5 * (1.0 - math.tanh((next_state.torso_height - LOW_HEIGHT) / (2.0 * LOW_WIDTH)))
    dragging = max(next_state.torso_contact, next_state.head_contact) * low

    return {
        "backward_progress": float(paid_progress),
        "stay_upright": float(-W_UPRIGHT * upside_down ** 2),
        "torso_drag": float(-W_DRAG * dragging),
        "effort": float(-W_EFFORT * np.mean(np.square(action))),
    }
