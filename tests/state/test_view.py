from __future__ import annotations

import numpy as np
import pytest

from reward_synth.state.view import batch_viewer, column_indices, columns, episode_view, sublayout, viewer, width

LAYOUT = (("speed", ()), ("place", (3,)), ("turn", (2, 2)), ("count", ()))


def test_a_row_is_taken_apart_by_name_and_shape() -> None:
    state = viewer(LAYOUT)(np.arange(9.0))
    assert type(state.speed) is float
    assert state.speed == 0.0
    assert state.place.tolist() == [1.0, 2.0, 3.0]
    assert state.turn.tolist() == [[4.0, 5.0], [6.0, 7.0]]
    assert state.count == 8.0
    assert width(LAYOUT) == 9
    assert columns(LAYOUT)["turn"] == slice(4, 8)


def test_a_batch_is_the_same_as_its_rows() -> None:
    rows = np.random.default_rng(0).normal(size=(5, 9))
    for row, state in zip(rows, batch_viewer(LAYOUT)(rows), strict=True):
        alone = viewer(LAYOUT)(row)
        assert (state.speed, state.count) == (alone.speed, alone.count)
        np.testing.assert_array_equal(state.place, alone.place)
        np.testing.assert_array_equal(state.turn, alone.turn)


def test_nothing_can_be_changed() -> None:
    row = np.zeros(9)
    state = viewer(LAYOUT)(row)
    for change in (
        lambda: setattr(state, "speed", 1.0),
        lambda: setattr(state, "other", 1.0),
        lambda: delattr(state, "speed"),
    ):
        with pytest.raises(AttributeError):
            change()
    with pytest.raises(ValueError, match="read-only"):
        state.place[0] = 1.0
    assert row.flags.writeable, "the caller's own array must stay as it is"


def test_errors_name_the_way_out() -> None:
    state = viewer((("x_velocity", ()), ("height", ())))(np.zeros(2))
    with pytest.raises(AttributeError, match="did you mean `x_velocity`"):
        _ = state.x_velocty
    with pytest.raises(TypeError, match=r"write `state\.height`"):
        _ = state["height"]
    with pytest.raises(TypeError, match="by name"):
        _ = state[0]
    with pytest.raises(TypeError, match="by name"):
        list(state)
    with pytest.raises(AttributeError, match="no field `index`"):
        _ = state.index


def test_a_name_that_is_no_identifier_is_refused() -> None:
    for name in ("x-velocity", "class", "_hidden", "a b"):
        with pytest.raises(ValueError):
            viewer(((name, ()),))


def test_subsets_keep_the_order_of_the_layout() -> None:
    assert sublayout(LAYOUT, ["count", "place"]) == (("place", (3,)), ("count", ()))
    assert column_indices(LAYOUT, ["count", "place"]).tolist() == [1, 2, 3, 8]
    assert column_indices(LAYOUT, []).tolist() == []
    with pytest.raises(KeyError):
        column_indices(LAYOUT, ["nothing"])


def test_an_episode_has_histories_and_constants() -> None:
    rows = np.arange(27.0).reshape(3, 9)
    episode = episode_view(LAYOUT, rows, np.ones((2, 4)), dt=0.5, horizon=10, terminated=True)
    assert episode.speed.tolist() == [0.0, 9.0, 18.0]
    assert episode.turn.shape == (3, 2, 2)
    assert episode.action.shape == (2, 4)
    assert (episode.length, episode.dt, episode.seconds, episode.horizon) == (2, 0.5, 1.0, 10)
    assert episode.terminated is True
    with pytest.raises(ValueError, match="read-only"):
        episode.speed[0] = 1.0
    with pytest.raises(ValueError):
        episode_view((("action", ()),), np.zeros((1, 1)), np.zeros((0, 1)), 1.0, 1, False)
