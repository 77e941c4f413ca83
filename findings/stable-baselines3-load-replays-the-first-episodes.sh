#!/usr/bin/env bash
# stable-baselines3 2.9.2: a model that was trained, saved and loaded goes on with the noise and starts of its first steps.
#
# Expected: a training that goes on from a saved model (`load`, then `learn(reset_num_timesteps=False)`) meets new start
#           states and draws new exploration noise, as it does where the same model goes on in memory.
# Seen:     `load` builds the model anew, and that seeds Python, numpy, torch and the environments with the `seed` that
#           the model once was given. So each resumed piece of a training begins in the same start states, and with the
#           same noise, as step 0 did: a training in ten pieces sees the start states of its first tenth ten times.
#           The learning rate is 0 here only so that the policies are equal, and their actions can be compared.
# Exits with 0 if this is seen, and with 1 if it has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check torch==2.13.0 numpy==2.3.5 gymnasium==1.3.0 stable-baselines3==2.9.2
cat > resume.py <<'PY'
import sys

import gymnasium
import numpy as np
import stable_baselines3
from stable_baselines3 import PPO, SAC

STEPS = 600  # Three episodes.


class Record(gymnasium.Wrapper):
    def __init__(self):
        super().__init__(gymnasium.make("Pendulum-v1"))
        self.starts, self.actions = [], []

    def reset(self, **options):
        observation, info = self.env.reset(**options)
        self.starts.append(observation.tolist())
        return observation, info

    def step(self, action):
        self.actions.append(np.array(action).tolist())
        return self.env.step(action)

    def trained(self, model):
        self.starts.clear(), self.actions.clear()
        model.learn(STEPS, reset_num_timesteps=False)
        return self.starts[:3], self.actions[:STEPS]


options = {
    PPO: {"n_steps": STEPS, "batch_size": STEPS, "n_epochs": 1},
    SAC: {"learning_starts": 0, "gradient_steps": 0, "buffer_size": 2 * STEPS},
}
replays = []
for kind, more in options.items():
    environment = Record()
    model = kind("MlpPolicy", environment, seed=0, device="cpu", learning_rate=0.0, **more)
    first = environment.trained(model)
    model.save("model")
    on_in_memory = environment.trained(model)
    other = Record()
    loaded = other.trained(kind.load("model", env=other, device="cpu"))
    print(kind.__name__, "loaded replays its first steps:", loaded == first, "- in memory:", on_in_memory == first)
    replays += [loaded == first and on_in_memory != first]
print("stable-baselines3", stable_baselines3.__version__)
sys.exit(0 if all(replays) else 1)
PY
env/bin/python -W ignore resume.py
