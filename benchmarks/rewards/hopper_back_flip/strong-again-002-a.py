import numpy as np
import math

TURN = 2.0 * math.pi  # rad, one whole back flip
G = 9.81              # m/s^2

W_BODY_LIN = 12.0     # whole turn of the body, linear part
W_BODY_SQ = 10.0      # whole turn of the body, convex part
W_TORSO = 4.0         # whole turn of the torso
GROUND_LEAN = 0.7     # rad that also count with the foot on the ground
W_LAUNCH = 8.0        # ballistic apex APEX_FULL
APEX_FULL = 0.9       # m above the start of the CoM
W_LANDING = 12.0      # best touchdown, once
W_STAY = 0.25         # per step, standing after it
W_TOUCH = 0.5         # once, first touch of another part
W_EFFORT = 0.0015     # per step, mean square action


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



def phi_body(back):
    u = clip01(back / TURN)
    return W_BODY_LIN * u + W_BODY_SQ * u * u


def compute_reward(state, action, next_state, memory):
    z0 = memory.get("z0", float(state.center_of_mass_position[2]))
    memory["z0"] = z0
    best_body = memory.get("body", 0.0)
    best_torso = memory.get("torso", 0.0)
    in_air = memory.get("in_air", 0.0)
    best_apex = memory.get("apex", 0.0)
    best_land = memory.get("land", 0.0)

    body = 0.0
    torso = 0.0
    launch = 0.0
    landing = 0.0
    stay = 0.0
    touch = 0.0

    if memory.get("failed", 0.0) < 0.5:
        if body_touch(next_state):
            memory["failed"] = 1.0
            touch = -W_TOUCH
        else:
            on_foot = next_state.foot_contact > 0.5 and next_state.foot_height < 0.3
            bb = body_back(next_state)
            tb = min(-float(next_state.torso_pitch), TURN)

            if bb > best_body:
                if on_foot:
                    body = phi_body(min(bb, GROUND_LEAN)) - phi_body(min(best_body, GROUND_LEAN))
                else:
                    body = phi_body(bb) - phi_body(best_body)
                memory["body"] = bb
            if tb > best_torso:
                if not on_foot:
                    torso = W_TORSO * (tb - best_torso) / TURN
                    in_air = in_air + tb - best_torso
                    memory["in_air"] = in_air
                memory["torso"] = tb

            vz = max(float(next_state.center_of_mass_velocity[2]), 0.0)
            apex = clip01((float(next_state.center_of_mass_position[2]) - z0 + vz * vz / (2.0 * G)) / APEX_FULL)
            launch = W_LAUNCH * max(apex - best_apex, 0.0)
            memory["apex"] = max(apex, best_apex)

            done = clip01((in_air - 3.6) / 1.4)
            if on_foot:
                quality = done * upright_again(next_state, 1.0)
                landing = W_LANDING * max(quality - best_land, 0.0)
                best_land = max(quality, best_land)
                memory["land"] = best_land
            stay = (W_STAY * best_land * upright_again(next_state, 0.7)
                    * clip01(float(next_state.torso_height) / 1.1) * (0.4 + 0.6 * balance(next_state)))

    return {
        "body_turn": float(body),
        "torso_turn": float(torso),
        "launch": float(launch),
        "landing": float(landing),
        "stay": float(stay),
        "touch": float(touch),
        "effort": float(-W_EFFORT * np.mean(np.square(action))),
    }
