from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def one_worker_host() -> None:
    """Here, executors are ended and their hosts are counted and killed: each executor has one of its own."""
