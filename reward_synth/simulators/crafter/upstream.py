"""What is used of Crafter and of opensimplex, its noise: the one place that imports them.

Where numba is installed, opensimplex has it compile functions that are not used here, and keep them in a cache folder.
A locked worker may write to none, and would fail; so numba is out of sight while they are imported. It needs the extra
``crafter``; import it where it is used.
"""

from __future__ import annotations

from reward_synth.simulators.importing import module_hidden

with module_hidden("numba"):
    from crafter import constants, engine, objects
    from opensimplex import OpenSimplex
    from opensimplex.constants import GRADIENTS3, NORM_CONSTANT3

__all__ = ["GRADIENTS3", "NORM_CONSTANT3", "OpenSimplex", "constants", "engine", "objects"]
