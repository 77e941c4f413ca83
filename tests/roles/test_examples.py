from __future__ import annotations

from pathlib import Path

import pytest

from reward_synth.core.resources import data_dir
from reward_synth.reward.lint import lint
from reward_synth.roles.examples import PoolExample, load_pool, read_example, retrieve
from reward_synth.tasks.spec import load_task

POOL = load_pool()


def test_pool_covers_the_shipped_robots() -> None:
    assert {example.environment for example in POOL} >= {
        "HalfCheetah-v5",
        "Hopper-v5",
        "Walker2d-v5",
        "Ant-v5",
        "Reacher-v5",
        "InvertedPendulum-v5",
        "Swimmer-v5",
    }


@pytest.mark.parametrize("example", POOL, ids=lambda example: example.task)
def test_example_belongs_to_a_task_and_lints_clean(example: PoolExample) -> None:
    from reward_synth.simulators import get_simulator

    task = load_task(example.task)
    assert task.environment.id == example.environment
    simulator = get_simulator(task.simulator)
    env = simulator.make(task.environment.id, task.environment.arguments)
    table = simulator.fields(env)
    report = lint(example.source, table.layout(), "compute_reward", len(table.actions))
    env.close()
    assert report.findings == ()


def test_file_names_are_the_tasks() -> None:
    for path in (data_dir("prompts") / "examples").glob("*.py"):
        assert read_example(path).task == f"gym/{path.stem}"


@pytest.mark.parametrize("name", ["gym/hopper_hop_forward", "hopper_hop_forward"])
def test_current_task_is_left_out(name: str) -> None:
    task = load_task("gym/hopper_hop_forward")
    found = retrieve(task.goal, task.environment.id, 100, name)
    assert len(found) == len(POOL) - 1
    assert all(example.goal != task.goal for example in found)


def test_same_goal_is_left_out_whatever_the_task_is_called() -> None:
    task = load_task("gym/hopper_hop_forward")
    assert len(retrieve(task.goal, task.environment.id, 100)) == len(POOL) - 1


def test_nearest_comes_first() -> None:
    assert retrieve("make the hopper hop backwards", "Hopper-v5", 1)[0].environment == "Hopper-v5"
    assert retrieve("reach the cup with the fingertip", "Arm-v1", 1)[0].environment == "Reacher-v5"
    assert retrieve("balance a stick", "Stick-v1", 1)[0].environment == "InvertedPendulum-v5"


def test_count_is_kept() -> None:
    assert retrieve("run", "Dog-v1", 0) == ()
    assert len(retrieve("run", "Dog-v1", 3)) == 3


def test_example_without_header_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "x.py"
    path.write_text("# goal: run\nimport numpy as np\n")
    with pytest.raises(ValueError, match="environment"):
        read_example(path)
