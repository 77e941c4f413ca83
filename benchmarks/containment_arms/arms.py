"""The arms of the measurement: what stands between an attack and its host."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Arm:
    """One way to run an attack."""

    name: str
    says: str
    kind: str
    """``naive``: in the trainer; ``lint``: not run; ``process``: in the reward process."""
    layers: tuple[str, ...] | None = None
    """Of the lock; None: all that the product puts on."""
    open_child: bool = False
    """All builtins, and modules imported before the lock."""
    lint: bool = False


ARMS = {
    arm.name: arm
    for arm in (
        Arm("none", "no protection: a trainer that runs the reward itself", "naive"),
        Arm("lint", "the lint alone; what it lets pass is not run here", "lint", lint=True),
        Arm(
            "os",
            "no lint; reward process with all builtins and modules imported before the lock",
            "process",
            None,
            True,
        ),
        Arm("os-plain", "no lint; the reward process as it is", "process"),
        Arm("both", "the lint, then the reward process as it is", "process", lint=True),
        Arm("os-no-landlock", "as os, on a kernel without Landlock", "process", ("limits", "seccomp"), True),
        Arm("no-limits", "as os, without resource limits", "process", ("landlock", "seccomp"), True),
        Arm("no-seccomp", "as os, without seccomp", "process", ("limits", "landlock"), True),
        Arm("only-limits", "as os, with resource limits alone", "process", ("limits",), True),
    )
}
