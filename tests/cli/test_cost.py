from __future__ import annotations

import json

import pytest

from reward_synth.api.run import Run
from reward_synth.training.outcomes import RungEnd
from tests.cli.cases import out


def test_cost(capsys: pytest.CaptureFixture[str], run: Run) -> None:
    known = '{"time":"2026-01-01T00:00:00Z","role":"designer","model":"m","prompt_tokens":10,'
    known += '"completion_tokens":5,"usd":0.25,"seconds":2.0}\n'
    unknown = known.replace("0.25", "null").replace("designer", "critic")
    (run.path / "costs.jsonl").write_text(known + known + unknown)
    text = out(capsys, "cost", "latest")
    assert "unknown" in text
    assert "10,000 steps in 2 trainings" in text
    rows = {row["of"]: row for row in json.loads(out(capsys, "cost", "latest", "--json"))["calls"]}
    assert rows["designer"]["usd"] == 0.5
    assert rows["critic"]["usd"] is None
    assert rows["all"]["usd"] is None
    assert rows["all"]["prompt_tokens"] == 30
    assert [row["of"] for row in json.loads(out(capsys, "cost", "--json"))["calls"]] == [run.id]


def test_cost_counts_requests_that_were_given_up_beside_the_dollars(
    capsys: pytest.CaptureFixture[str], run: Run
) -> None:
    known = '{"time":"2026-01-01T00:00:00Z","role":"designer","model":"m","prompt_tokens":10,'
    known += '"completion_tokens":5,"usd":0.25,"seconds":2.0}\n'
    lost = (
        known.replace("10", "null").replace("5,", "null,", 1).replace("0.25", "null").replace("}", ',"given_up":true}')
    )
    (run.path / "costs.jsonl").write_text(known + lost)
    told = json.loads(out(capsys, "cost", "latest", "--json"))
    assert (told["given_up"], told["calls"][-1]["calls"], told["calls"][-1]["usd"]) == (1, 1, 0.25)
    for arguments in (["latest"], []):
        assert "1 request was given up after 2 s: the provider may bill it" in out(capsys, "cost", *arguments)


def test_cost_counts_a_training_that_another_ones_success_broke_off(
    capsys: pytest.CaptureFixture[str], run: Run
) -> None:
    before = json.loads(out(capsys, "cost", "latest", "--json"))["training"]
    folder = run.store.train_dir("001-b", 0)
    (folder / "result.json").unlink()
    (folder / "progress.csv").write_text("step,seconds,reward,episode_length\n4096,8.0,1.0,200.0\n")
    paused = RungEnd(status="done", job="any", steps=3000, seconds=6.0, cpu_seconds=5.2)
    RungEnd.path(folder).write_text(paused.model_dump_json())
    after = json.loads(out(capsys, "cost", "latest", "--json"))["training"]
    assert (before["trainings"], after["trainings"]) == (2, 2)
    assert before["steps"] - after["steps"] == 5000 - 4096
    assert before["cpu_hours"] - after["cpu_hours"] == pytest.approx((7.2 - 5.2) / 3600, abs=2e-4)
