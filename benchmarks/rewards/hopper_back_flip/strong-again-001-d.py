import numpy as np
import math

TURN = 2.0 * math.pi  # rad, one whole back flip
G = 9.81              # m/s^2
W_LAUNCH = 3.0        # stage 1, in all
APEX_FULL = 0.7       # m, ballistic apex of the CoM above its start
W_SPIN = 6.0          # stage 2, in all
W_TURN_LIN = 6.0      # stage 3, linear part, in all
W_TURN_SQ = 8.0       # stage 3, convex part, in all
W_LAND = 16.0         # stage 4, once
W_STAY = 0.15         # stage 5, per step
W_FALL = 0.5          # once, first touch of another part
W_EFFORT = 0.0015     # per step, mean square action


def clip01(x):
    return float(min(max(x, 0.0), 1.0))


def body_touch(s):
    # torso, thigh or leg on the ground (low link: a self-contact high in the air does not count)
    torso = s.torso_contact > 0.5 and s.torso_height < 0.5
    thigh = s.thigh_contact > 0.5 and s.thigh_position[2] < 0.7
    leg = s.leg_contact > 0.5 and s.leg_position[2] < 0.6
    return bool(torso or thigh or leg)


def back_spin(s):
    # rad/s, + = backward; rough mean over the links (the light share of the foot damps kicks)
    forward = (0.3 * s.torso_rotation_rate[1] + 0.3 * s.thigh_rotation_rate[1]
               + 0.3 * s.leg_rotation_rate[1] + 0.1 * s.foot_rotation_rate[1])
    return float(-forward)


def time_left(s, z0):
    # s, ballistic time until the CoM is back at a slightly crouched landing height
    vz = float(s.center_of_mass_velocity[2])
    drop = max(float(s.center_of_mass_position[2]) - 0.85 * z0, 0.0)
    return max((vz + math.sqrt(vz * vz + 2.0 * G * drop)) / G, 0.0)


def turn_pay(u):
    return W_TURN_LIN * u + W_TURN_SQ * u * u


def compute_reward(state, action, next_state, memory):
    z0 = memory.get("z0", float(state.center_of_mass_position[2]))
    memory["z0"] = z0
    takeoff = memory.get("takeoff", float(state.torso_pitch))
    best_apex = memory.get("apex", 0.0)
    best_spin = memory.get("spin", 0.0)
    best_turn = memory.get("turn", 0.0)
    best_land = memory.get("land", 0.0)

    launch = 0.0
    spin = 0.0
    turn = 0.0
    land = 0.0
    stay = 0.0
    fall = 0.0

    if memory.get("failed", 0.0) < 0.5:
        if body_touch(next_state):
            memory["failed"] = 1.0
            fall = -W_FALL
        else:
            pitch = float(next_state.torso_pitch)
            up = clip01(float(next_state.torso_up_axis[2]))
            rotation = takeoff - pitch  # rad, + = backward, in this flight
            on_foot = next_state.foot_contact > 0.5 and next_state.foot_height < 0.3

            # stage 1: launch
            vz = max(float(next_state.center_of_mass_velocity[2]), 0.0)
            rise = float(next_state.center_of_mass_position[2]) - z0 + vz * vz / (2.0 * G)
            apex = clip01(rise / APEX_FULL)
            launch = W_LAUNCH * max(apex - best_apex, 0.0)
            memory["apex"] = max(apex, best_apex)

            if on_foot:
                # stage 4: touchdown after the turn
                quality = clip01((rotation - 4.0) / 1.6) * up
                land = W_LAND * max(quality - best_land, 0.0)
                best_land = max(quality, best_land)
                memory["land"] = best_land
                memory["takeoff"] = pitch
            else:
                memory["takeoff"] = takeoff
                # stage 2: predicted turn of this flight
                predicted = clip01((rotation + back_spin(next_state) * time_left(next_state, z0)) / TURN)
                spin = W_SPIN * max(predicted - best_spin, 0.0)
                memory["spin"] = max(predicted, best_spin)
                # stage 3: turn really made
                u = clip01(rotation / TURN)
                turn = max(turn_pay(u) - turn_pay(best_turn), 0.0)
                memory["turn"] = max(u, best_turn)

            # stage 5: stay on the foot, upright
            stay = W_STAY * best_land * up * clip01(float(next_state.torso_height) / 1.0)

    return {
        "launch": float(launch),
        "spin": float(spin),
        "turn": float(turn),
        "landing": float(land),
        "stay": float(stay),
        "fall": float(fall),
        "effort": float(-W_EFFORT * np.mean(np.square(action))),
    }
