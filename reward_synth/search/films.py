"""Films of a trained candidate's recorded episodes: played again, drawn in a locked process, and encoded."""

from __future__ import annotations

import math
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Self, TypeVar

import numpy as np
from pydantic import ValidationError

from reward_synth.core.errors import RewardSynthError
from reward_synth.core.files import write_text
from reward_synth.core.types import CheckReport, EpisodeScore
from reward_synth.evaluation.drawing import Pixels
from reward_synth.evaluation.play import field_table
from reward_synth.evaluation.scoring import measured_table, score_with, scoring_process
from reward_synth.events.bus import Emit
from reward_synth.events.model import StatusChanged
from reward_synth.executors.base import worker_environment
from reward_synth.report.video import Film, Shown, caption, write_video
from reward_synth.reward.contract import RewardError
from reward_synth.reward.scale import TOTALS
from reward_synth.screening.ranking import episode_terms
from reward_synth.simulators.custom.files import file_of
from reward_synth.simulators.graphics import graphics
from reward_synth.state.episode import Episode, episode_paths
from reward_synth.state.table import FieldTable
from reward_synth.store import RunStore
from reward_synth.tasks.spec import TaskSpec, load_task
from reward_synth.training.worker.filmer import END, PICTURE, Ending, FilmJob, Opening
from reward_synth.training.worker.subprocess_stage import cause

Line = TypeVar("Line", Opening, Ending)
Which = Literal["best", "median", "worst"]
"""Of a candidate's evaluation episodes, by success and then fitness."""
OTHER = "the environment did not repeat the recorded one"
FPS = 25.0
"""Pictures a second, at most."""
FINAL_FPS, FINAL_PICTURES = 10.0, 150
"""Of the film at a run's end, at most. Nobody asked for it, so it must cost little: a long episode plays faster."""
SLOWEST_STEP = 0.2
"""In s. A step that lasts longer, such as a turn in a grid world, is shown for as long as this."""
SCORED = 40
"""The task's measures are evaluated so many times along an episode; between, the last values are shown."""
LONGEST = 300.0
"""Seconds after which one film is given up."""
LONGEST_LINE = 100_000
"""Bytes."""
SIZES = range(16, 4097)
"""Pixels."""


@dataclass(frozen=True)
class Recorded:
    """One recorded evaluation episode of a candidate."""

    path: Path
    score: EpisodeScore


