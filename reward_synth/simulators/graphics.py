"""Which OpenGL MuJoCo can draw with here: found by trying, in a process of its own, since a driver may crash."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from reward_synth.core.waiting import run_within

BACKENDS = ("egl", "osmesa")
"""Those that need no screen."""
DEVICES = ("dri/renderD*", "nvidia[0-9]*")
"""Graphics cards, below /dev. Without one, a driver computes on the processor, which takes longer than outlines do."""
HINT = "MUJOCO_GL=egl or MUJOCO_GL=osmesa shows surfaces and light (apt-get install libegl1 libgl1-mesa-dri libosmesa6)"
SECONDS = 60.0
_TRIAL = """
import mujoco
model = mujoco.MjModel.from_xml_string('<mujoco><worldbody><geom size=".1" rgba="1 0 0 1"/></worldbody></mujoco>')
data = mujoco.MjData(model)
mujoco.mj_forward(model, data)
with mujoco.Renderer(model, 32, 32) as renderer:
    renderer.update_scene(data)
    assert renderer.render().max() > 0
"""


@dataclass(frozen=True)
class Graphics:
    """What was found."""

    backend: str | None
    """The value of ``MUJOCO_GL`` that works; None if none does."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """Environment variables of a process that draws."""


@functools.cache
def graphics() -> Graphics:
    """The first backend that draws, if there is a graphics card. ``MUJOCO_GL``, if it is set, is the only one tried."""
    asked = os.environ.get("MUJOCO_GL")
    cards = BACKENDS if any(any(Path("/dev").glob(pattern)) for pattern in DEVICES) else ()
    for backend in cards if asked is None else filter(None, (asked,)):
        variables = {"MUJOCO_GL": backend}
        try:
            tried = run_within(
                SECONDS, [sys.executable, "-I", "-c", _TRIAL], env=os.environ | variables,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            continue
        if tried.returncode == 0:
            return Graphics(backend, variables)
    return Graphics(None, {"MUJOCO_GL": ""})
