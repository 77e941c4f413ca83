import numpy as np

TWO_PI = 2.0 * np.pi


def compute_reward(state, action, next_state, memory):
    turned = -float(next_state.torso_pitch)
    best = memory.get("best", 0.0)
    new = max(min(turned, TWO_PI) - best, 0.0)
    memory["best"] = max(best, min(turned, TWO_PI))
    lying = max(next_state.torso_contact, next_state.thigh_contact, next_state.leg_contact) > 0.5
    was_clean = memory.get("clean", 1.0)
    clean = was_clean * (0.0 if lying else 1.0)
    memory["clean"] = clean
    fell = was_clean - clean

    foot = next_state.foot_contact > 0.5
    up_speed = float(np.clip(next_state.center_of_mass_velocity[2], -1.0, 4.0))
    best_up = memory.get("up", 0.0)
    gain = max(up_speed - best_up, 0.0) if memory["best"] < 2.0 else 0.0
    memory["up"] = max(best_up, up_speed) if memory["best"] < 2.0 else best_up
    done = float(np.clip((memory["best"] - 5.0) / (TWO_PI - 5.0), 0.0, 1.0))
    upright = float(np.exp(-(((turned - TWO_PI) / 0.6) ** 2)))
    tall = float(np.clip((next_state.torso_height - 0.5) / 0.6, 0.0, 1.0))
    # legs out below the torso, once past three quarters of the turn
    late = float(np.clip((memory["best"] - 3.5) / 1.5, 0.0, 1.0))
    reach = float(np.clip((next_state.torso_height - next_state.foot_height) / 1.0, -1.0, 1.0))
    return {
        "rotate": 10.0 * new * (1.0 if clean > 0.5 else 0.3),
        "jump": 8.0 * gain,
        "reach": 0.3 * late * reach,
        "land": done * upright * (0.3 + 0.7 * tall) * (1.0 if clean > 0.5 else 0.3),
        "fall": -15.0 * fell,
        "lying": -0.3 * (1.0 if lying else 0.0),
        "effort": -0.005 * float(np.mean(np.square(action))),
    }
