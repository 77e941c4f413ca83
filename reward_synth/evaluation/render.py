"""Pictures of an environment: by MuJoCo's renderer, as outlines where there is none, or by its own ``render``."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import mujoco
import numpy as np
from PIL import Image

from reward_synth.core.errors import RewardSynthError
from reward_synth.evaluation.camera import View
from reward_synth.evaluation.drawing import Drawing, Pixels
from reward_synth.simulators import get_simulator, open_environment
from reward_synth.simulators.snapshots import holds_model
from reward_synth.tasks.spec import EnvironmentSpec, TaskSpec

Paint = Callable[[], Pixels]
"""The picture of the present state."""


def open_painted(spec: EnvironmentSpec | TaskSpec, width: int, height: int) -> tuple[Any, Paint, str]:
    """A fresh environment, what draws its present state, and how that is drawn, in words.

    A MuJoCo model is drawn by MuJoCo where ``MUJOCO_GL`` names what works here, and else from its geoms' outlines. So
    is a simulator's likeness of its scene, if the environment's own pictures need a device that is not here.

    :param width: of a picture, in pixels; so is ``height``.
    :raises RewardSynthError: the environment has no picture.
    """
    simulator = get_simulator(spec.simulator)
    environment = open_environment(spec)
    base: Any = environment.unwrapped
    if holds_model(base):
        view = View.of(base, simulator.camera)
        scene = _Scene(base, view, width, height)
        return environment, scene, scene.kind
    environment.close()
    try:
        environment = open_environment(spec, render_mode="rgb_array")
    except RewardSynthError as error:
        environment = open_environment(spec)
        if (mirror := simulator.as_mujoco(environment)) is not None:
            scene = _Scene(mirror, View.of(mirror, simulator.camera), width, height)
            return environment, scene, scene.kind
        environment.close()
        raise RewardSynthError(f"{spec.environment.id} cannot be drawn: {error.message}", error.hint) from error
    shown: Any = environment

    def paint() -> Pixels:
        try:
            pixels = np.asarray(shown.render())
        except Exception as error:
            raise _undrawn(spec, f"render() fails with {type(error).__name__}: {error}") from error
        if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype != np.uint8:
            raise _undrawn(spec, f"render() gives an array of shape {pixels.shape} and type {pixels.dtype}")
        return _fitted(pixels, width, height)

    return environment, paint, "drawn by the environment"


def _undrawn(spec: EnvironmentSpec | TaskSpec, why: str) -> RewardSynthError:
    hint = "with render_mode='rgb_array' it must give an array (height, width, 3) of uint8"
    return RewardSynthError(f"{spec.environment.id} cannot be drawn: {why}", hint)


def _fitted(pixels: Pixels, width: int, height: int) -> Pixels:
    """The picture in the middle of one of another size, as large as it fits."""
    picture = Image.fromarray(pixels)
    share = min(width / picture.width, height / picture.height)
    size = max(1, round(share * picture.width)), max(1, round(share * picture.height))
    page = Image.new("RGB", (width, height))
    # Enlarged cells of a grid stay sharp.
    how = Image.Resampling.NEAREST if share > 1.0 else Image.Resampling.BOX
    page.paste(picture.resize(size, how), ((width - size[0]) // 2, (height - size[1]) // 2))
    return np.asarray(page)


class _Scene:
    """Draws an environment's MuJoCo model. Kinematics are computed anew, in data of its own: a step leaves them old."""

    def __init__(self, base: Any, view: View, width: int, height: int) -> None:
        self._base, self._view, self._data = base, view, mujoco.MjData(base.model)
        self._renderer: Any = None
        self.kind = "outlines of the model's geoms"
        if os.environ.get("MUJOCO_GL"):
            try:
                glob = base.model.vis.global_
                glob.offwidth, glob.offheight = max(glob.offwidth, width), max(glob.offheight, height)
                self._renderer = mujoco.Renderer(base.model, height, width)
                self.kind = f"drawn by MuJoCo with {os.environ['MUJOCO_GL']}"
            except Exception as error:  # noqa: BLE001  (drivers raise whatever they like)
                self.kind = f"outlines of the model's geoms: OpenGL failed with {type(error).__name__}: {error}"
        self._drawing = Drawing(base.model, view, width, height)

    def __call__(self) -> Pixels:
        model, data, now = self._base.model, self._data, self._base.data
        data.qpos[:], data.mocap_pos[:], data.mocap_quat[:] = now.qpos, now.mocap_pos, now.mocap_quat
        mujoco.mj_kinematics(model, data)
        mujoco.mj_comPos(model, data)
        mujoco.mj_camlight(model, data)
        if self._renderer is None:
            return self._drawing(data)
        self._renderer.update_scene(data, self._view.as_mujoco())
        pixels: Pixels = self._renderer.render()
        return pixels[::-1, ::-1] if self._view.is_upside_down(data) else pixels
