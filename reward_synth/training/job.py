"""What a training worker is asked, and the files in which it answers."""

from __future__ import annotations

import csv
import json
from pathlib import Path

from reward_synth.tasks import TaskSpec
from reward_synth.training.presets import Preset
from reward_synth.types import EvaluationPoint, TermStatistics, TrainResult, Value

PROGRESS_COLUMNS = ("step", "seconds", "reward_per_step", "episode_length")
EVALUATION_COLUMNS = tuple(EvaluationPoint.model_fields)
TERM_COLUMNS = ("step", "term", "minimum", "mean", "maximum", "share")


class TrainJob(Value):
    """``job.json``: all that a worker needs. It holds no key and no setting of the loop."""

    task: TaskSpec
    reward: Path
    """The reward file to train on; its exact bytes run."""
    fields: tuple[str, ...]
    """State fields that the reward reads, as the lint found them."""
    terms: tuple[str, ...]
    """Names of the reward terms, as the probe found them."""
    preset: Preset
    steps: int
    """Budget in environment steps."""
    seed: int
    folder: Path
    """Where progress.csv, terms.csv, eval.csv, model.zip and result.json go."""
    trajectories: Path
    """Where the final evaluation's episodes go."""
    seed_index: int = 0
    evaluation_points: int = 10
    evaluation_episodes: int = 4
    """Episodes at each point of training; the final evaluation plays ``task.evaluation.episodes``."""
    stop_when_solved: bool = True
    """End the training once two evaluations in a row succeed in every episode."""

    @property
    def result_path(self) -> Path:
        """Written last, atomically: its existence means that the training is finished."""
        return self.folder / "result.json"

    def write(self) -> Path:
        """Write ``job.json`` and return its path."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / "job.json"
        path.write_text(self.model_dump_json(indent=2) + "\n", encoding="utf-8")
        return path

    @classmethod
    def read(cls, path: Path) -> TrainJob:
        """Read a job file."""
        return cls.model_validate_json(path.read_text(encoding="utf-8"))


def write_result(job: TrainJob, result: TrainResult) -> None:
    """Write ``result.json`` so that it is either absent or whole."""
    draft = job.result_path.with_suffix(".tmp")
    draft.write_text(json.dumps(json.loads(result.model_dump_json()), indent=1) + "\n", encoding="utf-8")
    draft.replace(job.result_path)


def read_result(folder: Path) -> TrainResult | None:
    """The result in a training folder, or None while there is none."""
    path = folder / "result.json"
    return TrainResult.model_validate_json(path.read_text(encoding="utf-8")) if path.exists() else None


class Progress(Value):
    """How far a running training is, read from its files."""

    step: int = 0
    seconds: float = 0.0
    evaluation: EvaluationPoint | None = None


def read_progress(folder: Path) -> Progress:
    """The newest lines of ``progress.csv`` and ``eval.csv``; zeros before the first."""
    progress = _last_row(folder / "progress.csv")
    evaluation = _last_row(folder / "eval.csv")
    return Progress(
        step=int(progress["step"]) if progress else 0,
        seconds=float(progress["seconds"]) if progress else 0.0,
        evaluation=EvaluationPoint.model_validate(evaluation) if evaluation else None,
    )


def _last_row(path: Path) -> dict[str, str] | None:
    if not path.exists():
        return None
    with path.open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if None not in row.values()]
    return rows[-1] if rows else None


class TableWriter:
    """Appends rows to a CSV file and flushes each, so that a reader sees whole lines while training runs."""

    def __init__(self, path: Path, columns: tuple[str, ...]) -> None:
        self._file = path.open("w", newline="", encoding="utf-8")
        self._writer = csv.writer(self._file)
        self.write(columns)

    def write(self, row: tuple[object, ...]) -> None:
        """Append one row."""
        self._writer.writerow(row)
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def term_rows(step: int, statistics: dict[str, tuple[float, float, float, float]]) -> list[tuple[object, ...]]:
    """Rows of ``terms.csv`` for one point of training."""
    return [
        (step, name, f"{low:.6g}", f"{mean:.6g}", f"{high:.6g}", f"{share:.4f}")
        for name, (low, mean, high, share) in statistics.items()
    ]


def collect_terms(
    names: tuple[str, ...], points: list[dict[str, tuple[float, float, float, float]]]
) -> tuple[TermStatistics, ...]:
    """The points of training turned around: one record per term."""
    return tuple(
        TermStatistics(
            name=name,
            minimum=tuple(point[name][0] for point in points),
            mean=tuple(point[name][1] for point in points),
            maximum=tuple(point[name][2] for point in points),
            share=tuple(point[name][3] for point in points),
        )
        for name in names
    )