def film_candidate(
    store: RunStore,
    task: TaskSpec,
    candidate: str,
    which: Sequence[Which],
    *,
    size: tuple[int, int] = (480, 360),
    fps: float = FPS,
    most: int | None = None,
    folder: Path | None = None,
    sandbox: bool = True,
) -> list[Path]:
    """Make films of a candidate's episodes; returns their paths, ``videos/best.mp4`` and so on.

    :param size: width and height in pixels; both are made even.
    :param fps: pictures a second at most.
    :param most: pictures at most. A longer film plays faster than real time; None always plays in real time.
    :param folder: where to write; the candidate's own ``videos`` for None.
    :raises RewardSynthError: there is no recorded episode, or no picture of this environment.
    """
    if not (math.isfinite(fps) and 1.0 <= fps <= 100.0) or any(each not in SIZES for each in size):
        raise RewardSynthError(
            f"a film of {size[0]}x{size[1]} pixels, {fps:g} a second, cannot be made",
            f"from {SIZES[0]} to {SIZES[-1]} pixels wide and high, and from 1 to 100 pictures a second",
        )
    ranked = _ranked(store, candidate)
    table = field_table(task)
    made = []
    for name in which:
        place = {"best": len(ranked) - 1, "median": len(ranked) // 2, "worst": 0}[name]
        path = folder / f"{name}.mp4" if folder else store.film_path(candidate, name)
        even = size[0] // 2 * 2, size[1] // 2 * 2
        _film(store, task, table, candidate, ranked[place], path, even, fps, most, sandbox)
        made.append(path)
    return made


def film_best(store: RunStore, candidate: str, emit: Emit, sandbox: bool) -> None:
    """Film a run's best candidate at the run's end, unless that was done. A film that cannot be made stops nothing."""
    if store.film_path(candidate, "median").exists():
        return
    emit(StatusChanged(text=f"filming what {candidate} does"))
    try:
        task = load_task(store.task_path)
        film_candidate(store, task, candidate, ["median"], fps=FINAL_FPS, most=FINAL_PICTURES, sandbox=sandbox)
    except RewardSynthError as error:
        emit(StatusChanged(text=f"no film: {error.message}" + (f" ({error.hint})" if error.hint else "")))
    except KeyboardInterrupt:
        emit(StatusChanged(text="no film: interrupted"))
    except Exception as error:  # noqa: BLE001  (the search has ended well: whatever is wrong with its film is told)
        emit(StatusChanged(text=f"no film: {type(error).__name__}: {error}"))
    else:
        if not film_of(store.film_path(candidate, "median")).same:
            emit(StatusChanged(text=f"the film shows another episode: {OTHER}"))


def film_of(path: Path) -> Film:
    """What an mp4 file shows."""
    return Film.model_validate_json(path.with_suffix(".json").read_bytes())


def _ranked(store: RunStore, candidate: str) -> list[Recorded]:
    """The candidate's recorded episodes, the worst first."""
    found = []
    for index in range(store.settings().seeds):
        result = store.read_result(candidate, index)
        paths = episode_paths(store.trajectories_dir(candidate), index)
        if result is not None and len(paths) == len(result.episodes):
            found += [Recorded(path, score) for path, score in zip(paths, result.episodes, strict=True)]
    if not found:
        raise RewardSynthError(f"{candidate} has no recorded episode", "only a trained candidate can be filmed")
    return sorted(found, key=lambda each: (each.score.success, each.score.fitness))


def _film(
    store: RunStore,
    task: TaskSpec,
    table: FieldTable,
    candidate: str,
    recorded: Recorded,
    path: Path,
    size: tuple[int, int],
    fps: float,
    most: int | None,
    sandbox: bool,
) -> None:
    episode = Episode.load(recorded.path)
    slow = episode.dt >= SLOWEST_STEP
    stride = 1 if slow else max(1, math.ceil(round(1.0 / (fps * episode.dt), 6)))
    rate = 1.0 / SLOWEST_STEP if slow else 1.0 / (stride * episode.dt)
    stride = max(stride, math.ceil(episode.length / (most - 1)) if most else 1)
    steps = tuple(dict.fromkeys((*range(0, episode.length, stride), episode.length)))
    shown = _shown(store, task, table, candidate, episode, steps)
    job = FilmJob(
        task=task, environment_file=file_of(task.environment.id), episode=recorded.path.resolve(), steps=steps,
        width=size[0], height=size[1], sandbox=sandbox,
    )  # fmt: skip
    with _Filmer(job) as filmer:
        write_video(path, filmer, (caption(candidate, each) for each in shown), rate)
        film = Film(
            candidate=candidate, episode=recorded.path.name, seed=episode.seed, success=recorded.score.success,
            fitness=recorded.score.fitness, fps=round(rate, 3), speed=round(rate * stride * episode.dt, 3),
            drawn=filmer.drawn, same=filmer.same, frames=shown,
        )  # fmt: skip
    write_text(path.with_suffix(".json"), film.model_dump_json(indent=1))


def _shown(
    store: RunStore, task: TaskSpec, table: FieldTable, candidate: str, episode: Episode, steps: Sequence[int]
) -> tuple[Shown, ...]:
    """What each picture shows: the terms of its step, and what the task's measures say of the episode up to it."""
    report = store.read_check(candidate) or CheckReport()
    try:
        terms = episode_terms(store.read_reward(candidate), report, table, [episode])[0]
    except RewardError:
        terms = None  # It trained, yet fails on what its own policy does.
    every = max(1, len(steps) // SCORED)
    scores: dict[int, EpisodeScore | None] = {}
    measured = measured_table(task, table)
    rows = episode.subset(measured.names)
    with scoring_process(task, measured) as process:
        for step in (*steps[every::every], episode.length):
            ended = episode.terminated and step == episode.length
            part = replace(
                episode, layout=measured.layout(), rows=rows[: step + 1], actions=episode.actions[:step],
                terminated=ended,
            )  # fmt: skip
            try:
                scores[step] = score_with(process, [part])[0]
            except RewardSynthError:
                scores[step] = None  # A measure may ask for more of the episode than there is yet.
    total = TOTALS[task.training.scale]
    found, score = [], None
    for step in steps:
        score = scores.get(step, score)
        paid = dict(zip(report.terms, terms[step - 1].tolist(), strict=True)) if terms is not None and step else {}
        found.append(
            Shown(
                step=step, seconds=round(step * episode.dt, 4), terms=paid, reward=total(paid) if paid else None,
                success=score.success if score else None, fitness=score.fitness if score else None,
            )
        )  # fmt: skip
    return tuple(found)


class _Filmer(Iterator[Pixels]):
    """The process that draws. It gives the pictures one by one, and says after the last of them how they went."""

    def __init__(self, job: FilmJob) -> None:
        self._job, self.same, self.drawn = job, True, ""
        self._variables = graphics().variables
        self._folder = tempfile.TemporaryDirectory(prefix="reward-synth-film-")
        path = Path(self._folder.name) / "film.json"
        write_text(path, job.model_dump_json())
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-m", "reward_synth.training.worker.filmer", str(path), str(os.getpid())],
            env={**worker_environment(), **self._variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._deadline = time.monotonic() + LONGEST

    def __enter__(self) -> Self:
        try:
            opening = self._said(Opening)
            if opening.message:
                raise RewardSynthError(opening.message, opening.hint)
        except BaseException:
            self.__exit__()
            raise
        self.drawn = opening.drawn
        return self

    def __exit__(self, *_: object) -> None:
        # An environment may have started processes of its own, which hold the pipe.
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._folder.cleanup()

    def __next__(self) -> Pixels:
        kind = self._read(1)
        if kind == PICTURE:
            size = self._job.height, self._job.width, 3
            return np.frombuffer(self._read(math.prod(size)), np.uint8).reshape(size)
        if kind != END:
            raise self._failed("gives no picture")
        ending = self._said(Ending)
        if ending.message:
            raise RewardSynthError(ending.message, ending.hint)
        self.same = ending.same
        raise StopIteration

    def _said(self, kind: type[Line]) -> Line:
        """The next line."""
        line = b""
        while not line.endswith(b"\n") and len(line) <= LONGEST_LINE:
            line += self._read(1)
        try:
            return kind.model_validate_json(line)
        except ValidationError as error:
            raise self._failed("gives no picture") from error

    def _read(self, count: int) -> bytes:
        """So many bytes, before the film's time is over."""
        assert self._process.stdout is not None
        descriptor, found = self._process.stdout.fileno(), bytearray()
        while len(found) < count:
            left = self._deadline - time.monotonic()
            if left <= 0 or not select.select([descriptor], [], [], left)[0]:
                raise self._failed(f"was not done within {LONGEST:g} s")
            part = os.read(descriptor, count - len(found))
            if not part:
                raise self._failed(f"died with {cause(self._process.wait())}")
            found += part
        return bytes(found)

    def _failed(self, how: str) -> RewardSynthError:
        drivers = (
            "try MUJOCO_GL= for outlines" if self._variables.get("MUJOCO_GL") else "make fewer or smaller pictures"
        )
        return RewardSynthError(f"the process that draws {self._job.task.environment.id} {how}", drivers)
