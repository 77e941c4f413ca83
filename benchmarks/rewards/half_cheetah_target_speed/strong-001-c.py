import numpy as np
import math

DT = 0.05             # s, length of one step
TARGET_SPEED = 2.0    # m/s, forward
W_PROGRESS = 1.0      # pay per step of exactly TARGET_SPEED * DT metres (main term)
W_OVERSPEED = 2.0     # slope of the tax on a mean speed above the target; twice W_PROGRESS
OVERSPEED_SOFT = 0.1  # softness of the tax's onset, as a share of TARGET_SPEED
W_ON_PACE = 0.5       # bonus of a mean speed right at the target
PACE_TEMP = 0.25      # (m/s)^2; 0.25 m/s off -> 0.78, 0.5 m/s off -> 0.37
SMOOTH = 0.1          # share of the new speed in the running mean: about 10 steps = 0.5 s
W_UPRIGHT = 0.3       # penalty of an overturned torso
W_EFFORT = 0.03       # action penalty


def compute_reward(state, action, next_state, memory) -> dict[str, float]:
    """Named reward terms for one transition; the reward is their sum."""
    step = next_state.x_position - state.x_position                # m, + = forward
    progress = step / (TARGET_SPEED * DT)                          # 1 = on pace

    mean_speed = (1.0 - SMOOTH) * memory.get("mean_speed", 0.0) + SMOOTH * step / DT
    memory["mean_speed"] = mean_speed

    # softplus: smooth onset; at the target its slope times W_OVERSPEED just balances W_PROGRESS
    excess = (mean_speed / TARGET_SPEED - 1.0) / OVERSPEED_SOFT
    overspeed = OVERSPEED_SOFT * (max(excess, 0.0) + math.log1p(math.exp(-min(abs(excess), 50.0))))
    on_pace = math.exp(-min((mean_speed - TARGET_SPEED) ** 2 / PACE_TEMP, 50.0))

    up = float(next_state.torso_up_axis[2])                        # 1 level .. -1 on its back
    upright = min(max(up, 0.0), 1.0)

    # gains need the right posture, losses count in any posture
    gain = progress * upright if progress > 0.0 else progress

    return {
        "progress": float(W_PROGRESS * gain),
        "overspeed": float(-W_OVERSPEED * overspeed),
        "on_pace": float(W_ON_PACE * on_pace * upright),
        "upright": float(-W_UPRIGHT * 0.5 * (1.0 - up)),
        "effort": float(-W_EFFORT * np.mean(np.square(action))),
    }
