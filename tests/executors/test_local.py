"""Which executor there is, how many trainings run side by side, and what an executor's processes are told."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import pytest

from reward_synth.cli.app import execute
from reward_synth.core import machine
from reward_synth.core.errors import RewardSynthError
from reward_synth.executors.ray.driver import broker_environment
from reward_synth.executors.ray.protocol import Event, Order
from reward_synth.executors.registry import open_executor
from reward_synth.settings.model import Settings
from reward_synth.training.worker.line import Line

MIB = 1 << 20


def no_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *more: None if name == "ray" else found(name, *more))


def test_without_the_extra_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    no_ray(monkeypatch)
    with pytest.raises(RewardSynthError, match="not installed") as caught:
        open_executor("ray", 1)
    assert caught.value.hint == 'pip install "reward-synth[ray]"'


def test_without_the_extra_no_run_is_begun(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    no_ray(monkeypatch)
    monkeypatch.chdir(tmp_path)
    assert execute(["run", "--task", "inverted_pendulum_balance", "--model", "manual", "--executor", "ray"]) == 2
    assert 'pip install "reward-synth[ray]"' in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


def memory(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, free: int | None, limit: str = "max", used: int = 0
) -> None:
    """A machine with so much memory free, in a container that may use ``limit`` bytes."""
    monkeypatch.setattr(machine, "_free_in_machine", lambda: free)
    monkeypatch.setattr(machine, "_CGROUP", tmp_path)
    (tmp_path / "memory.max").write_text(f"{limit}\n")
    (tmp_path / "memory.current").write_text(f"{used}\n")
    (tmp_path / "memory.stat").write_text(f"anon 5\nactive_file {10 * MIB}\ninactive_file {20 * MIB}\n")


def test_trainings_side_by_side_are_bounded_by_cores_and_by_memory(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    each = machine.WORKER_MEMORY
    monkeypatch.setattr(machine, "cores", lambda: 8)
    memory(monkeypatch, tmp_path, free=100 * each)
    assert Settings().worker_count == 8
    memory(monkeypatch, tmp_path, free=3 * each + 1)
    assert Settings().worker_count == 3
    assert Settings(jobs=5).worker_count == 5, "who asks for more gets it"
    memory(monkeypatch, tmp_path, free=each // 2)
    assert Settings().worker_count == 1
    memory(monkeypatch, tmp_path, free=None)
    assert Settings().worker_count == 8


def test_a_containers_limit_counts_and_its_file_pages_do_not(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    memory(monkeypatch, tmp_path, free=10_000 * MIB, limit=str(2000 * MIB), used=500 * MIB)
    assert machine.free_memory() == 1530 * MIB
    memory(monkeypatch, tmp_path, free=100 * MIB, limit=str(2000 * MIB), used=500 * MIB)
    assert machine.free_memory() == 100 * MIB


def test_what_talks_to_ray_is_told_rays_variables_and_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "AWS_SECRET_ACCESS_KEY", "REWARD_SYNTH_API_KEY", "SOME_VARIABLE"):
        monkeypatch.setenv(name, "canary")
    # As `ray job submit` sets it; its runtime environment would reach every node.
    monkeypatch.setenv("RAY_JOB_CONFIG_JSON_ENV_VAR", '{"runtime_env": {"env_vars": {"OPENAI_API_KEY": "canary"}}}')
    monkeypatch.setenv("RAY_USE_TLS", "1")
    monkeypatch.setenv("RAY_AUTH_TOKEN", "of-their-cluster")
    theirs, own = (broker_environment(own_cluster=own) for own in (False, True))
    assert not [name for found in (theirs, own) for name, text in found.items() if "canary" in text]
    assert (theirs["RAY_USE_TLS"], theirs["RAY_AUTH_TOKEN"]) == ("1", "of-their-cluster")
    assert own["RAY_AUTH_MODE"] == "token"
    assert own["RAY_AUTH_TOKEN"] not in ("of-their-cluster", broker_environment(own_cluster=True)["RAY_AUTH_TOKEN"])


def test_messages_arrive_whole_whatever_their_pieces() -> None:
    incoming, outgoing = os.pipe()
    line = Line(Event, incoming, outgoing)
    assert list(line.heard(0.0)) == []
    line.tell(Event(kind="ready"))
    content = Event(kind="failed", message="ä" * 100).model_dump_json().encode() + b"\n"
    os.write(outgoing, content[:40])
    assert [event.kind for event in line.heard(1.0)] == ["ready"]
    os.write(outgoing, content[40:])
    assert [event.message for event in line.heard(1.0)] == ["ä" * 100]
    os.close(outgoing)
    with pytest.raises(EOFError):
        list(line.heard(1.0))
    os.close(incoming)
    assert Order(kind="stop").jobs == ()
