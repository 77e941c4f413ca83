"""The command line that works on a run in another process."""

from __future__ import annotations

import sys

from reward_synth.api.run import Run
from reward_synth.simulators.custom.files import file_of


def command_on(run: Run, verb: str) -> list[str]:
    """``reward-synth VERB RUN``, with the file of its own environment if a person has named it in this process."""
    # With -P, a module that lies in the working folder is not taken for an installed one.
    command = [sys.executable, "-P", "-m", "reward_synth", verb, str(run.path)]
    environment = run.environment_id
    if (file := file_of(environment)) is not None:
        command += ["--env", f"{file}:{environment.partition(':')[2]}"]
    return command
