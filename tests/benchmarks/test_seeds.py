from __future__ import annotations

import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def test_each_pair_of_trainings_counts_by_what_came_second(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    monkeypatch.delitem(sys.modules, "seeds", raising=False)
    import seeds  # type: ignore[import-not-found]

    def row(goal: str, candidate: str, success: float, solved: int) -> dict[str, str]:
        return {"goal": goal, "candidate": candidate, "success": str(success), "solved": str(solved)}

    rows = [row("a", "1", 0.5, 0), row("a", "1", 0.9, 1), row("a", "2", 0.1, 0), row("b", "1", 0.9, 1)]
    # Only the first training sometimes succeeded and solved nothing; the other goal's says nothing about it.
    assert list(seeds.chances(rows)) == [("another seed of it", 1, 1), ("another reward", 0, 1)]
    rows.append(row("a", "2", 0.3, 0))
    # The new one is followed by its own failure and by both trainings of the other reward; it is "another" for those.
    assert list(seeds.chances(rows)) == [("another seed of it", 1, 2), ("another reward", 1, 4)]
