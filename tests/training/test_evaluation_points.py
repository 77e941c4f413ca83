"""Where a training is evaluated: at multiples of a share of its steps, and never twice at one."""

from __future__ import annotations

import pytest

from reward_synth.training.loop.evaluation_callback import _point_after


@pytest.mark.parametrize("points", [10, 200])
def test_the_next_point_lies_behind_for_every_budget(points: int) -> None:
    # 2048 // 409.6 is 4.0 in floating point, and 5 * 409.6 is 2048.0: no step further.
    for budget in (2048 * number for number in range(1, 500)):
        interval = budget / points
        for done in (0, budget // 2, budget - 1, budget):
            following = _point_after(done, interval)
            assert done < following <= done + interval * (1 + 1e-9), (budget, done)
