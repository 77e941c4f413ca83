"""Arrays in a file that numpy reads."""

from __future__ import annotations

import io

import numpy as np
import pytest

from reward_synth.core.npz import write_npz


def test_what_is_written_is_what_numpy_reads() -> None:
    rows = np.random.default_rng(0).normal(size=(500, 20)).cumsum(axis=0)
    given = {"rows": rows, "narrow": rows.astype(np.float32)[::2], "words": np.array("a, b"), "none": np.zeros((0, 3))}
    file, numpys = io.BytesIO(), io.BytesIO()
    write_npz(file, **given)
    np.savez_compressed(numpys, **given)  # type: ignore[arg-type]
    file.seek(0)
    with np.load(file, allow_pickle=False) as found:
        assert set(found) == set(given)
        for name, array in given.items():
            assert found[name].dtype == array.dtype and found[name].shape == array.shape
            np.testing.assert_array_equal(found[name], array)
    assert file.tell() and len(file.getvalue()) < 1.1 * len(numpys.getvalue()), "it is compressed"


def test_objects_are_refused() -> None:
    with pytest.raises(ValueError, match="allow_pickle"):
        write_npz(io.BytesIO(), anything=np.array([{}]))
