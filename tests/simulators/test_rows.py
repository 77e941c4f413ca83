"""Rows of shipped environments: the compiled reader gives what the fields give one by one, to the last bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from reward_synth.core.errors import RewardSynthError
from reward_synth.simulators import get_simulator, open_by_id, simulator_of
from reward_synth.simulators.gym.annotations import ANNOTATIONS
from reward_synth.tasks.spec import list_tasks

SUITE = get_simulator("dmcontrol").environments()
ENVIRONMENTS = sorted({*ANNOTATIONS, *SUITE, *(spec.environment.id for spec in list_tasks())})


@pytest.mark.parametrize("env_id", ENVIRONMENTS)
def test_a_row_holds_every_field_to_the_last_bit(env_id: str) -> None:
    try:
        env: Any = open_by_id(env_id)
    except RewardSynthError as missing:
        pytest.skip(missing.message)
    table = get_simulator(simulator_of(env_id)).fields(env)
    read, places = table.reader(env), table.columns()
    smaller = [(some, some.reader(env)) for some in (table.essential(), table.subset(table.names[::3]))]
    env.reset(seed=5)
    env.action_space.seed(5)
    for _ in range(20):
        env.step(env.action_space.sample())
        single = {f.name: np.asarray(f.read(env.unwrapped), np.float64).tobytes() for f in table}
        row = read()
        assert {name: row[place].tobytes() for name, place in places.items()} == single
        assert row.shape == (table.width(),)
        for some, read_some in smaller:
            assert read_some().tobytes() == b"".join(single[name] for name in some.names)
    env.close()
