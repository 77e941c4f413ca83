"""Recorded episodes: access, and a round trip through a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from reward_synth.core.errors import RewardSynthError
from reward_synth.state.episode import Episode

LAYOUT = (("height", ()), ("position", (3,)), ("pose", (2, 2)))


def episode() -> Episode:
    rows = np.arange(5 * 8, dtype=np.float64).reshape(5, 8) / 3
    return Episode(LAYOUT, rows, np.full((4, 2), 0.25), dt=0.05, horizon=10, seed=7, terminated=True)


def test_fields_over_time_have_their_own_shape() -> None:
    e = episode()
    assert e.length == 4
    assert e.field("height").shape == (5,) and e.field("pose").shape == (5, 2, 2)
    np.testing.assert_array_equal(e.field("position"), e.rows[:, 1:4])
    with pytest.raises(KeyError):
        e.field("speed")


def test_subset_keeps_the_layouts_order() -> None:
    e = episode()
    np.testing.assert_array_equal(e.subset(["pose", "height"]), e.rows[:, [0, 4, 5, 6, 7]])
    with pytest.raises(KeyError):
        e.subset(["height", "speed"])


def test_round_trip_is_exact_and_needs_no_pickle(tmp_path: Path) -> None:
    path = tmp_path / "trajectories" / "seed-0-episode-000.npz"
    e = episode()
    e.save(path)
    back = Episode.load(path)
    assert (back.layout, back.dt, back.horizon, back.seed, back.terminated) == (LAYOUT, 0.05, 10, 7, True)
    np.testing.assert_array_equal(back.rows, e.rows)
    np.testing.assert_array_equal(back.actions, e.actions)
    with np.load(path, allow_pickle=False) as archive:
        assert all(archive[name].dtype != object for name in archive.files)
    assert [p.name for p in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("content", [b"", b"half a file", b"PK\x03\x04 torn"])
def test_a_broken_file_is_a_user_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.npz"
    path.write_bytes(content)
    with pytest.raises(RewardSynthError, match=r"cannot read the episode .*broken\.npz"):
        Episode.load(path)


def test_pickled_objects_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "evil.npz"
    np.savez(path, rows=np.array([{"a": 1}], dtype=object), actions=np.zeros((1, 1)), facts=np.array("{}"))
    with pytest.raises(RewardSynthError):
        Episode.load(path)


def test_missing_file_is_a_user_error(tmp_path: Path) -> None:
    with pytest.raises(RewardSynthError, match="cannot read"):
        Episode.load(tmp_path / "none.npz")


@pytest.mark.parametrize(("rows", "actions"), [((4, 8), (4, 2)), ((5, 7), (4, 2)), ((5, 8), (4,))])
def test_shapes_that_do_not_fit_are_refused(rows: tuple[int, ...], actions: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="do not fit"):
        Episode(LAYOUT, np.zeros(rows), np.zeros(actions), 0.05, 10, 0, False)
