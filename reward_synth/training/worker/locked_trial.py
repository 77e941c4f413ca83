"""Try a user's own environment in a process that is locked like a training, before any model call is paid.

``python -I -m reward_synth.training.worker.locked_trial FILE`` finds what a training would find only after the first
model calls: a module that only the user's shell can import, a file that the lock hides, a crash of a native library,
or a step that never returns.
"""

from __future__ import annotations

import re
import resource
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from reward_synth.core.deaths import MEMORY, cause, from_outside
from reward_synth.core.errors import EnvironmentFault, MachineFault, RewardSynthError
from reward_synth.core.files import write_text
from reward_synth.core.scratch import PREFIX, Scratch
from reward_synth.core.types import Value
from reward_synth.core.waiting import run_within
from reward_synth.simulators.custom.files import file_of, name_environment
from reward_synth.state.faults import BLAME
from reward_synth.tasks.spec import EnvironmentSpec
from reward_synth.training.worker.subprocess_stage import scratch

SECONDS = 120.0
"""Time for loading, making and a few steps, on a busy machine."""
STEPS = 20
LARGEST_FILE = 1 << 28
"""Bytes that a locked environment may write into one temporary file."""
WHAT_TO_DO = (
    "a locked environment reads installed packages, its own file, `*.xml` and the folder `assets` beside it, and files "
    "that its arguments name; it writes to the folder for temporary files alone, and starts no program and no "
    "connection (docs/guide/own-environment.md). If nothing of that can be mended: --unsafe-no-sandbox"
)


class Rehearsal(Value):
    """The environment to try."""

    spec: EnvironmentSpec
    environment_file: Path | None
    sandbox: bool


class Outcome(Value):
    """The outcome of the trial. If the message is empty, there was no error."""

    message: str = ""
    hint: str = ""
    fault: bool = False
    """True if the environment itself is at fault."""


def rehearse(spec: EnvironmentSpec, environment: dict[str, str], sandbox: bool = True) -> None:
    """Make, reset and step an environment in a locked process of its own.

    If it fails there, it is tried without the lock too, to say whether the lock is the reason.

    :param environment: all environment variables of the process, the same as a training worker's.
    :raises EnvironmentFault: it fails, ends its process, or does not return.
    :raises RewardSynthError: it cannot be made there for another reason.
    """
    outcome = _outcome(spec, environment, sandbox)
    free = _outcome(spec, environment, sandbox=False) if outcome.message and sandbox else outcome
    if _alike(free.message) != _alike(outcome.message):
        told = f"trainings are locked, and in the lock {outcome.message.replace(f' ({BLAME})', '')}"
        if not free.message:
            raise RewardSynthError(told, WHAT_TO_DO)
        kind = EnvironmentFault if free.fault else RewardSynthError
        raise kind(f"{told}; without the lock {free.message}", f"{free.hint}; and {WHAT_TO_DO}")
    if outcome.message:
        raise (EnvironmentFault if outcome.fault else RewardSynthError)(outcome.message, outcome.hint)


def _alike(message: str) -> str:
    """A message without what differs between two processes: numbers, addresses, the folder for temporary files."""
    return re.sub(rf"\S*{PREFIX}\S*|0x[0-9a-f]+|\d+", "", message)


def _outcome(spec: EnvironmentSpec, environment: dict[str, str], sandbox: bool) -> Outcome:
    """The outcome in a process of its own.

    :raises EnvironmentFault: it does not return.
    """
    with Scratch() as scratch:
        folder = scratch.path
        asked = Rehearsal(spec=spec, environment_file=file_of(spec.environment.id), sandbox=sandbox)
        path = folder / "rehearsal.json"
        write_text(path, asked.model_dump_json())
        command = [sys.executable, "-I", "-m", "reward_synth.training.worker.locked_trial", str(path)]
        try:
            nowhere = subprocess.DEVNULL
            code = run_within(SECONDS, command, env=environment, stdout=nowhere, stderr=nowhere).returncode
        except subprocess.TimeoutExpired as error:
            raise EnvironmentFault(
                f"the environment {spec.environment.id} was not made and stepped {STEPS} times within {SECONDS:g} s",
                "look for a loop in its __init__, reset or step",
            ) from error
        answer = folder / "outcome.json"
        if answer.exists():
            return Outcome.model_validate_json(answer.read_bytes())
        if from_outside(code):
            raise MachineFault(f"the trial of the environment {spec.environment.id} died with {cause(code)}", MEMORY)
        message = f"the environment {spec.environment.id} ended its process with {cause(code)}"
        return Outcome(message=message, hint="try it in Python by itself: make, reset, and step it", fault=True)


def main(arguments: Sequence[str]) -> int:
    """Try what the file describes, and write the outcome beside it."""
    path = Path(arguments[0])
    asked = Rehearsal.model_validate_json(path.read_text(encoding="utf-8"))
    outcome = Outcome()
    try:
        with scratch(path.with_name("temporary")):
            _play(asked, path.parent)
    except RewardSynthError as error:
        outcome = Outcome(message=error.message, hint=error.hint, fault=isinstance(error, EnvironmentFault))
    write_text(path.with_name("outcome.json"), outcome.model_dump_json())
    return 0


def _play(asked: Rehearsal, folder: Path) -> None:
    """Lock and step in the order of a training: files first, then the table, then the system calls, then the steps."""
    from reward_synth.evaluation.play import field_table
    from reward_synth.sandbox import lock
    from reward_synth.simulators import open_environment
    from reward_synth.state.recorder import StateRecorder, require_finite
    from reward_synth.training.worker.worker_sandbox import environment_files, restrict_files

    if asked.environment_file is not None:
        name_environment(f"{asked.environment_file}:{asked.spec.environment.id.partition(':')[2]}")
    if asked.sandbox:
        resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST_FILE, LARGEST_FILE))
        restrict_files(environment_files(asked.spec.environment, Path.cwd()), [folder])
    table = field_table(asked.spec)
    if asked.sandbox:
        lock.forbid_escape()
    recorder = StateRecorder(open_environment(asked.spec), table)
    recorder.reset(seed=0)
    recorder.action_space.seed(0)
    for _ in range(STEPS):
        observation, _, terminated, truncated, info = recorder.step(recorder.action_space.sample())
        require_finite(recorder, observation, info["next_state"][None])
        if terminated or truncated:
            recorder.reset()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
