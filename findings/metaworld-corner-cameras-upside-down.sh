#!/usr/bin/env bash
# MetaWorld 3.1.1: all four corner cameras of its models stand on their heads.
#
# Expected: a camera that the documentation offers for rendering looks at the table with the ceiling at the top of the
#           picture: the z component of its own up axis is positive.
# Seen:     it is -0.5 to -1.0 for `corner`, `corner2`, `corner3` and `corner4`, so that every film, and every picture that
#           a vision model is given, is turned by about 180 degrees. `behindGripper` is upright; `topview` and `gripperPOV`
#           look along the vertical. Nothing is rendered here: the axes are those that MuJoCo computes.
# Exits with 0 if this is seen, and with 1 if it has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check metaworld==3.1.1 mujoco==3.3.0 numpy==2.3.5 packaging==25.0
cat > cameras.py <<'PY'
import importlib.metadata
import sys

import gymnasium
import metaworld  # noqa: F401  (it registers its environments)
import mujoco

environment = gymnasium.make("Meta-World/MT1", env_name="drawer-open-v3")
environment.reset(seed=0)
base = environment.unwrapped
mujoco.mj_forward(base.model, base.data)
up = {base.model.camera(i).name: float(base.data.cam_xmat[i].reshape(3, 3)[2, 1]) for i in range(base.model.ncam)}
print("metaworld", importlib.metadata.version("metaworld"), {name: round(value, 2) for name, value in up.items()})
corners = [value for name, value in up.items() if name.startswith("corner")]
sys.exit(0 if len(corners) == 4 and max(corners) < -0.4 else 1)
PY
env/bin/python -W ignore cameras.py
