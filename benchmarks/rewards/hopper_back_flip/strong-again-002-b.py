import numpy as np
import math

TURN = 2.0 * math.pi  # rad, one whole back flip
G = 9.81              # m/s^2

W_SOUND = 0.02        # per step, untouched and in a sound posture
FOLD_MAX = 3.0        # rad, thigh + knee fold above which the leg comes near the torso
W_TURN_LIN = 14.0     # whole turn of the body, linear part
W_TURN_SQ = 10.0      # whole turn of the body, convex part
GROUND_LEAN = 0.6     # rad that also count with the foot on the ground
W_LAUNCH = 7.0        # ballistic apex APEX_FULL
APEX_FULL = 0.9       # m above the start of the CoM
W_LEGS = 3.0          # foot under the CoM late in the turn, once
W_LANDING = 12.0      # best touchdown, once
W_STAY = 0.25         # per step, standing after it


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



def phi_turn(back):
    u = clip01(back / TURN)
    return W_TURN_LIN * u + W_TURN_SQ * u * u


def compute_reward(state, action, next_state, memory):
    z0 = memory.get("z0", float(state.center_of_mass_position[2]))
    memory["z0"] = z0
    best_body = memory.get("body", 0.0)
    best_torso = memory.get("torso", 0.0)
    in_air = memory.get("in_air", 0.0)
    best_apex = memory.get("apex", 0.0)
    best_legs = memory.get("legs", 0.0)
    best_land = memory.get("land", 0.0)

    sound = 0.0
    turn = 0.0
    launch = 0.0
    legs = 0.0
    landing = 0.0
    stay = 0.0

    if body_touch(next_state):
        memory["failed"] = 1.0

    if memory.get("failed", 0.0) < 0.5:
        on_foot = next_state.foot_contact > 0.5 and next_state.foot_height < 0.3
        com_z = float(next_state.center_of_mass_position[2])
        bb = body_back(next_state)
        tb = min(-float(next_state.torso_pitch), TURN)

        # survival: sound posture in each phase
        fold = -float(next_state.thigh_angle) - float(next_state.leg_angle)
        posture = 1.0 - clip01((fold - FOLD_MAX) / 1.5)
        if on_foot:
            off = float(next_state.center_of_mass_position[0] - next_state.foot_position[0]) / 0.5
            posture = posture * bell(off)
        sound = W_SOUND * posture

        # goal: whole-body turn in the air
        if bb > best_body:
            if on_foot:
                turn = phi_turn(min(bb, GROUND_LEAN)) - phi_turn(min(best_body, GROUND_LEAN))
            else:
                turn = phi_turn(bb) - phi_turn(best_body)
            memory["body"] = bb
        if tb > best_torso:
            if not on_foot:
                in_air = in_air + tb - best_torso
                memory["in_air"] = in_air
            memory["torso"] = tb

        vz = max(float(next_state.center_of_mass_velocity[2]), 0.0)
        apex = clip01((com_z - z0 + vz * vz / (2.0 * G)) / APEX_FULL)
        launch = W_LAUNCH * max(apex - best_apex, 0.0)
        memory["apex"] = max(apex, best_apex)

        below = clip01((com_z - float(next_state.foot_height)) / 0.6)
        ready = below * clip01((in_air - 3.0) / 1.8)
        legs = W_LEGS * max(ready - best_legs, 0.0)
        memory["legs"] = max(ready, best_legs)

        if on_foot:
            quality = clip01((in_air - 3.6) / 1.4) * upright_again(next_state, 1.0)
            landing = W_LANDING * max(quality - best_land, 0.0)
            best_land = max(quality, best_land)
            memory["land"] = best_land
        stay = (W_STAY * best_land * upright_again(next_state, 0.7)
                * clip01(float(next_state.torso_height) / 1.1) * (0.4 + 0.6 * balance(next_state)))

    return {
        "sound": float(sound),
        "turn": float(turn),
        "launch": float(launch),
        "legs_under": float(legs),
        "landing": float(landing),
        "stay": float(stay),
    }
