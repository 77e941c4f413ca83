"""A run of walks: some fall, some crawl, some walk far. Two candidates and a few reference episodes."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from reward_synth.core.types import Candidate, TrainResult
from reward_synth.preferences import Workbench
from reward_synth.preferences.episodes import keep_reference_episodes
from reward_synth.screening.reference_episodes import ReferenceEpisodes
from reward_synth.settings.model import Settings
from reward_synth.state.episode import Episode, episode_name
from reward_synth.store import RunStore
from reward_synth.tasks.spec import save_task
from tests.diagnosis import cases as trainings

FORWARD = """def compute_reward(state, action, next_state):
    return {"forward": 2.0 * next_state.torso_speed, "high": 0.5 * next_state.torso_height}
"""
BACKWARD = FORWARD.replace("2.0", "-2.0")


def walk(travelled: float, number: int = 0, length: int = trainings.HORIZON, terminated: bool = False) -> Episode:
    """A walk that differs a little from every other."""
    return trainings.episode(travelled + 0.01 * number, length=length, terminated=terminated, seed=number)


FALLS = [walk(1.0, number, length=40, terminated=True) for number in range(4)]
CRAWLS = [walk(0.1, number) for number in range(4)]
WALKS = [walk(8.0, number) for number in range(4)]


def add_trained(
    store: RunStore, name: str, episodes: list[Episode], source: str = FORWARD, success: float = 0.5
) -> None:
    """A trained candidate with recorded evaluation episodes."""
    store.write_reward(name, source)
    values = {"id": name, "iteration": int(name[:3]), "status": "trained", "success": success, "fitness": 1.0}
    store.save_candidate(Candidate.model_validate(values))
    scores = tuple(trainings.measured(episodes, [each.field("torso_x")[-1] > 5.0 for each in episodes]))
    result = TrainResult(status="trained", seed=0, steps=1000, seconds=1.0, cpu_seconds=1.0, episodes=scores)
    folder = store.train_dir(name, 0)
    folder.mkdir(parents=True)
    (folder / "result.json").write_text(result.model_dump_json())
    for number, episode in enumerate(episodes):
        episode.save(store.trajectories_dir(name) / episode_name(0, number))


def make_run(folder: Path, reference: list[Episode] | None = None) -> RunStore:
    """The run. Walks are ``001-a``'s last four, falls its first, crawls ``001-b``'s."""
    store = RunStore.create(folder, "Walk forward.", Settings())
    save_task(trainings.SPEC, store.task_path)
    add_trained(store, "001-a", [*FALLS, *WALKS])
    add_trained(store, "001-b", CRAWLS, BACKWARD, success=0.0)
    rest = [walk(0.0, number, length=50) for number in range(3)] if reference is None else reference
    keep_reference_episodes(store, ReferenceEpisodes(tuple(rest), tuple(trainings.measured(rest, False)), 0))
    return store


def open_bench(store: RunStore, most: int = 100) -> Workbench:
    return Workbench.open(store, most, table=trainings.TABLE)


FELL = tuple(f"001-a/seed-0-episode-{number:03d}" for number in range(4))
WALKED = tuple(f"001-a/seed-0-episode-{number:03d}" for number in range(4, 8))
CRAWLED = tuple(f"001-b/seed-0-episode-{number:03d}" for number in range(4))
RESTED = tuple(f"reference/{number:03d}" for number in range(3))


def random_episode(generator: np.random.Generator, length: int, terminated: bool = False) -> Episode:
    width = sum(field.size for field in trainings.TABLE)
    rows = generator.normal(size=(length + 1, width))
    return Episode(
        trainings.LAYOUT, rows, generator.normal(size=(length, 2)), trainings.DT, trainings.HORIZON, 0, terminated
    )
