"""A motor boat on a river: a small environment of one's own, in one file."""
import math

import gymnasium
import numpy as np


class RiverBoat(gymnasium.Env):
    """A boat with one motor and a rudder crosses a river 40 m wide to a landing stage on the far bank.

    The water flows towards -x, fastest in the middle; how fast differs from episode to episode. x points upstream, y
    across to the far bank. The boat starts near the bank y = 0. The episode ends if the boat runs onto a bank
    (y < -2 or y > 42) or is more than 60 m up or down the river from the landing stage.

    | Num | Observation                                          | Min | Max | Unit |
    |-----|------------------------------------------------------|-----|-----|------|
    | 0   | Landing stage seen from the boat, upstream (+)       | -80 | 80  | m    |
    | 1   | Landing stage seen from the boat, across (+)         | -80 | 80  | m    |
    | 2   | Cosine of the heading (1 = bow points upstream)      | -1  | 1   | -    |
    | 3   | Sine of the heading (1 = bow points to the far bank) | -1  | 1   | -    |
    | 4   | Speed through the water along the bow                | -5  | 5   | m/s  |
    | 5   | Turning rate                                         | -3  | 3   | rad/s |
    | 6   | Velocity over ground, upstream (+)                   | -10 | 10  | m/s  |
    | 7   | Velocity over ground, across (+)                     | -10 | 10  | m/s  |

    | Num | Action                         | Min | Max |
    |-----|--------------------------------|-----|-----|
    | 0   | Throttle (negative: astern)    | -1  | 1   |
    | 1   | Rudder (positive: to larger heading) | -1 | 1 |
    """

    metadata = {"render_modes": []}
    dt = 0.2
    STAGE = (0.0, 38.0)

    def __init__(self):
        high = np.array([80, 80, 1, 1, 5, 3, 10, 10], np.float32)
        self.observation_space = gymnasium.spaces.Box(-high, high, dtype=np.float32)
        self.action_space = gymnasium.spaces.Box(-1.0, 1.0, (2,), np.float32)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        draw = self.np_random.uniform
        self.x, self.y = draw(-15.0, 15.0), draw(1.0, 4.0)
        self.heading, self.speed, self.turn = draw(-0.5, 2.0), 0.0, 0.0
        self.middle = draw(0.6, 1.6)  # speed of the water in the middle, m/s
        self._move()
        return self._observe(), {}

    def _move(self):
        across = min(max(self.y / 40.0, 0.0), 1.0)
        water = -self.middle * (0.4 + 0.6 * 4.0 * across * (1.0 - across))
        self.vx = self.speed * math.cos(self.heading) + water
        self.vy = self.speed * math.sin(self.heading)

    def step(self, action):
        throttle = min(max(float(action[0]), -1.0), 1.0)
        rudder = min(max(float(action[1]), -1.0), 1.0)
        push = 1.2 * throttle if throttle > 0.0 else 0.5 * throttle
        self.speed += self.dt * (push - 0.4 * self.speed)  # 3 m/s at full throttle
        flow = abs(self.speed) + 1.5 * max(throttle, 0.0)  # a rudder works only where water streams past it
        self.turn += self.dt * (0.5 * rudder * min(flow, 3.0) - 1.5 * self.turn)
        self.heading += self.dt * self.turn
        self._move()
        self.x += self.dt * self.vx
        self.y += self.dt * self.vy
        lost = not -2.0 <= self.y <= 42.0 or abs(self.x) > 60.0
        return self._observe(), 0.0, lost, False, {}

    def _observe(self):
        return np.array([self.STAGE[0] - self.x, self.STAGE[1] - self.y, math.cos(self.heading), math.sin(self.heading),
                         self.speed, self.turn, self.vx, self.vy], np.float32)
