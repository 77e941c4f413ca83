"""Hand-made trainings: a healthy one, and what each finding needs to be broken in it."""

from __future__ import annotations

from typing import Any

import numpy as np

from reward_synth.core.arrays import FloatArray
from reward_synth.core.types import EpisodeScore, EvaluationPoint, TermStatistics, TrainResult
from reward_synth.state.episode import Episode
from reward_synth.state.fields import ActionDimension, Field
from reward_synth.state.table import FieldTable
from reward_synth.state.view import Layout
from reward_synth.tasks.spec import TaskSpec

HORIZON = 200
DT = 0.05
POINTS = 10
LAYOUT: Layout = (
    ("torso_x", ()),
    ("torso_height", ()),
    ("torso_speed", ()),
    ("foot", (3,)),
    ("joints", (6,)),
)

TABLE = FieldTable(
    [
        Field("torso_x", (), "m", -np.inf, np.inf, "Forward position.", read=lambda env: 0.0, essential=True),
        Field("torso_height", (), "m", 0.0, 2.0, "Height.", read=lambda env: 0.0, essential=True),
        Field("torso_speed", (), "m/s", -20.0, 20.0, "Forward speed.", read=lambda env: 0.0),
        Field("foot", (3,), "m", -np.inf, np.inf, "Foot position.", read=lambda env: np.zeros(3)),
        Field("joints", (6,), "rad/s", -50.0, 50.0, "Joint speeds.", read=lambda env: np.zeros(6)),
    ],
    [ActionDimension(i, name, "N·m", -1.0, 1.0, "Torque.") for i, name in enumerate(("hip", "knee"))],
)

SPEC = TaskSpec.model_validate(
    {
        "name": "gym/walk",
        "goal": "Walk forward.",
        "environment": {"id": "Walk-v0"},
        "horizon": HORIZON,
        "success": "episode.torso_x[-1] > 5.0",
        "fitness": "episode.torso_x[-1] - episode.torso_x[0]",
        "fitness_unit": "m travelled",
    }
)


def episode(
    travelled: float = 6.0,
    length: int = HORIZON,
    terminated: bool = False,
    seed: int = 0,
    x: FloatArray | None = None,
    actions: FloatArray | None = None,
) -> Episode:
    """A robot that walks ``travelled`` metres at an even pace, bouncing a little, with waving actions."""
    time = np.arange(length + 1) * DT
    position = np.linspace(0.0, travelled, length + 1) if x is None else x
    waves = 0.5 * np.sin(np.arange(length)[:, None] * np.array([0.3, 0.4])) if actions is None else actions
    rows = np.column_stack(
        [
            position,
            1.0 + 0.05 * np.sin(10 * time) if x is None and travelled else np.ones(length + 1),
            np.gradient(position, DT),
            position,
            np.zeros((length + 1, 2)),
            np.zeros((length + 1, 6)),
        ]
    )
    return Episode(LAYOUT, rows, waves, DT, HORIZON, seed, terminated)


def measured(
    episodes: list[Episode], success: bool | list[bool] = True, any_step: bool | None = None
) -> list[EpisodeScore]:
    """Judged by metres travelled."""
    verdicts = success if isinstance(success, list) else [success] * len(episodes)
    return [
        EpisodeScore(
            success=verdict,
            success_any=verdict if any_step is None else any_step,
            fitness=float(e.field("torso_x")[-1] - e.field("torso_x")[0]),
            length=e.length,
            terminated=e.terminated,
        )
        for e, verdict in zip(episodes, verdicts, strict=True)
    ]


def curve(**columns: Any) -> tuple[EvaluationPoint, ...]:
    """Ten points of a training that goes well, but for the columns given."""
    columns = {
        "success": np.linspace(0.0, 1.0, POINTS),
        "fitness": np.concatenate([np.linspace(0.5, 6.0, POINTS - 3), np.full(3, 6.0)]),
        "episode_length": np.full(POINTS, float(HORIZON)),
        "reward": np.linspace(0.1, 1.0, POINTS),
    } | columns
    columns.setdefault("success_any", columns["success"])
    return tuple(
        EvaluationPoint(step=20_000 * (i + 1), **{name: float(values[i]) for name, values in columns.items()})
        for i in range(len(columns["fitness"]))
    )


def term(name: str, mean: Any = None, share: float = 0.5, low: Any = None, high: Any = None) -> TermStatistics:
    """One reward term at ten points; by default it grows and varies."""
    means = np.linspace(0.1, 0.5, POINTS) if mean is None else np.broadcast_to(mean, POINTS)
    lows = means - 1.0 if low is None else np.broadcast_to(low, POINTS)
    highs = means + 1.0 if high is None else np.broadcast_to(high, POINTS)
    return TermStatistics(
        name=name,
        minimum=tuple(map(float, lows)),
        mean=tuple(map(float, means)),
        maximum=tuple(map(float, highs)),
        share=(share,) * POINTS,
    )


def result(
    episodes: list[EpisodeScore],
    evaluations: tuple[EvaluationPoint, ...] | None = None,
    terms: tuple[TermStatistics, ...] | None = None,
    seed: int = 0,
    **others: Any,
) -> TrainResult:
    """A training that ran through."""
    values: dict[str, Any] = {
        "status": "trained",
        "seed": seed,
        "steps": 200_000,
        "seconds": 60.0,
        "cpu_seconds": 55.0,
        "evaluations": curve() if evaluations is None else evaluations,
        "episodes": tuple(episodes),
        "terms": (term("speed", share=0.7), term("effort", mean=-0.05, share=0.3)) if terms is None else terms,
    }
    return TrainResult.model_validate(values | others)
