"""A program as a model: a stub script answers in each of the ways in which programs do."""

from __future__ import annotations

import itertools
import stat
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from reward_synth.core.errors import RewardSynthError, Stopped
from reward_synth.llm import Message, open_model, program
from reward_synth.llm import parallel as side
from reward_synth.llm.base import ImagePart, Waiting

from .conftest import request

KEY = "sk-secret0123456789abcdef"


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "_PAUSE", 0.0)


def stub(tmp_path: Path, body: str) -> str:
    path = tmp_path / "a stub"
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return f"exec:'{path}'"


def model(name: str, **waiting: Any) -> program.ProgramModel:
    opened = open_model(name, waiting=Waiting(**waiting))
    assert isinstance(opened, program.ProgramModel)
    return opened


def test_the_whole_conversation_goes_in_with_the_systems_words_first(tmp_path: Path) -> None:
    turns = (
        Message(role="user", content="Write it."),
        Message(role="system", content="You write rewards."),
        Message(role="assistant", content="no"),
        Message(role="user", content="Again."),
    )
    reply = model(stub(tmp_path, "cat")).complete(request(messages=turns))
    assert reply.text == "You write rewards.\n\nWrite it.\n\n(your earlier answer was)\n\nno\n\nAgain."
    assert (reply.usd, reply.prompt_tokens, reply.cached) == (None, None, False)
    assert reply.seconds > 0


def test_samples_of_one_prompt_are_told_apart_and_keep_their_order(tmp_path: Path) -> None:
    replies = model(stub(tmp_path, "cat")).complete_many([request("Write it.", sample=n) for n in range(6)])
    assert [reply.text.split("\n\n")[1:] for reply in replies] == [[], *([f"(draw {n + 1})"] for n in range(1, 6))]


def test_options_are_split_as_in_a_shell_and_no_shell_runs_them(tmp_path: Path) -> None:
    name = stub(tmp_path, 'printf "%s|" "$@"') + " -p 'two words' '$HOME;ls'"
    assert model(name).complete(request()).text == "-p|two words|$HOME;ls|"


def test_it_is_given_no_key_and_an_empty_folder_that_goes_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("MY_ACCESS_TOKEN", KEY)
    monkeypatch.setenv("MY_SETTING", "kept")
    text = model(stub(tmp_path, "touch left; pwd; ls; env")).complete(request()).text
    folder, listing = text.split("\n")[:2]
    assert Path(folder) not in (Path.cwd(), *Path.cwd().parents) and not Path(folder).exists()
    assert listing == "left" and "MY_SETTING=kept" in text
    assert KEY not in text and "API_KEY" not in text and "MY_ACCESS_TOKEN" not in text


def test_colours_reasoning_and_keys_are_not_part_of_the_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    said = rf"printf '<think>hm</think>\n\033[1;32myes\033[0m {KEY}\n'"
    assert model(stub(tmp_path, said)).complete(request()).text == "yes [key]"


def test_a_failure_that_passes_is_told_and_tried_again(tmp_path: Path) -> None:
    told: list[str] = []
    once = f'echo "busy {KEY}" >&2; test -e "{tmp_path}/seen" || {{ touch "{tmp_path}/seen"; exit 3; }}; echo yes'
    assert model(stub(tmp_path, once), tell=told.append).complete(request()).text == "yes"
    assert len(told) == 1 and "ended with code 3, and is started again: busy [key]" in told[0]


def test_a_failure_that_stays_is_told_in_its_own_words(tmp_path: Path) -> None:
    name = stub(tmp_path, f'echo x >> "{tmp_path}/calls"; echo "log in first" >&2; exit 7')
    with pytest.raises(RewardSynthError, match="ended with code 7 in 3 attempts: log in first") as caught:
        model(name).complete(request())
    assert "keys are not in its environment" in caught.value.hint
    assert (tmp_path / "calls").read_text() == "x\n" * 3


