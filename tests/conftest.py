from __future__ import annotations

from pathlib import Path

import pytest

from tests.crane import CRANE


@pytest.fixture
def crane_file(tmp_path: Path) -> str:
    path = tmp_path / "crane.xml"
    path.write_text(CRANE)
    return str(path)
