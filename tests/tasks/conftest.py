from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.tasks import stages


@pytest.fixture(scope="module", autouse=True)
def _close_stages() -> Iterator[None]:
    yield
    stages.close_all()