def test_an_empty_answer_says_what_was_on_stderr(tmp_path: Path) -> None:
    told: list[str] = []
    assert model(stub(tmp_path, "echo quota >&2"), tell=told.append).complete(request()).text == ""
    assert told[0].endswith("wrote nothing to stdout, but to stderr: quota")


def gone(pid: int) -> bool:
    found = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True).stdout.strip()
    return not found or found.startswith("Z")


def test_one_that_hangs_ends_with_all_that_it_started(tmp_path: Path) -> None:
    name = stub(tmp_path, f'sleep 600 & echo $! > "{tmp_path}/pid"; wait')
    lost: list[float] = []
    with pytest.raises(RewardSynthError, match="gave no answer within 1 s") as caught:
        model(name, timeout=1.0, given_up=lambda _, reply: lost.append(reply.seconds)).complete(request())
    assert lost == [1.0], "it may have been paid"
    assert "--model-timeout" in caught.value.hint
    end, child = time.monotonic() + 30, int((tmp_path / "pid").read_text())
    while not gone(child):
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_stop_ends_the_waiting_and_closing_ends_the_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(side, "GRACE", 0.1)
    started = tmp_path / "pid"

    def check() -> None:
        if started.exists() and started.read_text().strip():
            raise Stopped("stop was requested")

    asked = model(stub(tmp_path, f'echo $$ > "{started}"; exec sleep 600'), check=check)
    with pytest.raises(Stopped):
        asked.complete(request())
    asked.close()
    end = time.monotonic() + 30
    while not gone(int(started.read_text())):
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not tell a process that its parent is gone")
def test_it_ends_with_a_command_that_is_killed(tmp_path: Path) -> None:
    program = tmp_path / "assistant.sh"
    program.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/pid\nexec sleep 600\n")
    program.chmod(0o755)
    code = f"""
from reward_synth.llm.base import Message, Request, Waiting
from reward_synth.llm.program import ProgramModel
ask = Request(messages=(Message(role="user", content="Write."),), role="designer")
ProgramModel("exec:{program}", Waiting()).complete_many([ask])
"""
    asking = subprocess.Popen([sys.executable, "-c", code])
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text().strip():
        assert asking.poll() is None
        time.sleep(0.01)
    asked = int((tmp_path / "pid").read_text())
    asking.kill()
    asking.wait()
    patience = time.monotonic() + 60.0
    while alive(asked):
        assert time.monotonic() < patience
        time.sleep(0.01)


def alive(pid: int) -> bool:
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("exec:no-such-program-here -p", "there is no such program"),
        ("exec:", "there is no such program"),
        ("exec:cat 'open", "No closing quotation"),
        (f"exec:cat --key {KEY}", "what looks like a key"),
    ],
)
def test_what_cannot_run_is_refused_before_any_call(name: str, told: str) -> None:
    with pytest.raises(RewardSynthError, match=told) as caught:
        open_model(name)
    assert caught.value.hint and KEY not in str(caught.value)


def test_no_server_is_asked_and_pictures_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RewardSynthError, match="--base-url has no meaning"):
        open_model("exec:cat", base_url="http://localhost:1/v1")
    seen = Message(role="user", content=(ImagePart(data="aGVsbG8="),))
    with pytest.raises(RewardSynthError, match="sees no pictures"):
        model("exec:cat").complete(request(messages=(seen,)))


def test_an_answer_that_came_while_this_process_was_paused_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paused = itertools.count(0.0, 600.0)
    monkeypatch.setattr("reward_synth.core.waiting.time", SimpleNamespace(monotonic=lambda: next(paused)))
    asked = "paid " * 40_000  # More than a pipe holds, so that it is handed over in pieces.
    answered = model(stub(tmp_path, "sleep 1.2; cat"), timeout=20.0).complete(request(asked))
    assert answered.text == asked.strip()
    assert side.within(20.0, lambda: time.sleep(0.1) or "paid") == "paid"
