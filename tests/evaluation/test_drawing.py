"""Pictures without a rendering device, and from where a model is looked at."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import mujoco
import numpy as np
import pytest

from reward_synth.evaluation.camera import View
from reward_synth.evaluation.drawing import GROUND, SKY, Drawing, Pixels
from reward_synth.simulators import open_by_id

RED, BLUE = (255, 0, 0), (0, 0, 255)
WIDTH, HEIGHT = 120, 80


def scene(bodies: str, cameras: str = "") -> tuple[Any, Any]:
    model = mujoco.MjModel.from_xml_string(f"<mujoco><worldbody>{cameras}{bodies}</worldbody></mujoco>")
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    return model, data


def drawn(bodies: str, cameras: str = "", view: View | None = None) -> Pixels:
    model, data = scene(bodies, cameras)
    chosen = view or View.of(SimpleNamespace(model=model), "track")
    return Drawing(model, chosen, WIDTH, HEIGHT)(data)


def of_color(pixels: Pixels, color: tuple[int, int, int]) -> Any:
    return np.abs(pixels.astype(int) - color).max(axis=2) < 40


@pytest.mark.parametrize("kind", ["geom", "site"])
@pytest.mark.parametrize(
    "shape",
    [
        'type="sphere" size="0.3"',
        'type="ellipsoid" size="0.2 0.3 0.3"',
        'type="box" size="0.3 0.3 0.3"',
        'type="cylinder" size="0.3 0.3"',
        'type="capsule" size="0.2 0.2"',
    ],
)
def test_each_shape_is_drawn_where_it_is(kind: str, shape: str) -> None:
    view = View(target=(0.0, 0.0, 0.0), distance=3.0, elevation=0.0)
    middle = drawn(f'<{kind} {shape} rgba="1 0 0 1"/>', view=view)
    assert of_color(middle, RED)[HEIGHT // 2, WIDTH // 2]
    high = np.argwhere(of_color(drawn(f'<{kind} {shape} pos="0 0 0.5" rgba="1 0 0 1"/>', view=view), RED))
    right = np.argwhere(of_color(drawn(f'<{kind} {shape} pos="0.5 0 0" rgba="1 0 0 1"/>', view=view), RED))
    # Seen along +y, x points to the right.
    assert high[:, 0].mean() < HEIGHT / 2 - 5 and abs(high[:, 1].mean() - WIDTH / 2) < 3
    assert right[:, 1].mean() > WIDTH / 2 + 5 and abs(right[:, 0].mean() - HEIGHT / 2) < 3


def test_what_is_nearer_covers_what_is_behind() -> None:
    view = View(distance=3.0, elevation=0.0)
    for near, far, seen in ((-0.5, 0.5, RED), (0.5, -0.5, BLUE)):
        balls = f'<geom size="0.2" pos="0 {near} 0" rgba="1 0 0 1"/><geom size="0.2" pos="0 {far} 0" rgba="0 0 1 1"/>'
        assert of_color(drawn(balls, view=view), seen)[HEIGHT // 2, WIDTH // 2]


@pytest.mark.parametrize("kind", ["geom", "site"])
def test_hidden_and_transparent_ones_are_left_out(kind: str) -> None:
    view = View(distance=3.0)
    red = f'<{kind} size="0.4" rgba="1 0 0 '
    assert of_color(drawn(f'{red}1"/>', view=view), RED).any()
    assert not of_color(drawn(f'{red}1" group="3"/>{red}0"/><geom size="0.1" pos="0 0 9"/>', view=view), RED).any()


def test_the_ground_and_a_shadow_show_how_high_something_is() -> None:
    view = View(target=(0.0, 0.0, 0.5), distance=3.0)
    plane = '<geom type="plane" size="5 5 1" rgba="0 1 0 1"/>'
    empty = drawn(plane, view=view)
    assert of_color(empty, GROUND).mean() > 0.3 and not of_color(empty, SKY).all()
    with_ball = drawn(plane + '<geom size="0.2" pos="0 0 1" rgba="1 0 0 1"/>', view=view)
    changed = np.argwhere((with_ball != empty).any(axis=2) & ~of_color(with_ball, RED))
    ball = np.argwhere(of_color(with_ball, RED))
    assert changed[:, 0].max() > ball[:, 0].max() + 5, "no shadow under the ball"


def test_a_camera_that_stands_on_its_head_is_turned() -> None:
    bodies = '<geom size="0.2" pos="0 0 0.4" rgba="1 0 0 1"/><geom size="0.2" pos="0 0 -0.4" rgba="0 0 1 1"/>'
    for up in ("0 0 1", "0 0 -1"):
        right = "1 0 0" if up == "0 0 1" else "-1 0 0"
        pixels = drawn(bodies, f'<camera name="track" pos="0 -3 0" xyaxes="{right} {up}"/>')
        red, blue = (np.argwhere(of_color(pixels, color)) for color in (RED, BLUE))
        assert red[:, 0].mean() < HEIGHT / 2 < blue[:, 0].mean()


def test_without_a_camera_all_but_the_ground_is_in_view() -> None:
    balls = '<geom size="0.3" pos="4 0 1" rgba="1 0 0 1"/><geom size="0.3" rgba="0 0 1 1"/>'
    pixels = drawn(f'<geom type="plane" size="50 50 1"/>{balls}')
    assert of_color(pixels, RED).any() and of_color(pixels, BLUE).any()


@pytest.mark.parametrize("env_id", ["HalfCheetah-v5", "Reacher-v5", "Ant-v5"])
def test_shipped_bodies_are_in_view_and_move(env_id: str) -> None:
    environment = open_by_id(env_id)
    base: Any = environment.unwrapped
    environment.reset(seed=0)
    draw = Drawing(base.model, View.of(base, "track"), WIDTH, HEIGHT)
    before = draw(base.data)
    environment.action_space.seed(0)
    for _ in range(20):
        environment.step(environment.action_space.sample())
    after = draw(base.data)
    environment.close()
    assert 0.002 < (before != after).any(axis=2).mean() < 0.9


def test_what_the_environment_wants_comes_before_a_camera_in_a_robots_head() -> None:
    model, _ = scene('<geom size="0.3" pos="1 0 0" rgba="1 0 0 1"/>', '<camera name="head" pos="0 0 9"/>')
    wanted = {"lookat": np.array([1.0, 0.0, 0.0]), "distance": 2.0, "azimuth": 45.0}
    plain, renderer = SimpleNamespace(model=model), SimpleNamespace(default_cam_config=wanted)
    assert View.of(plain, "track").camera == 0
    view = View.of(SimpleNamespace(model=model, mujoco_renderer=renderer), "track")
    assert (view.camera, view.target, view.distance, view.azimuth) == (None, (1.0, 0.0, 0.0), 2.0, 45.0)
    assert View.of(SimpleNamespace(model=model, mujoco_renderer=renderer), "head").camera == 0
