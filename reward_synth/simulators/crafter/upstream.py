"""The parts of Crafter, and of opensimplex, its noise, that are used. Only this module imports them.

If numba is installed, opensimplex lets it compile functions that are not used here, and store them in a cache folder.
A locked worker may not write there and would fail, so numba is hidden during the import. This module needs the extra
``crafter``, so import it only where it is used.
"""

from __future__ import annotations

from reward_synth.simulators.importing import module_hidden

with module_hidden("numba"):
    from crafter import constants, engine, objects
    from opensimplex import OpenSimplex
    from opensimplex.constants import GRADIENTS3, NORM_CONSTANT3

__all__ = ["GRADIENTS3", "NORM_CONSTANT3", "OpenSimplex", "constants", "engine", "objects"]
