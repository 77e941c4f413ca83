from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from reward_synth.core.errors import RewardSynthError
from reward_synth.evaluation.play import field_table
from reward_synth.preferences import Workbench
from reward_synth.preferences.episodes import MOST, ensure_reference_episodes, stored_episodes
from reward_synth.settings.model import Settings
from reward_synth.store import RunStore
from reward_synth.tasks.spec import load_task, save_task
from tests.diagnosis import cases as trainings
from tests.preferences import cases


def test_all_recorded_episodes_have_their_ids_and_scores(tmp_path: Path) -> None:
    store = cases.make_run(tmp_path)
    episodes = {each.id: each for each in stored_episodes(store, trainings.TABLE)}
    assert set(episodes) == {*cases.FELL, *cases.WALKED, *cases.CRAWLED, *cases.RESTED}
    walked, rested = episodes[cases.WALKED[1]], episodes[cases.RESTED[2]]
    assert (walked.candidate, walked.score.success, walked.episode.seed) == ("001-a", True, 1)
    assert np.array_equal(walked.episode.rows, cases.WALKS[1].rows)
    assert (rested.candidate, rested.score.length, rested.cut_short) == (None, 50, True)
    assert not episodes[cases.FELL[0]].cut_short, "the environment ended it"


def test_every_source_gets_an_equal_share_and_judged_episodes_come_in_any_case(tmp_path: Path) -> None:
    store = cases.make_run(tmp_path)
    chosen = [each.id for each in stored_episodes(store, trainings.TABLE, 7)]
    assert [sum(name.startswith(source) for name in chosen) for source in ("reference", "001-a", "001-b")] == [3, 2, 2]
    assert {cases.FELL[0], cases.WALKED[3]} < set(chosen), "the share is spread over what was played"
    judged = [each.id for each in stored_episodes(store, trainings.TABLE, 3, always=cases.FELL)]
    assert judged == list(cases.FELL)
    assert len(stored_episodes(store, trainings.TABLE, MOST)) == 15, "a source with few leaves its share to others"


def test_a_missing_file_leaves_the_others_with_their_scores(tmp_path: Path) -> None:
    store = cases.make_run(tmp_path)
    (store.trajectories_dir("001-a") / "seed-0-episode-000.npz").unlink()
    episodes = {each.id: each for each in stored_episodes(store, trainings.TABLE)}
    assert cases.FELL[0] not in episodes
    assert episodes[cases.WALKED[0]].score.success and not episodes[cases.FELL[3]].score.success


def test_episodes_with_other_fields_are_left_out(tmp_path: Path) -> None:
    store = cases.make_run(tmp_path)
    other = trainings.TABLE.subset(["torso_x"])
    assert stored_episodes(store, other) == ()
    with pytest.raises(RewardSynthError, match="recorded with other fields"):
        Workbench.open(store, table=other)


def test_reference_episodes_are_recorded_once(tmp_path: Path) -> None:
    store = RunStore.create(tmp_path, "balance", Settings())
    save_task(load_task("gym/inverted_pendulum_balance"), store.task_path)
    bench = Workbench.open(store)
    assert bench.ids[0] == "reference/000" and all(name.startswith("reference/") for name in bench.ids)
    before = {path: path.stat().st_mtime_ns for path in store.reference_dir.iterdir()}
    again = Workbench.open(store)
    ensure_reference_episodes(store, bench.task, field_table(bench.task))
    assert {path: path.stat().st_mtime_ns for path in store.reference_dir.iterdir()} == before
    assert [each.score for each in again.episodes] == [each.score for each in bench.episodes]


def test_a_run_without_a_task_is_told(tmp_path: Path) -> None:
    with pytest.raises(RewardSynthError, match="no task yet"):
        Workbench.open(RunStore.create(tmp_path, "walk", Settings()))
