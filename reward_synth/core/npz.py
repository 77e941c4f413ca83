"""Writes arrays as an ``.npz`` file, which ``numpy.load`` reads."""

from __future__ import annotations

import zipfile
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

LEVEL = 1
"""Of compression. Trajectories are noise in their last digits: numpy's level 6 takes twice as long and saves 3 %."""


def write_npz(file: BinaryIO, **arrays: NDArray[Any]) -> None:
    """Write the arrays by their names, without pickle, as ``numpy.savez_compressed`` does."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=LEVEL) as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as entry:
                np.lib.format.write_array(entry, array, allow_pickle=False)
