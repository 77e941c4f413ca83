"""The one error that a user is meant to see."""

from __future__ import annotations

from pathlib import Path


class RewardSynthError(Exception):
    """A problem that the user can fix.

    The command line prints it as ``error: …``, a blank line and ``hint: …``, without a traceback, and exits
    with ``exit_code``.

    :param message: what is wrong; it names the faulty value.
    :param hint: what to do about it, preferably a command to type.
    :param exit_code: 2 for usage and prerequisites, 1 for a run that found no acceptable reward.
    """

    def __init__(self, message: str, hint: str = "", exit_code: int = 2) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.exit_code = exit_code

    def __str__(self) -> str:
        return f"{self.message}\n\nhint: {self.hint}" if self.hint else self.message


class EnvironmentFault(RewardSynthError):
    """The environment itself is broken: it raises, or gives values that no policy and no reward can use.

    It is a separate class because no other reward would fix it, so no model should be paid to write one.
    """


class MachineFault(RewardSynthError):
    """This machine ended a process from outside, or had no room for a file. It says nothing of what ran there.

    It is a separate class because the same work may go well the next time, so no reward is blamed for it.
    """


class FolderMoved(MachineFault):
    """A folder that is worked on lies under another name now, or nowhere.

    :param place: where it lies, if that is known.
    """

    def __init__(self, folder: Path, place: Path | None) -> None:
        super().__init__(
            f"{folder} was moved or deleted while it was worked on; nothing was written under its old name since",
            f"nothing that was finished is lost: go on in {place or 'its new place'}",
        )
        self.place = place


class Stopped(Exception):
    """A limit of the run applies, or somebody asked it to stop: no error, the run can go on later. Says why."""


class GivenUp(Exception):
    """Somebody was asked something whose answer is not needed any more."""
