"""A run whose every text is hostile: whatever of it becomes markup or a script is a fault of the page."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from reward_synth.api.run import Run
from reward_synth.core.feedback import Feedback
from reward_synth.core.types import (
    Candidate,
    CheckReport,
    EpisodeScore,
    EvaluationPoint,
    Finding,
    TermStatistics,
    TrainResult,
)
from reward_synth.events import model as events
from reward_synth.report.video import Film, Shown, write_video
from reward_synth.settings.model import Settings
from reward_synth.store import RunStore

ROOT = Path(__file__).parents[2]
HOSTILE = (
    """</pre></textarea></script><img src=x onerror="window.pwned=1"><script>window.pwned=1</script>{{7*7}}'"&lt;"""
)
FPS = 10.0
PICTURES = 31
POINTS = tuple(
    EvaluationPoint(step=step, success=step / 3000, success_any=0.5, fitness=step / 100, episode_length=100, reward=1.0,
                    fitness_deviation=2.0)
    for step in (1000, 2000, 3000)
)  # fmt: skip


def reward(weight: float) -> str:
    return (
        f"# {HOSTILE}\nW = {weight}\n\n\ndef compute_reward(state, action, next_state):\n"
        '    speed = W * next_state.x_velocity\n    return {"speed": speed, "effort": -0.1}\n'
    )


def add_candidate(store: RunStore, name: str, parents: tuple[str, ...] = ()) -> Candidate:
    store.write_reward(name, reward(-float(len(parents)) - 1.0))
    found = Finding(rule="dead-term", message=f"'x' {HOSTILE}", line=6, severity="warning", source="probe")
    store.write_check(name, CheckReport(findings=(found,), fields=("x_velocity",), terms=("speed", "effort")))
    store.write_exchange(name, "designer", f"prompt {HOSTILE}", f"answer {HOSTILE}")
    episode = EpisodeScore(success=True, success_any=True, fitness=30.0, length=1000, terminated=False)
    term = TermStatistics(name="speed", minimum=(0.0,) * 3, mean=(1.0, 2.0, 3.0), maximum=(9.0,) * 3, share=(0.9,) * 3)
    result = TrainResult(
        status="trained", seed=1, steps=3000, seconds=9.0, cpu_seconds=7.2, episodes=(episode,), evaluations=POINTS,
        terms=(term, term.model_copy(update={"name": "effort", "share": (0.1,) * 3})),
    )  # fmt: skip
    folder = store.train_dir(name, 0)
    folder.mkdir(parents=True)
    (folder / "result.json").write_text(result.model_dump_json())
    candidate = Candidate(
        id=name, iteration=int(name[:3]), status="trained", success=0.5, fitness=30.0, steps=3000, parents=parents,
        reason=HOSTILE, success_interval=(0.2, 0.8), episodes=8,
    )  # fmt: skip
    store.save_candidate(candidate)
    return candidate


def add_film(store: RunStore, name: str, which: str = "median") -> None:
    path = store.film_path(name, which)
    pictures = (np.full((64, 64, 3), 8 * number, dtype=np.uint8) for number in range(PICTURES))
    write_video(path, pictures, ("" for _ in range(PICTURES)), FPS)
    frames = tuple(
        Shown(step=step, seconds=step / FPS, reward=step - 0.1 if step else None, fitness=float(step),
              terms={"speed": float(step), "effort": -0.1} if step else {}, success=step > 20)
        for step in range(PICTURES)
    )  # fmt: skip
    film = Film(
        candidate=name, episode="seed-0-episode-000.npz", seed=1, success=True, fitness=30.0, fps=FPS, speed=1.0,
        drawn="outlines", same=True, frames=frames,
    )  # fmt: skip
    path.with_suffix(".json").write_text(film.model_dump_json())


@pytest.fixture
def run(tmp_path: Path) -> Run:
    store = RunStore.create(tmp_path / "runs", HOSTILE, Settings(), "gym/half_cheetah_run_backward")
    store.write_task((ROOT / "task_specs/gym/half_cheetah_run_backward.yaml").read_text())
    store.record(events.RunStarted(run_dir=str(store.path), goal=HOSTILE))
    add_candidate(store, "001-a")
    last = add_candidate(store, "002-a", ("001-a",))
    add_film(store, "001-a")
    add_film(store, "002-a")
    store.record(events.CandidateTrained(candidate=last))
    store.set_best("002-a")
    store.write_iteration(1, f"It runs. {HOSTILE}")
    store.write_answer(1, Feedback(iteration=1, note=HOSTILE))
    store.update(status="done", outcome="solved", seconds=61, warnings=(HOSTILE,), reason=HOSTILE)
    store.record(events.RunEnded(status="solved", best="002-a", reason=HOSTILE))
    (store.path / "report.html").write_text("<p>the report</p>")
    return Run(store)


def progress(candidate: str, point: EvaluationPoint) -> events.TrainingProgressed:
    return events.TrainingProgressed(candidate=candidate, seed=0, step=point.step, total_steps=5000, evaluation=point)


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]
