import numpy as np
import math

TURN = 2.0 * math.pi   # rad, one whole back flip
W_TURN_LIN = 10.0      # paid in all for a whole turn, linear part
W_TURN_SQ = 10.0       # paid in all for a whole turn, convex part (later half pays more)
W_JUMP = 4.0           # paid in all for raising the CoM by JUMP_FULL
JUMP_FULL = 0.6        # m, rise of the CoM that earns all of W_JUMP
W_FEET = 4.0           # paid in all for bringing the foot under the body late in the turn
W_LAND = 10.0          # paid once, touchdown on the foot after the turn
W_STAY = 0.12          # per step, clean and upright after that landing
W_FALL = 1.0           # once, first touch of another part
W_EFFORT = 0.002       # per step, mean square action


def clip01(x):
    return float(min(max(x, 0.0), 1.0))


def body_touch(s):
    # a contact of torso, thigh or leg that can be the ground (low link), not a self-contact in a tuck
    torso = s.torso_contact > 0.5 and s.torso_height < 0.5
    thigh = s.thigh_contact > 0.5 and s.thigh_position[2] < 0.7
    leg = s.leg_contact > 0.5 and s.leg_position[2] < 0.6
    return bool(torso or thigh or leg)


def foot_down(s):
    return bool(s.foot_contact > 0.5 and s.foot_height < 0.3)


def turn_pay(rotation):
    u = clip01(rotation / TURN)
    return W_TURN_LIN * u + W_TURN_SQ * u * u


def compute_reward(state, action, next_state, memory):
    z0 = memory.get("z0", float(state.center_of_mass_position[2]))
    memory["z0"] = z0
    takeoff = memory.get("takeoff", float(state.torso_pitch))
    best_turn = memory.get("best_turn", 0.0)
    best_rise = memory.get("best_rise", 0.0)
    best_feet = memory.get("best_feet", 0.0)
    best_land = memory.get("best_land", 0.0)
    failed = memory.get("failed", 0.0)

    turn = 0.0
    jump = 0.0
    feet = 0.0
    land = 0.0
    stay = 0.0
    fall = 0.0

    if failed < 0.5:
        if body_touch(next_state):
            memory["failed"] = 1.0
            fall = -W_FALL
        else:
            com_z = float(next_state.center_of_mass_position[2])
            up = clip01(float(next_state.torso_up_axis[2]))
            rotation = takeoff - float(next_state.torso_pitch)  # + = turned backward in this flight

            # jump: new best height of the centre of mass
            rise = clip01((com_z - z0) / JUMP_FULL)
            jump = W_JUMP * max(rise - best_rise, 0.0)
            memory["best_rise"] = max(rise, best_rise)

            if foot_down(next_state):
                # touchdown: quality of the flip just flown
                quality = clip01((rotation - 4.2) / 1.5) * up
                land = W_LAND * max(quality - best_land, 0.0)
                best_land = max(quality, best_land)
                memory["best_land"] = best_land
                memory["takeoff"] = float(next_state.torso_pitch)
            else:
                memory["takeoff"] = takeoff
                # turn: new best of the backward turn within one flight
                turn = max(turn_pay(rotation) - turn_pay(best_turn), 0.0)
                memory["best_turn"] = max(rotation, best_turn)
                # foot below the body, late in the turn
                below = clip01((com_z - float(next_state.foot_height)) / 0.7)
                ready = below * clip01((rotation - 3.6) / 1.8)
                feet = W_FEET * max(ready - best_feet, 0.0)
                memory["best_feet"] = max(ready, best_feet)

            # after a landed flip: stay on the foot, upright
            stay = W_STAY * best_land * up * clip01(float(next_state.torso_height) / 1.0)

    return {
        "turn_in_air": float(turn),
        "jump": float(jump),
        "feet_down": float(feet),
        "landing": float(land),
        "stay_up": float(stay),
        "fall": float(fall),
        "effort": float(-W_EFFORT * np.mean(np.square(action))),
    }
