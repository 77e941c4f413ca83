"""How a command ends when it is interrupted while a model does not answer."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from reward_synth.api.run import Run
from tests.cli.cases import ROOT
from tests.llm.conftest import ChatServer

HELD = """
import threading
lock = threading.Lock()
class Late:
    def __del__(self):
        lock.acquire()
def hold():
    with lock:
        threading.Event().wait()
late = Late()
threading.Thread(target=hold, daemon=True).start()
while not lock.locked():
    pass
from reward_synth.cli.app import main
main(["--version"])
"""


def test_no_destructor_waits_for_a_thread_that_was_given_up() -> None:
    # With the interpreter's own end it would wait for ever.
    ended = subprocess.run([sys.executable, "-c", HELD], capture_output=True, text=True, timeout=240, cwd=ROOT)
    assert ended.returncode == 0 and ended.stdout.startswith("reward-synth "), ended.stderr


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_during_a_model_call_ends_the_run_at_once(tmp_path: Path, sent: signal.Signals) -> None:
    server = ChatServer()
    server.script = [{"answered": 99}]
    command = [
        sys.executable, "-c",
        # A test run in the background inherits that Ctrl-C is ignored.
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from reward_synth.cli.app import main; main()",
        "run", "--task=inverted_pendulum_balance", "--model=m", f"--base-url={server.url}", "--display=plain",
    ]  # fmt: skip
    process = subprocess.Popen(
        command, cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)}, stderr=subprocess.PIPE, text=True
    )
    try:
        end = time.monotonic() + 240
        while len(server.calls) < 4:
            assert process.poll() is None and time.monotonic() < end
            time.sleep(0.05)
        process.send_signal(sent)
        _, said = process.communicate(timeout=240)
    finally:
        process.kill()
        server.close()
    assert process.returncode == 130
    assert said.splitlines()[-1].startswith("Continue with: reward-synth resume ")
    assert "asking the model for 4 answers, each within 5 min 00 s" in said
    run = Run.open("latest", tmp_path / "runs")
    assert (run.status, run.info.reason, len(server.calls)) == ("stopped", "interrupted", 4)


def test_a_run_whose_folder_is_renamed_ends_with_the_command_that_goes_on_there(tmp_path: Path) -> None:
    server, moved = ChatServer(), tmp_path / "my moved run"

    def rename() -> None:
        (found,) = (tmp_path / "runs").iterdir()
        found.rename(moved)

    server.script = [{"asked": 4, "then": rename}, {"answered": 99}]
    command = [
        sys.executable, "-c", "from reward_synth.cli.app import main; main()", "run",
        "--task=inverted_pendulum_balance", "--model=m", f"--base-url={server.url}", "--display=plain",
    ]  # fmt: skip
    try:
        ended = subprocess.run(
            command,
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=240,
        )
    finally:
        server.close()
    assert ended.returncode == 2 and "Traceback" not in ended.stderr, ended.stderr
    assert "was moved or deleted while it was worked on" in ended.stderr
    assert list((tmp_path / "runs").iterdir()) == []
    if sys.platform == "linux":
        assert f"then continue with: reward-synth resume '{moved}'" in ended.stderr
    assert Run.open(moved).status == "interrupted"
