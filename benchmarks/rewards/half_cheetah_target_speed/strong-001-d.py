import numpy as np
import math

TARGET_SPEED = 2.0    # m/s, forward
W_ON_FEET = 0.2       # stage 1: the right way up
W_GET_GOING = 0.8     # stage 2: from rest towards the target speed
GOING_FLOOR = -1.0    # lower bound of the tent of stage 2
W_HOLD = 2.0          # stage 3: right at the target speed
HOLD_TEMP = 0.6       # (m/s)^2; 0.4 m/s off -> 0.77, 1 m/s off -> 0.19
W_BODY = 0.2          # penalty of torso or head on the ground
W_EFFORT = 0.03       # action penalty

UP_MID = 0.5          # up-axis z at which the gate is one half (60 degrees of tilt)
UP_WIDTH = 0.12       # softness of the gate


def compute_reward(state, action, next_state) -> dict[str, float]:
    """Named reward terms for one transition; the reward is their sum."""
    # stage 1: the right way up, 0 on its back .. 1 level, with a slope at every tilt between
    up = float(next_state.torso_up_axis[2])
    on_feet = 0.5 * (1.0 + up)

    # gate of the stages 2 and 3, 0..1
    level = 0.5 * (1.0 + math.tanh((up - UP_MID) / UP_WIDTH))

    error = next_state.x_velocity - TARGET_SPEED

    # stage 2: tent; gains need the right posture, losses count in any posture
    tent = max(1.0 - abs(error) / TARGET_SPEED, GOING_FLOOR)
    get_going = tent * level if tent > 0.0 else tent

    # stage 3: right at the target speed
    hold = math.exp(-min(error ** 2 / HOLD_TEMP, 50.0)) * level

    body = max(next_state.torso_contact, next_state.head_contact)    # 0/1

    return {
        "on_feet": float(W_ON_FEET * on_feet),
        "get_going": float(W_GET_GOING * get_going),
        "hold_speed": float(W_HOLD * hold),
        "body_contact": float(-W_BODY * body),
        "effort": float(-W_EFFORT * np.mean(np.square(action))),
    }
