import math
import numpy as np

FULL = 2.0 * math.pi   # rad, one whole backward turn
W_TURN = 4.0           # per rad turned backward within one free flight (new record of the episode)
W_LANDED = 0.4         # per step, on the foot after a whole turn
WIDTH = 0.6            # rad, tolerance of the landing angle
TOUCH_COST = 3.0       # once, when another part than the foot touches
AFTER_TOUCH = 0.33     # factor on later pay after such a touch
LOW = 0.55             # m, above this a contact is only with the body itself
FOOT_LOW = 0.32        # m, the same for the foot


def foot_down(s):
    return s.foot_contact > 0.5 and s.foot_height < FOOT_LOW


def other_down(s):
    return ((s.torso_contact > 0.5 and s.torso_height < LOW)
            or (s.thigh_contact > 0.5 and s.thigh_position[2] < LOW)
            or (s.leg_contact > 0.5 and s.leg_position[2] < LOW))


def compute_reward(state, action, next_state, memory):
    foot = foot_down(next_state)
    other = other_down(next_state)

    touch = 0.0
    if other and memory.get("touched", 0.0) < 0.5:
        touch = -TOUCH_COST
        memory["touched"] = 1.0
    clean = AFTER_TOUCH if memory.get("touched", 0.0) > 0.5 else 1.0

    # backward turn of the present flight (pitch falls); any ground contact starts it afresh
    flight = 0.0
    if not (foot or other):
        flight = memory.get("flight", 0.0) + state.torso_pitch - next_state.torso_pitch
    memory["flight"] = flight
    best = memory.get("best", 0.0)
    gain = max(0.0, min(flight, FULL) - best)   # only a new record is paid: rocking costs and earns nothing
    memory["best"] = best + gain

    landed = 0.0
    if foot and not other:
        error = (-next_state.torso_pitch - FULL) / WIDTH
        landed = W_LANDED * clean * math.exp(-error ** 2)

    return {
        "air_turn": float(W_TURN * clean * gain),
        "landed": float(landed),
        "touch": float(touch),
    }
