from __future__ import annotations

from datetime import datetime

from reward_synth.store.manifest import new_run_id, slug


def test_names_of_runs() -> None:
    moment = datetime(2026, 11, 22, 17, 5).astimezone()
    assert new_run_id("hop", moment).startswith("20261122-1705-hop-")
    assert slug("Let the ant's legs go to the door") == "ants-legs-go-door"
    assert slug("../../etc/passwd") == "etc-passwd"
    assert slug("机器人") == "run"
    assert len(slug("word " * 50)) <= 32
