"""The command line that works on a run in another process."""

from __future__ import annotations

import sys

from reward_synth.api.run import Run
from reward_synth.core.errors import RewardSynthError
from reward_synth.simulators.custom.files import file_of, is_file_id


def command_on(run: Run, verb: str) -> list[str]:
    """``reward-synth VERB RUN``, with the file of its own environment if a person has named it in this process."""
    # With -P, a module that lies in the working folder is not taken for an installed one.
    command = [sys.executable, "-P", "-m", "reward_synth", verb, str(run.path)]
    environment = run.environment_id
    if (file := file_of(environment)) is not None:
        command += ["--env", f"{file}:{environment.partition(':')[2]}"]
    return command


def refuse_unnamed(run: Run) -> None:
    """Refuse to work on a run whose environment lies in a file that nobody has named in this process.

    :raises RewardSynthError: the hint is the command that names it.
    """
    environment = run.environment_id
    if is_file_id(environment) and file_of(environment) is None:
        command = f"reward-synth view {run.store.argument} --env PATH/{environment}"
        raise RewardSynthError(
            f"this server was not told where {environment.partition(':')[0]} lies, the file of the run's environment",
            f"read the file, and start the server with it: {command}",
        )
