#!/usr/bin/env bash
# MuJoCo 3.17.0 (seen from 3.3.0 on): a mesh in `assets` is the first one of its name that the process has compiled.
#
# Expected: `MjModel.from_xml_string(xml, {"part.obj": content})` builds its model from the content that it is given, as
#           4.0.0 does: a tetrahedron with edges of 1, 2 and 3 m gives bounding radii in the ratio 1 : 2 : 3.
# Seen:     all three models hold the tetrahedron of the first call, without an error or a warning. Who draws object shapes
#           at random, and passes each as the asset of one name, trains on a single shape. A name of its own for each
#           content, or another process, gives the right model.
# Exits with 0 if this is seen, and with 1 if it has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
for version in 3.17.0 4.0.0; do
  python3 -m venv "env-$version"
  "env-$version/bin/pip" install -q --disable-pip-version-check "mujoco==$version" numpy==2.3.5
done
cat > meshes.py <<'PY'
import sys

import mujoco

MODEL = """<mujoco>
  <asset><mesh name="part" file="{0}"/></asset>
  <worldbody><geom type="mesh" mesh="part"/></worldbody>
</mujoco>"""
TETRAHEDRON = "v 0 0 0\nv {0} 0 0\nv 0 {0} 0\nv 0 0 {0}\nf 1 3 2\nf 1 2 4\nf 1 4 3\nf 2 3 4\n"


def radius(edge, name):
    content = TETRAHEDRON.format(edge).encode()
    return round(float(mujoco.MjModel.from_xml_string(MODEL.format(name), {name: content}).geom_rbound[0]), 3)


same = [radius(edge, "part.obj") for edge in (1, 2, 3)]
apart = [radius(edge, f"part-{edge}.obj") for edge in (1, 2, 3)]
print("mujoco", mujoco.__version__, "one name:", same, "a name for each content:", apart)
right = [1.164, 2.327, 3.491]
expected = [right[0]] * 3 if sys.argv[1] == "shared" else right
sys.exit(0 if same == expected and apart == right else 1)
PY
env-3.17.0/bin/python meshes.py shared
env-4.0.0/bin/python meshes.py right
