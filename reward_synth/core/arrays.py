"""What an array of numbers is called. The locked reward process imports this module: numpy only."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
"""float64, of whatever shape its user says."""
