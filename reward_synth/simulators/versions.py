"""Upstream's versions for which our faster steps are verified.

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


@functools.cache
def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""
