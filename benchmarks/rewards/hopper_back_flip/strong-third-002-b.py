import math
import numpy as np

FULL = 2.0 * math.pi   # rad, one whole backward turn
LOW = 0.55             # m, above this a contact is only with the body itself
FOOT_LOW = 0.32        # m, the same for the foot
W_TURN1 = 1.5          # per rad of turn
W_TURN2 = 3.0          # convex part: 3 * turn^2 / 2 pi
W_CLEAN = 0.02         # per step until another part than the foot touches
W_DOWN = 0.03          # per step while another part lies on the ground
W_JUMP = 12.0          # per m of rise of the centre of mass in flight
MAX_RISE = 0.6         # m
W_FEET = 4.0           # potential, foot below the body late in the turn
W_FIRST = 10.0         # once, foot touches first after most of the turn
W_LAND = 25.0          # once, landing near a whole turn
W_STAND = 0.3          # per step, standing after it
TOUCH_COST = 3.0       # once
AFTER_TOUCH = 0.08     # factor on all later pay after another part touched
W_EFFORT = 0.003       # mean square of the action


def unit(x):
    return min(max(x, 0.0), 1.0)


def foot_down(s):
    return s.foot_contact > 0.5 and s.foot_height < FOOT_LOW


def other_down(s):
    return ((s.torso_contact > 0.5 and s.torso_height < LOW)
            or (s.thigh_contact > 0.5 and s.thigh_position[2] < LOW)
            or (s.leg_contact > 0.5 and s.leg_position[2] < LOW))


def body_turn(s):
    # rad, backward turn of the whole body: mean over the parts by mass (0.23, 0.26, 0.18, 0.33);
    # pitch of a part = torso_pitch minus the joint angles above it
    return -(s.torso_pitch - 0.77 * s.thigh_angle - 0.51 * s.leg_angle - 0.33 * s.foot_angle)


def turn(s):
    # rad, turn that counts: the torso's, held back when only the torso swings against the leg
    torso = -s.torso_pitch
    return min(max(min(torso, 0.4 * torso + 0.6 * body_turn(s)), 0.0), FULL)


def near(s):
    # 0..1, how near the torso is to one whole backward turn
    e = -s.torso_pitch - FULL
    return 0.6 * math.exp(-(e / 0.5) ** 2) + 0.4 * math.exp(-(e / 1.1) ** 2)


def upright(s):
    # 0..1, upright after one turn, and tall
    e = -s.torso_pitch - FULL
    return math.exp(-(e / 0.5) ** 2) * unit((s.torso_height - 0.5) / 0.5)


def feet(s):
    # 0..1: foot straight below the centre of mass, late in the turn
    d = s.center_of_mass_position - s.foot_position
    below = float(d[2]) / (float(np.linalg.norm(d)) + 1e-6)
    return unit((turn(s) - 3.2) / 2.0) * 0.5 * (1.0 + below)


def turn_pay(t):
    return W_TURN1 * t + W_TURN2 * t * t / FULL


def compute_reward(state, action, next_state, memory):
    foot = foot_down(next_state)
    other = other_down(next_state)
    airborne = not foot and not other

    touch = 0.0
    if other and memory.get("touched", 0.0) < 0.5:
        touch = -TOUCH_COST
        memory["touched"] = 1.0
    clean = AFTER_TOUCH if memory.get("touched", 0.0) > 0.5 else 1.0

    # backward turn reached in the air (record); each further rad pays more
    best = memory.get("best", 0.0)
    now = max(best, turn(next_state)) if airborne else best
    memory["best"] = now
    turn_gain = clean * (turn_pay(now) - turn_pay(best))

    # rise of the centre of mass in flight (record)
    z0 = memory.get("z0", float(state.center_of_mass_position[2]))
    memory["z0"] = z0
    best_rise = memory.get("rise", 0.0)
    rise = best_rise
    if airborne:
        rise = max(best_rise, min(float(next_state.center_of_mass_position[2]) - z0, MAX_RISE))
    memory["rise"] = rise

    # foot first and alone after most of the turn, then landing angle (records)
    best_first = memory.get("first", 0.0)
    best_land = memory.get("land", 0.0)
    first = best_first
    land = best_land
    if foot and not other:
        first = max(best_first, clean * unit((now - 3.8) / 1.6))
        land = max(best_land, clean * near(next_state) * unit((now - 3.5) / 1.5))
    memory["first"] = first
    memory["land"] = land
    stand = 0.0
    if not other:
        stand = W_STAND * min(land, clean) * upright(next_state)

    sound = W_CLEAN if memory.get("touched", 0.0) < 0.5 else 0.0
    down = -W_DOWN if other else 0.0

    return {
        "air_turn": float(turn_gain),
        "jump": float(W_JUMP * clean * (rise - best_rise)),
        "feet_down": float(W_FEET * clean * (feet(next_state) - feet(state))),
        "foot_first": float(W_FIRST * (first - best_first)),
        "landing": float(W_LAND * (land - best_land)),
        "stand": float(stand),
        "untouched": float(sound),
        "down": float(down),
        "touch": float(touch),
        "effort": float(-W_EFFORT * np.mean(np.square(action))),
    }
