#!/usr/bin/env bash
# Gymnasium 1.3.0: BipedalWalker's documentation lists its observation in another order than the code gives it.
#
# Expected: as its docstring and page say: "hull angle speed, angular velocity, horizontal speed, vertical speed, position of
#           joints and joints angular speed, legs contact with ground, and 10 lidar rangefinder measurements", so that
#           the four joints' angles are elements 4 to 7, their speeds 8 to 11, and both legs' contacts 12 and 13.
# Seen:     element 0 is the hull's angle, and the legs come one after the other: of each joint angle and speed, and then
#           the contact, which are elements 8 and 13. What reads a contact at 12 reads the speed of a knee. The docstring
#           does not say either that a knee's angle is given plus 1, and that speeds are scaled.
# Exits with 0 if this is seen, and with 1 if it has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check 'gymnasium[box2d]==1.3.0' numpy==2.3.5
cat > order.py <<'PY'
import sys

import gymnasium
import numpy as np
from gymnasium.envs.box2d.bipedal_walker import BipedalWalker

said = " ".join(BipedalWalker.__doc__.split())
listed = "position of joints and joints angular speed, legs contact with ground" in said
environment = gymnasium.make("BipedalWalker-v3")
environment.reset(seed=0)
base, rows, truth = environment.unwrapped, [], []
environment.action_space.seed(0)
for _ in range(60):
    seen, _, ended, _, _ = environment.step(environment.action_space.sample())
    legs = [float(base.legs[number].ground_contact) for number in (1, 3)]
    rows.append(seen)
    truth.append([base.hull.angle, *(joint.angle for joint in base.joints), *legs])
    if ended:
        break
rows, truth = np.array(rows), np.array(truth)
as_said, as_coded = (0, 4, 5, 6, 7, 12, 13), (0, 4, 6, 9, 11, 8, 13)
truth += [0, 0, 1, 0, 1, 0, 0]  # To both knees' angles, 1 is added.
errors = {name: float(np.abs(rows[:, columns] - truth).max()) for name, columns in
          (("in the documented order", as_said), ("leg by leg", as_coded))}
print("gymnasium", gymnasium.__version__, "hull angle, joint angles and contacts differ at most by", errors)
sys.exit(0 if listed and errors["in the documented order"] > 0.1 and errors["leg by leg"] < 1e-5 else 1)
PY
env/bin/python -W ignore order.py
