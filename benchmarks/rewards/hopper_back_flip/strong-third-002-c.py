import math
import numpy as np

FULL = 2.0 * math.pi   # rad, one whole backward turn
LOW = 0.55             # m, above this a contact is only with the body itself
FOOT_LOW = 0.32        # m, the same for the foot
W_FLIP = 40.0          # record of the product turn x height x clean
W_HOP = 5.0            # record of the rise alone
RISE = 0.45            # m, rise of the centre of mass of a good jump
W_LAND = 30.0          # record of the product of the landing
W_STAND = 0.3          # per step
TOUCH_COST = 3.0       # once
AFTER_TOUCH = 0.08     # value of "clean" after another part touched
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


def compute_reward(state, action, next_state, memory):
    foot = foot_down(next_state)
    other = other_down(next_state)
    airborne = not foot and not other

    touch = 0.0
    if other and memory.get("touched", 0.0) < 0.5:
        touch = -TOUCH_COST
        memory["touched"] = 1.0
    clean = AFTER_TOUCH if memory.get("touched", 0.0) > 0.5 else 1.0

    z0 = memory.get("z0", float(state.center_of_mass_position[2]))
    memory["z0"] = z0
    best = memory.get("best", 0.0)
    best_rise = memory.get("rise", 0.0)
    best_flip = memory.get("flip", 0.0)
    best_land = memory.get("land", 0.0)
    now, rise, flip, land = best, best_rise, best_flip, best_land

    if airborne:
        now = max(best, turn(next_state))
        rise = max(best_rise, unit((float(next_state.center_of_mass_position[2]) - z0) / RISE))
        flip = max(best_flip, clean * (turn(next_state) / FULL) ** 1.5 * (0.5 + 0.5 * rise))
    if foot and not other:
        land = max(best_land, clean * near(next_state) * (now / FULL) ** 2)
    memory["best"] = now
    memory["rise"] = rise
    memory["flip"] = flip
    memory["land"] = land

    stand = 0.0
    if not other:
        stand = W_STAND * min(land, clean) * upright(next_state)

    return {
        "flip": float(W_FLIP * (flip - best_flip)),
        "hop": float(W_HOP * clean * (rise - best_rise)),
        "landing": float(W_LAND * (land - best_land)),
        "stand": float(stand),
        "touch": float(touch),
        "effort": float(-W_EFFORT * np.mean(np.square(action))),
    }
