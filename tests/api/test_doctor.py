"""``doctor``: it sees what is there, and an attack that lands is a fault."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from reward_synth.api import doctor
from reward_synth.cli.app import execute
from reward_synth.core.errors import RewardSynthError
from reward_synth.sandbox import lock
from reward_synth.sandbox import self_test as trial
from reward_synth.sandbox.channel import set_protection
from reward_synth.simulators import simulator_names

pytestmark = pytest.mark.skipif(not lock.available().seccomp, reason="the kernel has no seccomp")


def test_every_attack_lands_without_the_lock_and_none_behind_it() -> None:
    holds, attacks = trial.try_lock()
    assert "seccomp" in holds
    assert len(attacks) == 12
    assert [attack.name for attack in attacks if not attack.lands_without_lock] == []
    assert [attack.name for attack in attacks if attack.lands] == []
    # The kernel's own "not permitted", not some accident such as a module that is not there.
    others = [attack.refusal for attack in attacks if not attack.refusal.startswith("PermissionError")]
    assert others == ["RuntimeError: can't start new thread"]


def test_the_command_reports_each_attack(capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["doctor", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert {"system", "packages", "machine", "disk", *simulator_names(), "models", "lock"} <= set(rows)
    assert rows["attack: read a file"]["state"] == "ok"


def test_an_attack_that_lands_is_a_fault(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    @contextmanager
    def open_door() -> Iterator[tuple[str, ...]]:
        set_protection(())
        try:
            yield ("limits",)
        finally:
            set_protection(None)

    monkeypatch.setattr(trial, "protected", open_door)
    assert execute(["doctor"]) == 2
    lines = capsys.readouterr().out.splitlines()
    assert "fault    attack: read a file: it lands behind the lock" in lines


def test_a_machine_without_a_lock_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "available", lambda: lock.Available(seccomp=False, landlock=0, seatbelt=False))
    found = {diagnosis.name: diagnosis for diagnosis in doctor.examine()}
    assert found["lock"].state == "fault"
    assert "virtual machine" in found["lock"].hint


def test_a_dependency_at_a_version_that_is_not_asked_for_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = [
        "numpy>=2.0",
        "gymnasium[mujoco]>=1.2",
        "scipy<99",
        "gone>=1",
        "rich<1; extra == 'x'",
        "rich<1; python_version<'3'",
    ]
    found = {"numpy": "1.26.4", "gymnasium": "1.2", "scipy": "1.16.0rc1", "rich": "13.9"}
    monkeypatch.setattr(doctor.metadata, "requires", {"reward-synth": asked}.__getitem__)

    def version(name: str) -> str:
        if name not in found:
            raise doctor.metadata.PackageNotFoundError(name)
        return found[name]

    monkeypatch.setattr(doctor.metadata, "version", version)
    numpy, gone = list(doctor._packages())[1:]
    assert (numpy.name, numpy.state) == ("package numpy", "warning")
    assert numpy.text == "1.26.4 is installed, and >=2.0 is needed"
    assert numpy.hint.startswith("pip install 'numpy>=2.0'; `pip check`")
    assert (gone.name, gone.state, gone.hint) == ("package gone", "fault", "pip install 'gone>=1'")


def test_what_fails_is_told_and_the_rest_is_still_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> Iterator[doctor.Diagnosis]:
        raise RewardSynthError("no such environment", "install it")
        yield

    monkeypatch.setattr(doctor, "_simulators", broken)
    found = list(doctor.examine())
    fault = next(diagnosis for diagnosis in found if diagnosis.state == "fault")
    assert (fault.text, fault.hint) == ("no such environment", "install it")
    assert found[-1].name.startswith("attack")


def test_what_fails_is_a_fault_only_where_nothing_could_be_run_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RewardSynthError("it does not step", "mend it")

    monkeypatch.setattr("reward_synth.simulators.extra.ExtraSimulator.make", broken)
    monkeypatch.setattr("reward_synth.simulators.gym.adapter.GymMujoco.make", broken)
    found = {row.name: (row.state, row.text, row.hint) for row in doctor._simulators()}
    assert found.pop("gym") == ("fault", "it does not step", "mend it")
    installed = {row for row in found.values() if not row[1].startswith("not installed")}
    assert installed == {("warning", "it does not step", "mend it")}
