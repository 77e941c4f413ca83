import numpy as np
import math

TURN = 2.0 * math.pi  # rad, one whole back flip
W_LIN = 12.0          # potential of a whole turn, linear part
W_SQ = 10.0           # potential of a whole turn, convex part
GROUND_LEAN = 0.7     # rad of backward lean that also count with the foot on the ground
W_LAUNCH = 6.0        # potential of a jump with apex APEX_FULL
APEX_FULL = 0.8       # m, ballistic apex of the CoM above its start
W_LANDING = 16.0      # potential of standing upright on the foot after the flip
NEED_AIR = 4.0        # rad in the air where landing quality begins
PITCH_TOL = 0.8       # rad, tolerance around -2*pi
G = 9.81              # m/s^2
W_EFFORT = 0.0015     # per step, mean square action


def clip01(x):
    return float(min(max(x, 0.0), 1.0))


def body_touch(s):
    # torso, thigh or leg on the ground (low link: a self-contact high in the air does not count)
    torso = s.torso_contact > 0.5 and s.torso_height < 0.5
    thigh = s.thigh_contact > 0.5 and s.thigh_position[2] < 0.7
    leg = s.leg_contact > 0.5 and s.leg_position[2] < 0.6
    return bool(torso or thigh or leg)


def phi_turn(back):
    u = clip01(back / TURN)
    return W_LIN * u + W_SQ * u * u


def compute_reward(state, action, next_state, memory):
    z0 = memory.get("z0", float(state.center_of_mass_position[2]))
    memory["z0"] = z0
    furthest = memory.get("furthest", 0.0)  # rad, furthest backward pitch
    in_air = memory.get("in_air", 0.0)      # rad of it made in the air
    apex_best = memory.get("apex", 0.0)     # 0..1
    stood = memory.get("stood", 0.0)        # landing quality before this step
    touched = memory.get("touched", 0.0)    # 1 once the flip has touched down on the foot

    turn = 0.0
    launch = 0.0
    quality = 0.0

    if body_touch(next_state):
        memory["failed"] = 1.0

    if memory.get("failed", 0.0) < 0.5:
        pitch = float(next_state.torso_pitch)
        on_foot = next_state.foot_contact > 0.5 and next_state.foot_height < 0.3

        # main potential: furthest backward turn
        back = min(max(-pitch, 0.0), TURN + 1.0)
        if back > furthest:
            if on_foot:
                turn = phi_turn(min(back, GROUND_LEAN)) - phi_turn(min(furthest, GROUND_LEAN))
            else:
                turn = phi_turn(back) - phi_turn(furthest)
                in_air = in_air + back - furthest
                memory["in_air"] = in_air
            memory["furthest"] = back

        # launch potential: best ballistic apex of the centre of mass
        vz = max(float(next_state.center_of_mass_velocity[2]), 0.0)
        rise = float(next_state.center_of_mass_position[2]) - z0 + vz * vz / (2.0 * G)
        apex = clip01(rise / APEX_FULL)
        launch = W_LAUNCH * max(apex - apex_best, 0.0)
        memory["apex"] = max(apex, apex_best)

        # landing potential: present quality of standing on the flip
        done = clip01((in_air - NEED_AIR) / 1.3)
        if on_foot and done > 0.0:
            touched = 1.0
            memory["touched"] = 1.0
        error = (pitch + TURN) / PITCH_TOL
        quality = touched * done * math.exp(-min(error * error, 50.0)) * clip01(float(next_state.torso_height) / 1.0)

    memory["stood"] = quality
    return {
        "turn": float(turn),
        "launch": float(launch),
        "landing": float(W_LANDING * (quality - stood)),
        "effort": float(-W_EFFORT * np.mean(np.square(action))),
    }
