from __future__ import annotations

from pathlib import Path

import pytest

from reward_synth.store import RunStore
from tests.store.cases import GOAL, SETTINGS


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    return RunStore.create(tmp_path / "runs", GOAL, SETTINGS, None, "reward-synth run x", {"samples": "--samples"})
