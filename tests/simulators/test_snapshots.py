from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import gymnasium
import numpy as np
import pytest

from reward_synth.simulators import snapshots
from reward_synth.simulators.snapshots import snapshot


class Holder(gymnasium.Env[Any, Any]):
    """Its state lies in an object, and a part of it is shared."""

    def __init__(self) -> None:
        self.place = np.zeros(2)
        self.world = SimpleNamespace(place=self.place, random=np.random.default_rng(0))
        self.steps = 0
        self.unpicklable = lambda: None

    def act(self) -> tuple[float, int]:
        self.world.place += self.world.random.normal()
        self.steps += 1
        return float(self.place[0]), self.steps


def test_an_environment_without_mujoco_is_put_back_as_a_whole_again_and_again() -> None:
    env = Holder()
    env.act()
    restore = snapshot(env)
    first = [env.act() for _ in range(3)]
    for _ in range(2):
        restore()
        assert [env.act() for _ in range(3)] == first


def test_one_that_is_too_large_or_cannot_be_pickled_keeps_its_plain_attributes_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    large, odd = Holder(), Holder()
    odd.world.act = lambda: None
    monkeypatch.setattr(snapshots, "LARGEST", 10_000)
    large.table = np.zeros(5_000)
    for env in (large, odd):
        restore = snapshot(env)
        place = env.world.random.bit_generator.state["state"]
        env.act()
        restore()
        assert env.steps == 0 and env.world.random.bit_generator.state["state"] != place
