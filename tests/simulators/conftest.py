from __future__ import annotations

from tests.simulators.crane import crane_file as crane_file
