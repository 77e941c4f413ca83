"""An environment of one's own, in a file, that can be made to fail in many ways."""

from __future__ import annotations

from pathlib import Path

POINT = '''
"""A point on a line."""
import ctypes
import os
import subprocess
import tempfile
from pathlib import Path

import gymnasium
import numpy as np


class Point(gymnasium.Env):
    """A point that is pushed along a line.

    | Num | Observation           | Min | Max | Unit           |
    |-----|-----------------------|-----|-----|----------------|
    | 0   | Position of the point | -9  | 9   | position (m)   |
    | 1   | Speed                 | -9  | 9   | velocity (m/s) |
    """

    metadata = {"render_modes": ["rgb_array"]}
    dt = 0.1

    def __init__(self, mode="", after=5, render_mode=None):
        self.mode, self.after, self.steps = mode, after, 0
        self.render_mode = render_mode
        self.observation_space = gymnasium.spaces.Box(-9, 9, (2,), np.float64)
        self.action_space = gymnasium.spaces.Box(-1, 1, (1,), np.float32)
        if mode == "make":
            raise RuntimeError("no licence")
        if mode == "another word each time":
            raise RuntimeError(f"no licence for {object()} of {os.getpid()} in {tempfile.mkdtemp()}")
        if mode == "secret":
            (Path(__file__).parent / "secret.txt").read_text()
        if mode == "temporary":
            with tempfile.TemporaryDirectory() as folder:
                (Path(folder) / "model.xml").write_text("<mujoco/>")
            for name in ("TMPDIR", "NUMBA_CACHE_DIR", "XDG_CACHE_HOME"):
                (Path(os.environ[name]) / "cached").write_text("compiled")
        if mode == "large":
            with tempfile.TemporaryFile() as file:
                file.truncate(1 << 29)
        if mode == "program":
            subprocess.run(["true"], check=True)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        generator = np.random.default_rng() if self.mode == "unseeded" else self.np_random
        self.state, self.here = np.array([generator.uniform(-1, 1), 0.0]), 0
        if self.mode == "reset":
            raise RuntimeError("joint stuck")
        return self.observe(), {}

    def observe(self):
        return np.zeros(3) if self.mode == "shape" else self.state.copy()

    def step(self, action):
        self.steps += 1
        self.state[1] = np.clip(self.state[1] + 0.1 * float(action[0]), -0.5, 0.5)
        self.state[0] = np.clip(self.state[0] + 0.1 * self.state[1], -9, 9)
        late = self.steps > self.after
        # Only trainer and evaluator have a folder of their own for temporary files.
        training = str(tempfile.tempdir).endswith("scratch")
        if late and (self.mode == "step" or (self.mode == "training" and training)):
            raise ValueError("motor burnt")
        if self.mode == "nan" and late:
            self.state[0] = np.nan
        if self.mode == "crash" and late:
            ctypes.string_at(0)
        if self.mode == "exit" and late:
            os._exit(3)
        while self.mode == "hang" and late:
            pass
        if self.mode == "wide" and late:
            return np.append(self.state, 0.0), 0.0, False, False, {}
        self.here += 1
        ends = self.mode in ("limit", "fails at its limit") and self.here >= 25
        if self.mode == "leaves":
            ends = abs(self.state[0]) > 0.5
        return self.observe(), 0.0, ends and self.mode == "fails at its limit", ends, {}

    def render(self):
        if self.mode == "scratch":
            tempfile.TemporaryFile().close()
        return np.zeros((4, 6, 3), dtype=np.uint8)


class NoEnvironment:
    pass
'''

TASK = """\
name: gym/point_home
goal: Bring the point to 0 and keep it there.
environment:
  id: ./point.py:Point
  fields:
    distance: {expression: "np.abs(observation[0])", unit: m, low: 0, doc: Distance from 0.}
horizon: 40
success: episode.length == 40 and bool(np.max(episode.distance[20:]) < 0.1)
fitness: -np.mean(episode.distance)
fitness_unit: m off, negated
training:
  preset: steady
  steps: 20000
evaluation:
  episodes: 4
"""

REWARD = """
def compute_reward(state, action, next_state):
    return {"near": -next_state.distance, "still": -0.1 * abs(next_state.speed)}
"""


def write_point(folder: Path) -> Path:
    """The environment's file and its task beside it; returns the task's path."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "point.py").write_text(POINT)
    (folder / "point_home.yaml").write_text(TASK)
    return folder / "point_home.yaml"
