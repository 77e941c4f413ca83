import numpy as np
import math

TURN = 2.0 * math.pi  # rad, one whole back flip
G = 9.81              # m/s^2

W_LAUNCH = 7.0        # ballistic apex APEX_FULL
APEX_FULL = 0.9       # m above the start of the CoM
W_MOMENTUM = 7.0      # backward angular momentum x flight time
LT_FULL = 8.0         # kg m^2, L*t of about a whole turn in a tuck
W_BODY_LIN = 12.0     # whole turn of the body, linear part
W_BODY_SQ = 10.0      # whole turn of the body, convex part
W_TORSO = 4.0         # whole turn of the torso
GROUND_LEAN = 0.7     # rad that also count with the foot on the ground
W_OPEN = 4.0          # foot under the CoM late in the turn, once
W_FOLD = 0.02         # per step and rad of fold beyond FOLD_MAX
FOLD_MAX = 3.0        # rad, thigh + knee
W_LANDING = 12.0      # best touchdown, once
W_STAY = 0.25         # per step, standing after it
W_EFFORT = 0.0015     # per step, mean square action
# rough link masses (kg) and own inertias (kg m^2); only their proportions matter
M_TORSO, M_THIGH, M_LEG, M_FOOT = 3.7, 4.1, 2.8, 5.3
I_TORSO, I_THIGH, I_LEG, I_FOOT = 0.07, 0.09, 0.07, 0.10
THIGH_HALF = 0.225    # m, hip joint to the middle of the thigh


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



def link_momentum(s, mass, inertia, px, pz, vx, vz, rate):
    # about the CoM, around y: + = forward
    rx = px - float(s.center_of_mass_position[0])
    rz = pz - float(s.center_of_mass_position[2])
    ux = vx - float(s.center_of_mass_velocity[0])
    uz = vz - float(s.center_of_mass_velocity[2])
    return mass * (rz * ux - rx * uz) + inertia * rate


def back_momentum(s):
    # kg m^2/s, + = backward, of the whole body about its CoM
    wt = float(s.torso_rotation_rate[1])
    wh = float(s.thigh_rotation_rate[1])
    wl = float(s.leg_rotation_rate[1])
    wf = float(s.foot_rotation_rate[1])
    ax = -THIGH_HALF * float(s.thigh_up_axis[0])
    az = -THIGH_HALF * float(s.thigh_up_axis[2])
    forward = link_momentum(s, M_TORSO, I_TORSO, float(s.torso_position[0]), float(s.torso_position[2]),
                            float(s.torso_velocity[0]), float(s.torso_velocity[2]), wt)
    forward += link_momentum(s, M_THIGH, I_THIGH, float(s.thigh_position[0]) + ax, float(s.thigh_position[2]) + az,
                             float(s.thigh_velocity[0]) + wh * az, float(s.thigh_velocity[2]) - wh * ax, wh)
    forward += link_momentum(s, M_LEG, I_LEG, float(s.leg_position[0]), float(s.leg_position[2]),
                             float(s.leg_velocity[0]), float(s.leg_velocity[2]), wl)
    forward += link_momentum(s, M_FOOT, I_FOOT, float(s.foot_position[0]), float(s.foot_position[2]),
                             float(s.foot_velocity[0]), float(s.foot_velocity[2]), wf)
    return -forward


def phi_body(back):
    u = clip01(back / TURN)
    return W_BODY_LIN * u + W_BODY_SQ * u * u


def compute_reward(state, action, next_state, memory):
    z0 = memory.get("z0", float(state.center_of_mass_position[2]))
    memory["z0"] = z0
    best_apex = memory.get("apex", 0.0)
    best_lt = memory.get("lt", 0.0)
    best_body = memory.get("body", 0.0)
    best_torso = memory.get("torso", 0.0)
    in_air = memory.get("in_air", 0.0)
    best_open = memory.get("open", 0.0)
    best_land = memory.get("land", 0.0)

    launch = 0.0
    momentum = 0.0
    body = 0.0
    torso = 0.0
    opened = 0.0
    folded = 0.0
    landing = 0.0
    stay = 0.0

    if body_touch(next_state):
        memory["failed"] = 1.0

    if memory.get("failed", 0.0) < 0.5:
        on_foot = next_state.foot_contact > 0.5 and next_state.foot_height < 0.3
        com_z = float(next_state.center_of_mass_position[2])
        vz = float(next_state.center_of_mass_velocity[2])
        bb = body_back(next_state)
        tb = min(-float(next_state.torso_pitch), TURN)

        # 1. launch: ballistic apex
        up = max(vz, 0.0)
        apex = clip01((com_z - z0 + up * up / (2.0 * G)) / APEX_FULL)
        launch = W_LAUNCH * max(apex - best_apex, 0.0)
        memory["apex"] = max(apex, best_apex)

        # 2. momentum: backward angular momentum x flight time left
        if not on_foot and up > 0.0:
            drop = max(com_z - 0.85 * z0, 0.0)
            time = (up + math.sqrt(up * up + 2.0 * G * drop)) / G
            lt = clip01(back_momentum(next_state) * time / LT_FULL)
            momentum = W_MOMENTUM * max(lt - best_lt, 0.0)
            memory["lt"] = max(lt, best_lt)

        # 3. the turn, of the whole body and of the torso
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

        # 4. keep the leg off the torso; legs out under the body late in the turn
        fold = -float(next_state.thigh_angle) - float(next_state.leg_angle)
        folded = -W_FOLD * min(max(fold - FOLD_MAX, 0.0), 2.0)
        below = clip01((com_z - float(next_state.foot_height)) / 0.6)
        ready = below * clip01((in_air - 3.0) / 1.8)
        opened = W_OPEN * max(ready - best_open, 0.0)
        memory["open"] = max(ready, best_open)

        # 5. touchdown on the foot, then standing
        if on_foot:
            quality = clip01((in_air - 3.6) / 1.4) * upright_again(next_state, 1.0)
            landing = W_LANDING * max(quality - best_land, 0.0)
            best_land = max(quality, best_land)
            memory["land"] = best_land
        stay = (W_STAY * best_land * upright_again(next_state, 0.7)
                * clip01(float(next_state.torso_height) / 1.1) * (0.4 + 0.6 * balance(next_state)))

    return {
        "launch": float(launch),
        "momentum": float(momentum),
        "body_turn": float(body),
        "torso_turn": float(torso),
        "open_legs": float(opened),
        "over_fold": float(folded),
        "landing": float(landing),
        "stay": float(stay),
        "effort": float(-W_EFFORT * np.mean(np.square(action))),
    }
