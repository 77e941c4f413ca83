"""Upstream's versions for which our faster steps are verified, and the MuJoCo that a package needs.

The tests compare them step by step, to the last bit. Another version may have changed what such a step leaves out.
"""

from __future__ import annotations

import functools
import importlib.metadata
from dataclasses import dataclass

from reward_synth.core.errors import RewardSynthError


@dataclass(frozen=True)
class Verified:
    """A package, and the versions of it that our steps were compared with.

    :param package: name of the distribution: ``mani-skill``.
    :param series: first parts of version numbers: ``("3.0",)`` stands for 3.0, 3.0.1 and so on.
    """

    package: str
    series: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """True if the installed version is one of these. Then the faster step may be used, else upstream's own."""
        return any(f"{_version(self.package)}.".startswith(f"{each}.") for each in self.series)

    def require(self, install_line: str) -> None:
        """Check the version, for environments that cannot fall back to upstream's own step.

        :raises RewardSynthError: another version is installed. If none is, this passes, and the import fails later.
        """
        found = _version(self.package)
        if found and not self.holds:
            compared = " and ".join(self.series)
            raise RewardSynthError(
                f"{self.package} {found} is installed, and our steps were compared with {compared} only", install_line
            )


def mujoco_line(version: str = "") -> str:
    """The command that puts one whole MuJoCo in place of any other, from every state that was tried.

    Since version 4 a package of its own, ``mujoco-core``, brings the files that ``mujoco`` brought before. So where pip
    alone changes from one to the other, it removes files that it has just written, and ``pip check`` finds no fault.
    """
    pin = f"=={version}" if version else ""
    return f"pip uninstall -y mujoco mujoco-core mujoco-studio && pip install mujoco{pin}"


def require_mujoco(title: str, version: str) -> None:
    """Check MuJoCo's version, for a package that runs on no other one.

    :raises RewardSynthError: another version is installed.
    """
    found = _version("mujoco")
    if found != version:
        raise RewardSynthError(
            f"{title} needs MuJoCo {version}, and {found or 'none'} is installed", mujoco_line(version)
        )


def require_whole_mujoco() -> None:
    """Check that MuJoCo can be imported.

    :raises RewardSynthError: it cannot, as where files of two versions lie over each other.
    """
    try:
        from mujoco import mj_step  # noqa: F401  (a removed version leaves a folder, which can be imported but is empty)
    except (ImportError, OSError) as error:
        found = _version("mujoco")
        cause = " ".join(str(error).split())
        raise RewardSynthError(f"MuJoCo {found} cannot be imported: {cause}", mujoco_line(found)) from error


@functools.cache
def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""
