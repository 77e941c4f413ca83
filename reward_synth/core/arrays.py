"""The type of numeric arrays. The locked reward process imports this module, so it imports numpy only."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
"""A float64 array of any shape; each use documents its own."""
