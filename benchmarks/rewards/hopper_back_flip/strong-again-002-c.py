import numpy as np
import math

TURN = 2.0 * math.pi  # rad, one whole back flip
G = 9.81              # m/s^2

W_TURN = 26.0         # a whole turn in the air, in all
BODY_SLACK = 1.15     # the torso may lead the body by this factor
W_LAUNCH = 6.0        # ballistic apex APEX_FULL, in all
APEX_FULL = 0.9       # m above the start of the CoM
W_LANDING = 14.0      # best touchdown, in all
W_STAY = 0.3          # per step, standing after it


def clip01(x):
    return float(min(max(x, 0.0), 1.0))


def bell(x):
    # 1 at 0, falls to 0.37 at |x| = 1
    return math.exp(-min(x * x, 50.0))


def body_touch(s):
    # any contact of torso, thigh or leg, ground or self
    return bool(s.torso_contact > 0.5 or s.thigh_contact > 0.5 or s.leg_contact > 0.5)


def body_back(s):
    # rad, + = backward: turn of the whole body, a rough inertia-weighted mean of the links pitches.
    # link pitch = pitch of the link above - joint angle (a joint swung backward tips the link forward)
    return float(-(s.torso_pitch - 0.7 * s.thigh_angle - 0.4 * s.leg_angle - 0.1 * s.foot_angle))


def upright_again(s, tol):
    return bell((float(s.torso_pitch) + TURN) / tol)


def balance(s):
    # centre of mass over the foot, not turning
    off = float(s.center_of_mass_position[0] - s.foot_position[0]) / 0.35
    rate = float(s.torso_pitch_velocity) / 6.0
    return bell(off) / (1.0 + rate * rate)



def counted_turn(s):
    # rad, + = backward: torso and whole body must both turn
    return min(-float(s.torso_pitch), BODY_SLACK * body_back(s), TURN)


def phi_turn(back):
    # 0..1, convex: the second half pays more
    u = clip01(back / TURN)
    return 0.6 * u + 0.4 * u * u


def compute_reward(state, action, next_state, memory):
    z0 = memory.get("z0", float(state.center_of_mass_position[2]))
    memory["z0"] = z0
    takeoff = memory.get("takeoff", float(state.torso_pitch))
    best_turn = memory.get("turn", 0.0)
    best_apex = memory.get("apex", 0.0)
    best_land = memory.get("land", 0.0)

    turn = 0.0
    launch = 0.0
    landing = 0.0
    stay = 0.0

    if body_touch(next_state):
        memory["failed"] = 1.0

    if memory.get("failed", 0.0) < 0.5:
        on_foot = next_state.foot_contact > 0.5 and next_state.foot_height < 0.3
        pitch = float(next_state.torso_pitch)
        back = counted_turn(next_state)
        high = clip01((float(next_state.torso_height) - 0.3) / 0.5)

        if back > best_turn:
            if not on_foot:
                turn = W_TURN * high * (phi_turn(back) - phi_turn(best_turn))
            memory["turn"] = back

        vz = max(float(next_state.center_of_mass_velocity[2]), 0.0)
        apex = clip01((float(next_state.center_of_mass_position[2]) - z0 + vz * vz / (2.0 * G)) / APEX_FULL)
        apex = apex * (1.0 - clip01((pitch - 0.3) / 0.7))  # not tipped forward
        launch = W_LAUNCH * max(apex - best_apex, 0.0)
        memory["apex"] = max(apex, best_apex)

        if on_foot:
            flown = clip01((takeoff - pitch - 3.4) / 1.6)  # turn of this one flight
            quality = flown * upright_again(next_state, 1.0) * high
            landing = W_LANDING * max(quality - best_land, 0.0)
            best_land = max(quality, best_land)
            memory["land"] = best_land
            memory["takeoff"] = pitch
        else:
            memory["takeoff"] = takeoff
        stay = (W_STAY * best_land * upright_again(next_state, 0.7)
                * clip01(float(next_state.torso_height) / 1.1) * (0.3 + 0.7 * balance(next_state)))

    return {
        "turn": float(turn),
        "launch": float(launch),
        "landing": float(landing),
        "stay": float(stay),
    }
