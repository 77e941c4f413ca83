"""A model is compiled once, and every environment has its own copy of it."""

from __future__ import annotations

from pathlib import Path

import mujoco
import numpy as np
import pytest

from reward_synth.simulators import open_environment
from reward_synth.simulators.compiled import KEPT, models_kept
from reward_synth.tasks.spec import load_task

BALL = '<mujoco><worldbody><body name="ball"><freejoint/><geom size="{}"/></body></worldbody></mujoco>'


@pytest.mark.parametrize("name", ["gym/half_cheetah_run_backward", "dmcontrol/cheetah_run"])
def test_another_environment_compiles_nothing_and_plays_the_same(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if name.startswith("dmcontrol"):
        pytest.importorskip("dm_control")
    task = load_task(name)
    first = open_environment(task)

    def refuse(*_: object) -> None:
        raise AssertionError("a model was compiled again")

    monkeypatch.setattr(mujoco.MjModel, "from_xml_path", refuse)
    monkeypatch.setattr(mujoco.MjModel, "from_xml_string", refuse)
    second = open_environment(task)
    models = [each.unwrapped.model for each in (first, second)]  # type: ignore[attr-defined]
    models[0].body_mass[:] *= 2.0
    assert (models[0].body_mass[1:] > models[1].body_mass[1:]).all(), "each has a copy of its own"
    models[0].body_mass[:] = models[1].body_mass
    seen = [each.reset(seed=3)[0] for each in (first, second)]
    action = np.full(first.action_space.shape or (), 0.5, np.float32)
    for _ in range(20):
        seen = [each.step(action)[0] for each in (first, second)]
    np.testing.assert_array_equal(*seen)


def test_a_file_that_was_written_anew_is_compiled_anew(tmp_path: Path) -> None:
    path, sizes = tmp_path / "ball.xml", []
    for size in (0.1, 0.2):
        path.write_text(BALL.format(size))
        with models_kept(tmp_path / "package"):
            sizes.append(float(mujoco.MjModel.from_xml_path(str(path)).geom_size[0, 0]))
    assert sizes == [0.1, 0.2]


def test_few_models_are_kept_and_assets_tell_texts_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, bytes]] = []
    real = mujoco.MjModel.from_xml_string

    def counted(text: str, assets: dict[str, bytes]) -> object:
        asked.append(assets)
        return real(text)

    monkeypatch.setattr(mujoco.MjModel, "from_xml_string", counted)
    contents = [{"noise.bin": bytes([number])} for number in range(KEPT + 1)]
    with models_kept():
        for assets in (*contents, contents[-1], contents[0]):
            mujoco.MjModel.from_xml_string(BALL.format(0.3), assets)
    assert asked == [*contents, contents[0]], "the last one is kept, and the first one is not any more"
