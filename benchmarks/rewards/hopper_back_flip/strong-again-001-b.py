import numpy as np
import math

TURN = 2.0 * math.pi  # rad, one whole back flip
W_TURN = 5.0          # per rad of new backward turn in the air
W_LIFT = 8.0          # per m of new best height of the centre of mass
LIFT_MAX = 0.7        # m, no more is paid above this rise
W_LANDED = 0.3        # per step on the foot, upright, after the turn
NEED_AIR = 4.5        # rad of turn in the air before `landed` pays
PITCH_TOL = 0.7       # rad, tolerance around a whole turn for `landed`


def body_touch(s):
    # torso, thigh or leg on the ground (low link: a self-contact high in the air does not count)
    torso = s.torso_contact > 0.5 and s.torso_height < 0.5
    thigh = s.thigh_contact > 0.5 and s.thigh_position[2] < 0.7
    leg = s.leg_contact > 0.5 and s.leg_position[2] < 0.6
    return bool(torso or thigh or leg)


def compute_reward(state, action, next_state, memory):
    z0 = memory.get("z0", float(state.center_of_mass_position[2]))
    memory["z0"] = z0
    turned = memory.get("turned", 0.0)   # rad, furthest backward turn so far
    in_air = memory.get("in_air", 0.0)   # rad of it that was made in the air
    lifted = memory.get("lifted", 0.0)   # m, best rise so far

    turn = 0.0
    lift = 0.0
    landed = 0.0

    if body_touch(next_state):
        memory["failed"] = 1.0

    if memory.get("failed", 0.0) < 0.5:
        on_foot = next_state.foot_contact > 0.5 and next_state.foot_height < 0.3

        back = min(max(-float(next_state.torso_pitch), 0.0), TURN)
        gain = max(back - turned, 0.0)
        memory["turned"] = max(back, turned)
        if not on_foot:
            turn = W_TURN * gain
            in_air = in_air + gain
            memory["in_air"] = in_air

        rise = min(max(float(next_state.center_of_mass_position[2]) - z0, 0.0), LIFT_MAX)
        lift = W_LIFT * max(rise - lifted, 0.0)
        memory["lifted"] = max(rise, lifted)

        if on_foot and in_air > NEED_AIR:
            error = (float(next_state.torso_pitch) + TURN) / PITCH_TOL
            height = min(max(float(next_state.torso_height), 0.0), 1.0)
            landed = W_LANDED * math.exp(-min(error * error, 50.0)) * height

    return {"turn": float(turn), "lift": float(lift), "landed": float(landed)}
