import math
import numpy as np

FULL = 2.0 * math.pi   # rad, one whole backward turn
P_LAUNCH = 4.0         # stage 1
P_HALF1 = 7.0          # stage 2: turn 0..pi in flight
P_HALF2 = 12.0         # stage 3: turn pi..2 pi in flight
P_FEET = 4.0           # potential that prepares the landing
P_LAND = 25.0          # stage 4
W_STAND = 0.35         # stage 5, per step
V_UP = 3.0             # m/s, upward speed of a good launch
SPIN = 6.0             # rad/s, whole-body backward spin of a good launch
W_OVER = 3.0           # per rad beyond a whole turn and OVER_FREE
OVER_FREE = 0.4        # rad
TOUCH_COST = 2.0       # once
AFTER_TOUCH = 0.35     # factor on later pay after another part touched
W_EFFORT = 0.003       # mean square of the action
LOW = 0.55             # m, above this a contact is only with the body itself
FOOT_LOW = 0.32        # m, the same for the foot


def foot_down(s):
    return s.foot_contact > 0.5 and s.foot_height < FOOT_LOW


def other_down(s):
    return ((s.torso_contact > 0.5 and s.torso_height < LOW)
            or (s.thigh_contact > 0.5 and s.thigh_position[2] < LOW)
            or (s.leg_contact > 0.5 and s.leg_position[2] < LOW))


def unit(x):
    return min(max(x, 0.0), 1.0)


def body_spin(s):
    # rad/s, mean over the parts, backward positive
    return -0.25 * float(s.torso_rotation_rate[1] + s.thigh_rotation_rate[1]
                         + s.leg_rotation_rate[1] + s.foot_rotation_rate[1])


def feet(s):
    # 0..1: foot straight below the centre of mass, late in the turn
    d = s.center_of_mass_position - s.foot_position
    below = float(d[2]) / (float(np.linalg.norm(d)) + 1e-6)
    late = unit((-s.torso_pitch - 3.2) / 2.0)
    return late * 0.5 * (1.0 + below)


def over(s):
    return max(0.0, -s.torso_pitch - FULL - OVER_FREE)


def compute_reward(state, action, next_state, memory):
    foot = foot_down(next_state)
    other = other_down(next_state)
    airborne = not foot and not other

    touch = 0.0
    if other and memory.get("touched", 0.0) < 0.5:
        touch = -TOUCH_COST
        memory["touched"] = 1.0
    clean = AFTER_TOUCH if memory.get("touched", 0.0) > 0.5 else 1.0

    # stage 1: leave the ground upward, spinning backward
    best_launch = memory.get("launch", 0.0)
    launch = best_launch
    if airborne:
        rising = unit(float(next_state.center_of_mass_velocity[2]) / V_UP)
        spin = unit(body_spin(next_state) / SPIN)
        launch = max(best_launch, rising * (0.3 + 0.7 * spin))
    memory["launch"] = launch

    # stages 2 and 3: turn within one flight
    flight = memory.get("flight", 0.0)
    if airborne:
        flight = flight + state.torso_pitch - next_state.torso_pitch
    else:
        flight = 0.0
    memory["flight"] = flight
    best_turn = memory.get("turn", 0.0)
    turn = max(best_turn, min(flight, FULL))
    memory["turn"] = turn
    half1 = unit(turn / math.pi) - unit(best_turn / math.pi)
    half2 = unit(turn / math.pi - 1.0) - unit(best_turn / math.pi - 1.0)

    # stage 4: foot alone on the ground, near a whole turn
    error = -next_state.torso_pitch - FULL
    near = 0.6 * math.exp(-(error / 0.5) ** 2) + 0.4 * math.exp(-(error / 1.1) ** 2)
    best_land = memory.get("land", 0.0)
    land = best_land
    if foot and not other:
        land = max(best_land, clean * near * unit((turn - 3.0) / 2.0))
    memory["land"] = land

    # stage 5: stay up
    stand = 0.0
    if not other:
        tall = unit((next_state.torso_height - 0.5) / 0.5)
        stand = W_STAND * land * tall * math.exp(-(error / 0.5) ** 2)

    return {
        "launch": float(P_LAUNCH * clean * (launch - best_launch)),
        "first_half": float(P_HALF1 * clean * half1),
        "second_half": float(P_HALF2 * clean * half2),
        "feet_under": float(P_FEET * clean * (feet(next_state) - feet(state))),
        "landing": float(P_LAND * (land - best_land)),
        "stand": float(stand),
        "over_turn": float(-W_OVER * (over(next_state) - over(state))),
        "touch": float(touch),
        "effort": float(-W_EFFORT * np.mean(np.square(action))),
    }
