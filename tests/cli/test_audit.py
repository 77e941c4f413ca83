from __future__ import annotations

import json
from pathlib import Path

import pytest

from reward_synth.cli.app import execute
from tests.cli.cases import assert_refused

PENDULUM = ["audit", "--env", "InvertedPendulum-v5", "--plan-seconds", "0"]


def test_an_environments_reward_is_told_as_text_as_json_and_as_a_page(capsys: pytest.CaptureFixture[str]) -> None:
    assert execute([*PENDULUM, "--page", "audit.html"]) == 0
    told = capsys.readouterr()
    assert told.out.splitlines()[0].split("  ")[0] == "behaviour" and "\nrest, best of 4 " in told.out
    assert "a learner maximises the discounted sum, with 0.99 per step" in told.err
    assert "nothing says whether the goal is reached" in told.err
    assert "not applicable: pays-without-success" in told.err
    page = Path("audit.html").read_text()
    assert "<td>rest, best of 4</td>" in page and "screen/wrong-sign" in page and "<script" not in page
    assert execute([*PENDULUM, "--json", "--discount", "0.9"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["discount"] == 0.9 and {"rows", "findings", "verdicts", "maximises"} <= set(data)


def test_a_reward_file_with_a_finding_ends_with_1(capsys: pytest.CaptureFixture[str]) -> None:
    Path("bad.py").write_text('def compute_reward(state, action, next_state):\n    return {"a": -state.x_velocty}\n')
    assert execute(["audit", "bad.py", "--task", "half_cheetah_run_backward", "--plan-seconds", "0"]) == 1
    assert "[unknown-field]" in capsys.readouterr().out


def test_a_training_adds_its_course(capsys: pytest.CaptureFixture[str]) -> None:
    lines = [f"{n},{200 - 3 * n},0.1" for n in range(40)]
    Path("monitor.csv").write_text("\n".join(['#{"env_id": "InvertedPendulum-v5"}', "r,l,t", *lines]))
    assert execute(["audit", "--monitor", "monitor.csv", "--plan-seconds", "0"]) == 1
    told = capsys.readouterr().out
    assert "[sinks-in-training]" in told and "the training's last tenth, median of 4" in told


@pytest.mark.parametrize(
    ("arguments", "told", "advice"),
    [
        ([], "nothing is named", "--env"),
        (["x.py"], "against a task", "--task"),
        (["--env", "Hopper-v5", "--task", "hopper_hop_forward"], "both name an environment", "--env"),
        (["--env", "Hopper-v5", "--vecnormalize", "v.pkl"], "belongs to a --model", "both"),
        (["--env", "Hopper-v5", "--plan-seconds", "-1"], "a planner cannot run", "20"),
        (["--env", "Hopper-v5", "--discount", "2"], "the discount must be", "0.99"),
        (["--env", "Hopper-v5", "--model", "no.zip"], "no.zip is no file", "model.save"),
        (["--env", "Hoper-v5"], "unknown environment", "Hopper-v5"),
        (["--monitor", "nowhere.csv"], "nowhere.csv is no monitor file", "monitor.csv"),
    ],
)
def test_what_cannot_be_meant(arguments: list[str], told: str, advice: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert_refused(capsys, ["audit", *arguments], told, advice)
