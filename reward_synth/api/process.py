"""The command line that works on a run in another process, and such a process that outlives this one."""

from __future__ import annotations

import subprocess
import sys
import threading

from reward_synth.api.run import Run, made
from reward_synth.core.errors import RewardSynthError
from reward_synth.settings.origins import Resolved
from reward_synth.simulators.custom.files import file_of, is_file_id


def command_on(run: Run, verb: str) -> list[str]:
    """``reward-synth VERB RUN``, with the file of its own environment if a person has named it in this process."""
    # With -P, a module that lies in the working folder is not taken for an installed one.
    command = [sys.executable, "-P", "-m", "reward_synth", verb, str(run.path)]
    environment = run.environment_id
    if (file := file_of(environment)) is not None:
        command += ["--env", f"{file}:{environment.partition(':')[2]}"]
    return command


def make_run(goal: str, resolved: Resolved, command: str) -> Run:
    """Make the folder of a run that :func:`resume_apart` will work on.

    :param command: what was asked for, in the words of whoever asked.
    :raises RewardSynthError: something would stop it that can be seen at once. The environment is tried by the run.
    """
    from reward_synth.methods.registry import with_method
    from reward_synth.preparation.prepare import check_prerequisites, refuse_unnamed_file
    from reward_synth.tasks.spec import save_task

    refuse_unnamed_file(resolved)
    resolved = with_method(resolved)
    task = check_prerequisites(goal, resolved.settings)
    run, _ = made(goal, resolved, task, command)
    if task is not None:
        save_task(task, run.store.task_path)  # With it, the run names its environment.
    return run


def resume_apart(run: Run, *options: str) -> subprocess.Popen[bytes]:
    """Start a process that goes on with the run; it lives on when this one ends. Its errors go to the run's log.

    :param options: of ``reward-synth resume``.
    :raises RewardSynthError: a process works on the run, or its environment's file was not named in this process.
    """
    if run.store.is_locked():
        raise RewardSynthError(f"a process is working on {run.id} already", "stop it first")
    refuse_unnamed(run, "resume")
    command = [*command_on(run, "resume"), "--display", "none", *options]
    with run.store.log_path.open("ab") as log:
        started = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log, start_new_session=True
        )
    threading.Thread(target=started.wait, daemon=True).start()
    return started


def refuse_unnamed(run: Run, verb: str = "view") -> None:
    """Refuse to work on a run whose environment lies in a file that nobody has named in this process.

    :param verb: the command in the hint, which names it.
    :raises RewardSynthError: nobody has named the file.
    """
    environment = run.environment_id
    if is_file_id(environment) and file_of(environment) is None:
        command = f"reward-synth {verb} {run.store.argument} --env PATH/{environment}"
        raise RewardSynthError(
            f"this server was not told where {environment.partition(':')[0]} lies, the file of the run's environment",
            f"read the file, and name it: {command}",
        )
