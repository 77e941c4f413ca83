import math
import numpy as np

FULL = 2.0 * math.pi   # rad, one whole turn
W_JUMP = 8.0           # per m of centre-of-mass rise in flight
MAX_RISE = 0.7         # m, rise beyond this is not paid
W_TURN = 3.2           # per rad of backward turn in one flight (main)
W_FEET = 5.0           # potential: foot below the body late in the turn
W_LAND = 20.0          # best landing, once
W_STAND = 0.25         # per step, standing after the flip
W_OVER = 3.0           # per rad beyond a whole turn
OVER_FREE = 0.4        # rad, over-rotation that costs nothing
TOUCH_COST = 2.0       # once, first touch of another part
AFTER_TOUCH = 0.35     # factor on later pay after such a touch
W_EFFORT = 0.003       # mean square of the action
LOW = 0.55             # m, a touching part higher than this touches only the body itself
FOOT_LOW = 0.32        # m, the same for the foot


def foot_down(s):
    return s.foot_contact > 0.5 and s.foot_height < FOOT_LOW


def other_down(s):
    return ((s.torso_contact > 0.5 and s.torso_height < LOW)
            or (s.thigh_contact > 0.5 and s.thigh_position[2] < LOW)
            or (s.leg_contact > 0.5 and s.leg_position[2] < LOW))


def sigmoid(x):
    return 0.5 * (1.0 + math.tanh(0.5 * x))


def feet_potential(s):
    # 0..1: late in the turn, foot straight below the centre of mass
    d = s.center_of_mass_position - s.foot_position
    below = float(d[2]) / (float(np.linalg.norm(d)) + 1e-6)
    late = sigmoid((-s.torso_pitch - 4.0) / 0.35)
    return late * 0.5 * (1.0 + below)


def over(s):
    return max(0.0, -s.torso_pitch - FULL - OVER_FREE)


def compute_reward(state, action, next_state, memory):
    z0 = memory.get("z0", float(state.center_of_mass_position[2]))
    memory["z0"] = z0
    foot = foot_down(next_state)
    other = other_down(next_state)
    airborne = not foot and not other

    # a touch of another part: costs once, lowers later pay
    touched = memory.get("touched", 0.0)
    touch = 0.0
    if other and touched < 0.5:
        touch = -TOUCH_COST
        touched = 1.0
    memory["touched"] = touched
    clean = AFTER_TOUCH if touched > 0.5 else 1.0

    # turn in the present flight, backward positive
    flight = memory.get("flight", 0.0)
    if airborne:
        flight = flight + (state.torso_pitch - next_state.torso_pitch)
    else:
        flight = 0.0
    memory["flight"] = flight

    best_turn = memory.get("best_turn", 0.0)
    turn = min(max(flight, 0.0), FULL)
    turn_gain = max(0.0, turn - best_turn)
    memory["best_turn"] = best_turn + turn_gain

    # height of the jump
    best_rise = memory.get("best_rise", 0.0)
    rise_gain = 0.0
    if airborne:
        rise = min(max(float(next_state.center_of_mass_position[2]) - z0, 0.0), MAX_RISE)
        rise_gain = max(0.0, rise - best_rise)
    memory["best_rise"] = best_rise + rise_gain

    # landing on the foot, near a whole turn, most of it made in the air
    error = -next_state.torso_pitch - FULL
    near = 0.65 * math.exp(-(error / 0.5) ** 2) + 0.35 * math.exp(-(error / 1.1) ** 2)
    best_land = memory.get("best_land", 0.0)
    land_gain = 0.0
    if foot and not other:
        made = sigmoid((memory["best_turn"] - 4.2) / 0.3)
        land_gain = max(0.0, near * made * clean - best_land)
    memory["best_land"] = best_land + land_gain

    # standing afterwards
    tall = min(max((next_state.torso_height - 0.5) / 0.5, 0.0), 1.0)
    up = math.exp(-(error / 0.5) ** 2)
    stand = 0.0
    if not other:
        stand = W_STAND * memory["best_land"] * up * tall

    return {
        "jump": float(W_JUMP * clean * rise_gain),
        "air_turn": float(W_TURN * clean * turn_gain),
        "feet_down": float(W_FEET * clean * (feet_potential(next_state) - feet_potential(state))),
        "landing": float(W_LAND * land_gain),
        "stand": float(stand),
        "over_turn": float(-W_OVER * (over(next_state) - over(state))),
        "touch": float(touch),
        "effort": float(-W_EFFORT * np.mean(np.square(action))),
    }
