import math
import numpy as np

FULL = 2.0 * math.pi   # rad, one whole backward turn
PHI_TURN = 20.0        # potential of a whole turn made in the air
PHI_RISE = 7.0         # per m of rise of the centre of mass in flight (record)
MAX_RISE = 0.75        # m
PHI_FEET = 6.0         # potential of the foot back under the body, late in the turn
PHI_LAND = 25.0        # potential of a landing at exactly a whole turn (record)
W_HOLD = 0.2           # per step, upright on the foot after the landing
PHI_OVER = 4.0         # per rad beyond a whole turn and OVER_FREE
OVER_FREE = 0.4        # rad
FOOT_SHARE = 0.1       # credit of turning backward while the foot is down
TOUCH_COST = 2.0       # once
AFTER_TOUCH = 0.35     # factor on later gains after another part touched
W_EFFORT = 0.003       # mean square of the action
LOW = 0.55             # m, above this a contact is only with the body itself
FOOT_LOW = 0.32        # m, the same for the foot


def foot_down(s):
    return s.foot_contact > 0.5 and s.foot_height < FOOT_LOW


def other_down(s):
    return ((s.torso_contact > 0.5 and s.torso_height < LOW)
            or (s.thigh_contact > 0.5 and s.thigh_position[2] < LOW)
            or (s.leg_contact > 0.5 and s.leg_position[2] < LOW))


def feet(s, credit):
    # 0..1: foot straight below the centre of mass, once most of the turn is credited
    d = s.center_of_mass_position - s.foot_position
    below = float(d[2]) / (float(np.linalg.norm(d)) + 1e-6)
    late = min(max((credit - 2.5) / 2.5, 0.0), 1.0)
    return late * 0.5 * (1.0 + below)


def over(s):
    return max(0.0, -s.torso_pitch - FULL - OVER_FREE)


def compute_reward(state, action, next_state, memory):
    z0 = memory.get("z0", float(state.center_of_mass_position[2]))
    memory["z0"] = z0
    foot = foot_down(next_state)
    other = other_down(next_state)
    airborne = not foot and not other

    touch = 0.0
    if other and memory.get("touched", 0.0) < 0.5:
        touch = -TOUCH_COST
        memory["touched"] = 1.0
    clean = AFTER_TOUCH if memory.get("touched", 0.0) > 0.5 else 1.0

    # credited backward turn
    credit = memory.get("credit", 0.0)
    step_turn = state.torso_pitch - next_state.torso_pitch   # + = backward
    if step_turn > 0.0:
        share = 0.0 if other else (FOOT_SHARE if foot else 1.0)
        step_turn = step_turn * share * clean
    new_credit = min(max(credit + step_turn, -1.0), FULL)
    memory["credit"] = new_credit

    # rise of the centre of mass in flight (record)
    best_rise = memory.get("rise", 0.0)
    rise = best_rise
    if airborne:
        rise = min(max(float(next_state.center_of_mass_position[2]) - z0, best_rise), max(MAX_RISE, best_rise))
    memory["rise"] = rise

    # landing on the foot alone (record)
    error = -next_state.torso_pitch - FULL
    close = 0.6 * math.exp(-(error / 0.5) ** 2) + 0.4 * math.exp(-(error / 1.1) ** 2)
    best_land = memory.get("land", 0.0)
    land = best_land
    if foot and not other:
        made = min(max((new_credit - 2.0) / 3.0, 0.0), 1.0)   # most of the turn was in the air
        land = max(best_land, close * made * clean)
    memory["land"] = land

    hold = 0.0
    if not other:
        tall = min(max((next_state.torso_height - 0.5) / 0.5, 0.0), 1.0)
        hold = W_HOLD * land * tall * math.exp(-(error / 0.5) ** 2)

    return {
        "turn_progress": float(PHI_TURN / FULL * (new_credit - credit)),
        "rise_progress": float(PHI_RISE * clean * (rise - best_rise)),
        "feet_progress": float(PHI_FEET * (feet(next_state, new_credit) - feet(state, credit))),
        "landing_progress": float(PHI_LAND * (land - best_land)),
        "over_turn": float(-PHI_OVER * (over(next_state) - over(state))),
        "hold": float(hold),
        "touch": float(touch),
        "effort": float(-W_EFFORT * np.mean(np.square(action))),
    }
