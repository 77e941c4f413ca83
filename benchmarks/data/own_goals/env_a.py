"""Two water tanks, one above the other: a small environment of one's own, in one file."""
import gymnasium
import numpy as np


class TwoTanks(gymnasium.Env):
    """A pump fills the upper tank, a valve lets it run into the lower tank, and a consumer draws water from there.

    Both tanks are 1 m high. The pump is slow to respond. What the consumer draws changes now and then, and the wanted
    level of the lower tank is another one in every episode. Water above a tank's rim is spilled.

    | Num | Observation                          | Min | Max | Unit  |
    |-----|--------------------------------------|-----|-----|-------|
    | 0   | Level of the upper tank              | 0   | 1   | m     |
    | 1   | Level of the lower tank              | 0   | 1   | m     |
    | 2   | Wanted level of the lower tank       | 0   | 1   | m     |
    | 3   | Flow of the pump                     | 0   | 1   | -     |
    | 4   | Flow drawn by the consumer           | 0   | 1   | -     |
    | 5   | Water spilled so far, both tanks     | 0   | 100 | m of level |

    | Num | Action                | Min | Max |
    |-----|-----------------------|-----|-----|
    | 0   | Pump command          | -1 (off) | 1 (full) |
    | 1   | Valve between tanks   | -1 (closed) | 1 (open) |
    """

    metadata = {"render_modes": []}
    dt = 1.0
    PUMP = 0.03  # m of level a second at full flow
    VALVE = 0.06  # m of level a second when open, from a full upper tank

    def __init__(self):
        self.observation_space = gymnasium.spaces.Box(
            np.zeros(6, np.float32), np.array([1, 1, 1, 1, 1, 100], np.float32), dtype=np.float32)
        self.action_space = gymnasium.spaces.Box(-1.0, 1.0, (2,), np.float32)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        draw = self.np_random.uniform
        self.upper, self.lower = draw(0.1, 0.5), draw(0.1, 0.5)
        # always well away from where it starts
        self.wanted = self.lower + draw(0.2, 0.4) if self.np_random.random() < 0.75 else max(0.08, self.lower - 0.2)
        self.pump, self.drawn, self.spilled = 0.0, draw(0.1, 0.6), 0.0
        return self._observe(), {}

    def step(self, action):
        a = np.clip(np.asarray(action, float), -1.0, 1.0)
        command, valve = (float(a[0]) + 1.0) / 2.0, (float(a[1]) + 1.0) / 2.0
        self.pump += 0.2 * (command - self.pump)
        if self.np_random.random() < 0.01:
            self.drawn = self.np_random.uniform(0.1, 0.6)
        through = min(self.VALVE * valve * self.upper ** 0.5, self.upper)
        self.upper += self.PUMP * self.pump - through
        out = min(self.PUMP * self.drawn, self.lower + through)
        self.lower += through - out
        for tank in ("upper", "lower"):
            over = getattr(self, tank) - 1.0
            if over > 0.0:
                self.spilled += over
                setattr(self, tank, 1.0)
        return self._observe(), 0.0, False, False, {}

    def _observe(self):
        return np.array([self.upper, self.lower, self.wanted, self.pump, self.drawn, min(self.spilled, 100.0)], np.float32)
