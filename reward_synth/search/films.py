"""Films of a trained candidate's recorded episodes: played again, drawn in a locked process, and encoded."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from reward_synth.core.errors import MachineFault, RewardSynthError
from reward_synth.core.files import write_text
from reward_synth.core.scratch import Scratch
from reward_synth.core.types import CheckReport, EpisodeScore
from reward_synth.evaluation.scoring import measured_fields, score_with, scoring_process
from reward_synth.preferences.episodes import played_episodes
from reward_synth.report.video import Evaluated, Film, Shown, caption, write_video
from reward_synth.reward.contract import RewardError
from reward_synth.reward.scale import TOTALS
from reward_synth.sandbox.process import ScoringProcess
from reward_synth.screening.terms import episode_terms
from reward_synth.search.film_process import Filmer
from reward_synth.simulators.custom.files import file_of
from reward_synth.state.episode import Episode, episode_name
from reward_synth.state.view import sublayout
from reward_synth.store import RunStore
from reward_synth.tasks.spec import TaskSpec
from reward_synth.training.job import EVALUATIONS
from reward_synth.training.kept_evaluations import KeptEvaluation, read_evaluations
from reward_synth.training.worker.filmer import FilmJob, Take

OTHER = "the environment did not repeat the recorded one"
Which = Literal["best", "median", "worst", "checkpoints", "attack"]
"""Of a candidate's evaluation episodes, by success and then fitness; or an episode of each evaluation in training; or
what shows the findings of the attack, a film for each."""
FPS = 25.0
"""Pictures a second, at most."""
SLOWEST_STEP = 0.2
"""In s. A step that lasts longer, such as a turn in a grid world, is shown for as long as this."""
PART_SECONDS, PART_SPEED = 3.0, 2.0
"""In a film through a training, each episode lasts at most so long, and plays at most so many times faster."""
SCORED = 40
"""The task's measures are evaluated so many times along an episode; between, the last values are shown."""
LONGEST = 300.0
"""Seconds after which one film is given up."""
SIZES = range(16, 4097)
"""Pixels."""
BLIND, BLIND_SIZE, BLIND_FPS = 120, (320, 240), 10.0
"""Pictures at most, their size, and how many a second: such films are made while somebody waits."""


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
    episodes: int = 0,
    size: tuple[int, int] = (480, 360),
    fps: float = FPS,
    most: int | None = None,
    folder: Path | None = None,
    sandbox: bool = True,
    longest: float = LONGEST,
    given_up: Callable[[], bool] = lambda: False,
) -> list[Path]:
    """Make films of a candidate's episodes; returns their paths, ``videos/best.mp4`` and so on.

    :param which: ``attack`` gives a film of each finding's episode, under the rule's name.

    :param episodes: film so many episodes besides, evenly by rank: ``rank-01-of-20.mp4`` shows the worst of 20.
    :param size: width and height in pixels; both are made even.
    :param fps: pictures a second at most.
    :param most: pictures at most. A longer film plays faster than real time; None always plays in real time.
    :param folder: where to write; the candidate's own ``videos`` for None.
    :param longest: seconds after which a film is given up.
    :param given_up: True once no film is wanted any more.
    :raises RewardSynthError: there is no recorded episode, or no picture of this environment.
    """
    if not (math.isfinite(fps) and 1.0 <= fps <= 100.0) or any(each not in SIZES for each in size):
        raise RewardSynthError(
            f"a film of {size[0]}x{size[1]} pixels, {fps:g} a second, cannot be made",
            f"from {SIZES[0]} to {SIZES[-1]} pixels wide and high, and from 1 to 100 pictures a second",
        )
    even = size[0] // 2 * 2, size[1] // 2 * 2
    maker = _Maker(store, task, candidate, even, fps, most, sandbox, longest, given_up)
    wanted: dict[str, Recorded | None] = dict.fromkeys(name for name in which if name != "attack")
    if "attack" in which:
        shown = store.shown_findings(candidate)
        if not shown:
            hint = "only a search with --plan-seconds attacks its rewards: docs/guide/attack.md"
            raise RewardSynthError(f"no finding on {candidate} has an episode that could be filmed", hint)
        wanted |= {name: Recorded(store.planned_path(candidate, name), score) for name, score in shown.items()}
    if episodes or any(name not in ("checkpoints", "attack") for name in which):
        ranked = _ranked(store, candidate)
        places = {"best": len(ranked) - 1, "median": len(ranked) // 2, "worst": 0}
        wanted |= {name: ranked[places[name]] for name in which if name in places}
        ranks = np.linspace(0, len(ranked) - 1, min(episodes, len(ranked))).round().astype(int).tolist()
        wanted |= {f"rank-{rank + 1:02d}-of-{len(ranked):02d}": ranked[rank] for rank in ranks}
    made = []
    for name, recorded in wanted.items():
        path = folder / f"{name}.mp4" if folder else store.film_path(candidate, name)
        if recorded is None:
            maker.film_checkpoints(path)
        else:
            maker.film_episode(recorded, path)
        made.append(path)
    return made


def film_blind(store: RunStore, task: TaskSpec, recorded: Recorded, path: Path) -> None:
    """Film an episode without telling whose it is and what it is worth, small and at most :data:`BLIND` long.

    :raises RewardSynthError: there is no picture of this environment.
    """
    maker = _Maker(store, task, "", BLIND_SIZE, BLIND_FPS, BLIND, True, LONGEST, lambda: False)
    maker.film_episode(recorded, path, blind=True)


def film_of(path: Path) -> Film:
    """What an mp4 file shows."""
    return Film.model_validate_json(path.with_suffix(".json").read_bytes())


def _ranked(store: RunStore, candidate: str) -> list[Recorded]:
    """The candidate's recorded episodes, the worst first."""
    found = [Recorded(each.path, each.score) for each in played_episodes(store, candidate)]
    if not found:
        raise RewardSynthError(f"{candidate} has no recorded episode", "only a trained candidate can be filmed")
    return sorted(found, key=lambda each: (each.score.success, each.score.fitness))


@dataclass(frozen=True)
class _Maker:
    """Makes films of one candidate. See :func:`film_candidate`."""

    store: RunStore
    task: TaskSpec
    candidate: str
    size: tuple[int, int]
    fps: float
    most: int | None
    sandbox: bool
    longest: float
    given_up: Callable[[], bool]

    def film_episode(self, recorded: Recorded, path: Path, blind: bool = False) -> None:
        """Film one recorded episode as a whole; ``blind`` leaves out every figure but the time."""
        episode = Episode.load(recorded.path)
        slow = episode.dt >= SLOWEST_STEP
        stride = 1 if slow else max(1, math.ceil(round(1.0 / (self.fps * episode.dt), 6)))
        rate = 1.0 / SLOWEST_STEP if slow else 1.0 / (stride * episode.dt)
        stride = max(stride, math.ceil(episode.length / (self.most - 1)) if self.most else 1)
        steps = tuple(dict.fromkeys((*range(0, episode.length, stride), episode.length)))
        frames = (
            tuple(Shown(step=step, seconds=round(step * episode.dt, 4)) for step in steps)
            if blind
            else _shown(self.store, self.task, self.candidate, episode, steps)
        )
        film = Film(
            candidate=self.candidate, episode=recorded.path.name, seed=episode.seed, success=recorded.score.success,
            fitness=recorded.score.fitness, fps=round(rate, 3), speed=round(rate * stride * episode.dt, 3),
            drawn="", same=True, frames=frames,
        )  # fmt: skip
        self._write(film, [Take(episode=recorded.path.resolve(), steps=steps)], path)

    def film_checkpoints(self, path: Path) -> None:
        """Film an episode of each evaluation in the candidate's training, one after another; of the first seed."""
        kept = _kept(self.store, self.candidate)
        dt = kept[0].episode.dt
        pace = min(dt, SLOWEST_STEP / PART_SPEED)
        longest = max(each.episode.length for each in kept)
        speed = min(max(1.0, longest * pace / PART_SECONDS), PART_SPEED)
        stride = max(1, math.ceil(round(speed / (self.fps * pace), 6)))
        rate = speed / (stride * pace)
        takes, frames = [], []
        with Scratch() as scratch:
            for number, each in enumerate(kept):
                steps = _part(each.episode.length, stride, rate)
                place = scratch.path / episode_name(0, number)
                each.episode.save(place)
                takes.append(Take(episode=place, steps=steps))
                evaluation = Evaluated(step=each.point.step, success=each.point.success, fitness=each.point.fitness)
                frames += [
                    Shown(
                        step=step, seconds=round(step * dt, 4), evaluation=evaluation, success=each.score.success,
                        fitness=each.score.fitness,
                    )
                    for step in steps
                ]  # fmt: skip
            film = Film(
                candidate=self.candidate, episode=EVALUATIONS, seed=kept[-1].episode.seed,
                success=kept[-1].score.success, fitness=kept[-1].score.fitness, fps=round(rate, 3),
                speed=round(rate * stride * dt, 3), drawn="", same=True, frames=tuple(frames),
            )  # fmt: skip
            self._write(film, takes, path)

    def _write(self, film: Film, takes: Sequence[Take], path: Path) -> None:
        """Draw and encode the film, and write beside it how that went."""
        job = FilmJob(
            task=self.task, environment_file=file_of(self.task.environment.id), takes=tuple(takes),
            width=self.size[0], height=self.size[1], sandbox=self.sandbox,
        )  # fmt: skip
        with Filmer(job, self.longest, self.given_up) as filmer:
            write_video(path, filmer, (caption(film.candidate, each) for each in film.frames), film.fps)
            done = film.model_copy(update={"drawn": filmer.drawn, "same": filmer.same})
        write_text(path.with_suffix(".json"), done.model_dump_json(indent=1))


def _kept(store: RunStore, candidate: str) -> list[KeptEvaluation]:
    """The evaluations in the training of the candidate's first seed."""
    store.candidate(candidate)
    found = read_evaluations(store.train_dir(candidate, 0) / EVALUATIONS)
    if not found:
        raise RewardSynthError(
            f"{candidate} has no episode of an evaluation in training",
            "only trainings since version 0.1.0 keep them, from their first evaluation on; films of its last episodes: "
            f"reward-synth video {store.argument} {candidate}",
        )
    return found


def _part(length: int, stride: int, rate: float) -> tuple[int, ...]:
    """The steps that a film shows of one episode among others; where it ends early, its end stands for a while."""
    whole = (*range(0, length, stride), length)[: max(1, round(PART_SECONDS * rate))]
    return (*whole, *[whole[-1]] * (round(PART_SECONDS / 2 * rate) - len(whole)))


def _score_so_far(process: ScoringProcess, part: Episode, whole: bool) -> EpisodeScore:
    """Success as if the episode ended here; fitness as if it was meant to last so long.

    A mean over an episode's planned time would be near 0 at first, however well it goes.
    """
    if whole:
        return score_with(process, [part])[0]
    cut = replace(part, terminated=False)
    ended, lasted = score_with(process, [cut, replace(cut, horizon=len(part.actions))])
    return ended.model_copy(update={"fitness": lasted.fitness})


def _shown(
    store: RunStore, task: TaskSpec, candidate: str, episode: Episode, steps: Sequence[int]
) -> tuple[Shown, ...]:
    """What each picture shows: the terms of its step, and what the task's measures say of the episode up to it."""
    report = store.read_check(candidate) or CheckReport()
    try:
        terms = episode_terms(store.read_reward(candidate), report, [episode])[0]
    except RewardError:
        terms = None  # It trained, yet fails on what its own policy does.
    every = max(1, len(steps) // SCORED)
    scores: dict[int, EpisodeScore | None] = {}
    read = measured_fields(task, episode.layout)
    layout, rows = sublayout(episode.layout, read), episode.subset(read)
    with scoring_process(task, layout) as process:
        for step in (*steps[every::every], episode.length):
            part = replace(episode, layout=layout, rows=rows[: step + 1], actions=episode.actions[:step])
            try:
                scores[step] = _score_so_far(process, part, step == episode.length)
            except MachineFault:
                raise
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
