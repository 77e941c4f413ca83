"""A program as a model: the prompt goes in on stdin, the answer comes out on stdout."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from reward_synth.core.errors import RewardSynthError
from reward_synth.core.number_format import duration
from reward_synth.core.scratch import Scratch
from reward_synth.core.waiting import Deadline
from reward_synth.llm.base import Heard, Model, Reply, Request, Waiting, as_one_text, unheard
from reward_synth.llm.hosted import without_reasoning
from reward_synth.llm.keys import environment_without_keys, scrub, without_own_keys
from reward_synth.llm.parallel import side_by_side

_WORKERS = 4
_ATTEMPTS = 3
_PAUSE = 1.0
"""Seconds before the second attempt; doubled before the third."""
_FOLLOWING = """
import ctypes, os, sys
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, 9)  # PR_SET_PDEATHSIG, SIGKILL
if os.getppid() != int(sys.argv[1]):
    sys.exit("the command that asked is gone")
try:
    os.execv(sys.argv[2], sys.argv[2:])
except OSError as error:
    sys.exit(f"it cannot be started: {error}")
"""
"""Becomes the program, which then ends with the process that asks it, even if that is killed. Nobody would read the
answer, and it would be paid for again."""
_COLOUR = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")


class ProgramModel(Model):
    """A coding assistant's command line, or a local runner. What a call costs is unknown.

    One process answers each request, in an empty folder of its own and without keys in its environment. It is given the
    whole conversation as one text, the system's words first. A program that fails is started again, three times in all.

    :param name: ``exec:COMMAND``, split as a shell would; no shell runs it.
    :param waiting: its ``timeout`` ends a process.
    :raises RewardSynthError: there is no such program, or the command holds a key, which would be written to the run.
    """

    small = False

    def __init__(self, name: str, waiting: Waiting) -> None:
        self.name, self._waiting = name, waiting
        if scrub(name) != name:
            raise RewardSynthError(
                "the command after exec: holds what looks like a key, and a run writes down its command",
                "let the program read the key from its own settings",
            )
        try:
            words = shlex.split(name.removeprefix("exec:"))
        except ValueError as error:
            raise RewardSynthError(f"--model {name}: {error}", "quote the command as in a shell") from None
        found = shutil.which(words[0]) if words else None
        if found is None:
            raise RewardSynthError(f"--model {name}: there is no such program", "write exec:PROGRAM and its options")
        self._command = [str(Path(found).absolute()), *words[1:]]
        self._running: set[subprocess.Popen[bytes]] = set()
        self._lock = threading.Lock()
        self._closed = False

    def complete_many(self, requests: list[Request], heard: Heard = unheard) -> list[Reply]:
        """Answer several requests side by side, in order."""
        return side_by_side(self._answer, requests, _WORKERS, heard, self._waiting.check)

    def close(self) -> None:
        """End the processes that still run."""
        with self._lock:
            self._closed = True
            for process in self._running:
                _kill(process)

    def _answer(self, request: Request) -> Reply:
        if any(message.images for message in request.messages):
            raise RewardSynthError(
                f"a program sees no pictures, and the {request.role}'s prompt holds some",
                f"name another model for it: --model {request.role}=NAME",
            )
        # A program that always answers the same would otherwise answer all samples alike.
        prompt = as_one_text(request, f"(draw {request.sample + 1})" if request.sample else "")
        started = time.monotonic()
        for attempt in range(1, _ATTEMPTS + 1):
            self._waiting.check()
            code, out, err = self._run(request, prompt.encode())
            said = " ".join(scrub(err or out).split())[-300:]
            if code == 0:
                break
            if attempt < _ATTEMPTS:
                self._waiting.tell(f"{self.name} ended with code {code}, and is started again: {said}")
                time.sleep(_PAUSE * attempt)
        else:
            raise RewardSynthError(
                f"{self.name} ended with code {code} in {_ATTEMPTS} attempts: {said or 'it said nothing'}",
                "try the command by itself, with a prompt on its stdin; keys are not in its environment",
            )
        if not out and said:
            self._waiting.tell(f"{self.name} wrote nothing to stdout, but to stderr: {said}")
        text = without_own_keys(without_reasoning(out))
        return Reply(text=text, model=self.name, seconds=time.monotonic() - started)

    def _run(self, request: Request, prompt: bytes) -> tuple[int, str, str]:
        """Exit code, stdout and stderr of one process."""
        with Scratch() as scratch:
            process = self._start(scratch.path, prompt)
            try:
                out, err = Deadline(self._waiting.timeout).communicate(process)
            except subprocess.TimeoutExpired:
                seconds = self._waiting.timeout
                self._waiting.given_up(request, Reply(text="", model=self.name, seconds=seconds))
                raise self._late() from None
            finally:
                _kill(process)  # What it has started itself ends, too.
                with self._lock:
                    self._running.discard(process)
        return process.returncode, _text(out), _text(err)

    def _late(self) -> RewardSynthError:
        text = f"{self.name} gave no answer within {duration(self._waiting.timeout)}"
        return RewardSynthError(text, "--model-timeout gives it more time; it must answer without asking anything back")

    def _start(self, folder: Path, prompt: bytes) -> subprocess.Popen[bytes]:
        # In a file, which has no name. After a wait, `communicate` would not write the rest of it into a pipe.
        with self._lock, tempfile.TemporaryFile() as stdin:
            stdin.write(prompt)
            stdin.seek(0)
            if self._closed:
                raise RewardSynthError(f"{self.name} is closed")
            try:
                process = subprocess.Popen(
                    [sys.executable, "-I", "-S", "-c", _FOLLOWING, str(os.getpid()), *self._command],
                    stdin=stdin,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    cwd=folder,
                    env=environment_without_keys() | {"PWD": folder},
                    start_new_session=True,  # Only this process receives Ctrl-C; it ends the program.
                )
            except OSError as error:
                raise RewardSynthError(f"{self.name} cannot be started: {error}", "try the command by itself") from None
            self._running.add(process)
            return process


def _kill(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _text(output: bytes) -> str:
    return _COLOUR.sub("", output.decode(errors="replace")).strip()
