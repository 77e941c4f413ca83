"""A training's figures where people look already: a CSV file, TensorBoard, or Weights & Biases.

The loop writes them, from what a training has reported. The locked processes know nothing of it.
"""

from __future__ import annotations

import csv
import hashlib
import importlib.util
import io
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from reward_synth.core.errors import RewardSynthError
from reward_synth.core.files import write_text
from reward_synth.core.names import LogName
from reward_synth.core.types import EvaluationPoint, TermStatistics, TrainResult
from reward_synth.training.job import TrainJob

_STATISTICS = ("minimum", "mean", "maximum", "share")


@dataclass(frozen=True)
class Point:
    """The figures of one step of a training by their names, which docs/guide/logs.md lists."""

    step: int
    figures: Mapping[str, float]


def points_of(evaluations: Sequence[EvaluationPoint], terms: Sequence[TermStatistics]) -> Iterator[Point]:
    """A point for each evaluation; the terms' statistics are those of the steps since the one before."""
    for index, evaluation in enumerate(evaluations):
        figures = {
            f"evaluation/{name}": float(value) for name, value in evaluation.model_dump().items() if name != "step"
        }
        for term in terms:
            figures |= {f"term/{term.name}/{each}": getattr(term, each)[index] for each in _STATISTICS}
        yield Point(evaluation.step, figures)


def points_so_far(folder: Path, names: Sequence[str]) -> list[Point]:
    """The points of a training that runs, from its ``eval.csv`` and ``terms.csv``; empty before the first."""
    evaluations = [EvaluationPoint.model_validate(row) for row in _rows(folder / "eval.csv")]
    known = {(int(row["step"]), row["term"]): row for row in _rows(folder / "terms.csv")}
    # The terms of an evaluation are written before it.
    whole = [each for each in evaluations if all((each.step, name) in known for name in names)]
    told = {name: [known[each.step, name] for each in whole] for name in names}
    terms = [
        TermStatistics(name=name, **{each: tuple(float(row[each]) for row in rows) for each in _STATISTICS})
        for name, rows in told.items()
    ]
    return list(points_of(whole, terms))


def _rows(path: Path) -> list[dict[str, str]]:
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return [row for row in csv.DictReader(file) if None not in row.values()]


def last_point(result: TrainResult) -> Point:
    """What became of a training: the policy's final episodes, which no one saw before."""
    figures = {"final/success": result.success}
    return Point(result.steps, figures if result.fitness is None else figures | {"final/fitness": result.fitness})


class TrainingLog(Protocol):
    """One training's log."""

    def write(self, points: Sequence[Point]) -> None:
        """Add points, whose steps never fall."""

    def film(self, path: Path) -> None:
        """Add a film of the trained policy."""

    def close(self) -> None:
        """Write what is left, and end."""


def open_log(kind: LogName, folder: Path, title: str, job: TrainJob, *, goes_on: bool = False) -> TrainingLog:
    """The log of a training.

    :param folder: where it lies; ``wandb`` has a folder of its own.
    :param title: the training's name, ``003-b-seed-0``.
    :param goes_on: add to what an earlier process wrote, which is replaced otherwise.
    :raises RewardSynthError: the package that it needs is missing.
    """
    require_log(kind)
    if kind == "csv":
        return CsvLog(folder)
    config = {"training": title, **json.loads(job.model_dump_json(exclude={"folder", "trajectories", "reward"}))}
    reward = job.reward.read_text(encoding="utf-8")
    if kind == "wandb":
        return WandbLog(folder, title, config, reward)
    if not goes_on:
        for earlier in folder.glob("events.out.tfevents.*"):
            earlier.unlink()
    return TensorBoardLog(folder, config, reward)


def require_log(kind: LogName) -> None:
    """RewardSynthError unless the package for such a log is installed."""
    if kind in ("tensorboard", "wandb") and importlib.util.find_spec(kind) is None:
        raise RewardSynthError(f"--log {kind} needs the package {kind}", f'pip install "reward-synth[{kind}]"')


class CsvLog:
    """``training.csv``: a row for each figure, with step, name and value."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "training.csv"
        self._rows: list[tuple[object, ...]] = [("step", "name", "value")]

    def write(self, points: Sequence[Point]) -> None:
        """See :class:`TrainingLog`."""
        self._rows += [(point.step, name, value) for point in points for name, value in point.figures.items()]
        text = io.StringIO(newline="")
        csv.writer(text).writerows(self._rows)
        write_text(self._path, text.getvalue())

    def film(self, path: Path) -> None:
        """A table holds no film."""

    def close(self) -> None:
        """Nothing is left to write."""


class TensorBoardLog:
    """Event files for ``tensorboard --logdir RUN/logs``."""

    def __init__(self, folder: Path, config: Mapping[str, Any], reward: str) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._writer: Any = SummaryWriter(str(folder))
        self._writer.add_text("config", _code_block(json.dumps(config, indent=2)))
        self._writer.add_text("reward", _code_block(reward))

    def write(self, points: Sequence[Point]) -> None:
        """See :class:`TrainingLog`."""
        for point in points:
            for name, value in point.figures.items():
                self._writer.add_scalar(name, value, point.step)
        self._writer.flush()

    def film(self, path: Path) -> None:
        """TensorBoard shows pictures only, so it gets the film's place."""
        self._writer.add_text("film", _code_block(str(path.resolve())))

    def close(self) -> None:
        """See :class:`TrainingLog`."""
        self._writer.close()


def _code_block(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())


class WandbLog:
    """A run of Weights & Biases. It stays on this machine unless ``WANDB_MODE=online`` is in the environment.

    It holds the figures, the job and the reward; what wandb would tell of the machine and the program is left out.
    """

    def __init__(self, folder: Path, title: str, config: Mapping[str, Any], reward: str) -> None:
        import wandb

        self._wandb: Any = wandb
        group = folder.resolve().parents[1].name
        try:
            self._run: Any = self._begun(group, title, folder, {**config, "reward": reward})
        except wandb.errors.Error as error:
            raise RewardSynthError(f"wandb does not begin: {error}", "wandb login, or unset WANDB_MODE") from error

    def _begun(self, group: str, title: str, folder: Path, config: Mapping[str, Any]) -> Any:
        return self._wandb.init(
            project=os.environ.get("WANDB_PROJECT", "reward-synth"),
            group=group,
            name=f"{group} {title}",
            id=hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:16],
            config=config,
            mode="online" if os.environ.get("WANDB_MODE") == "online" else "offline",
            resume="allow",
            reinit="create_new",
            settings=self._wandb.Settings(
                console="off",
                silent=True,
                save_code=False,
                disable_git=True,
                disable_job_creation=True,
                x_disable_meta=True,
                x_disable_machine_info=True,
                x_disable_stats=True,
            ),
        )

    def write(self, points: Sequence[Point]) -> None:
        """See :class:`TrainingLog`."""
        for point in points:
            self._run.log(dict(point.figures), step=point.step)

    def film(self, path: Path) -> None:
        """See :class:`TrainingLog`."""
        self._run.log({f"film/{path.stem}": self._wandb.Video(str(path), format="mp4")})

    def close(self) -> None:
        """See :class:`TrainingLog`."""
        self._run.finish()
