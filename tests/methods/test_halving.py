"""Who goes on after a rung, and what a race leaves and finds again; trainings are played from curves."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from reward_synth.core.errors import RewardSynthError
from reward_synth.core.types import EpisodeScore, EvaluationPoint, TrainResult
from reward_synth.events.model import RungDecided
from reward_synth.executors.base import OnProgress, OnResult
from reward_synth.methods.halving import Standing, SuccessiveHalving, choose, most_steps
from reward_synth.settings.sources import load_settings
from reward_synth.tasks.spec import load_task
from reward_synth.training.job import TrainJob
from reward_synth.training.outcomes import RungEnd, outcome_of, write_result
from reward_synth.training.presets import PPOPreset

STEPS = 1000
RUNGS = (0.1, 0.3, 1.0)


def point(step: int, success: float = 0.0, fitness: float = 0.0, reward: float = 0.0) -> EvaluationPoint:
    return EvaluationPoint(
        step=step,
        success=success,
        success_any=success,
        fitness=fitness,
        episode_length=10,
        reward=reward,
    )


def result(*points: EvaluationPoint, status: str = "paused") -> TrainResult:
    return TrainResult(status=status, seed=0, steps=STEPS, seconds=1, cpu_seconds=1, evaluations=points)


def standings(*fitness: float, success: float = 0.0) -> list[Standing]:
    return [Standing(f"c{i}", success, value) for i, value in enumerate(fitness)]


def names(found: Sequence[Standing]) -> list[str]:
    return [each.candidate for each in found]


def test_the_better_half_goes_on() -> None:
    kept, stopped = choose(standings(3, 6, 1, 5, 2, 4), entered=6)
    assert (names(kept), names(stopped)) == (["c1", "c3", "c5"], ["c0", "c4", "c2"])
    # Equals stay in their order, the promising first.
    kept, stopped = choose(standings(0, 0, 0, 0, 0), entered=5)
    assert (names(kept), names(stopped)) == (["c0", "c1", "c2"], ["c3", "c4"])


@pytest.mark.parametrize("entered", range(1, 12))
def test_one_goes_on_always_and_of_several_never_all(entered: int) -> None:
    kept, stopped = choose(standings(*range(entered)), entered)
    assert 1 <= len(kept) == -(-entered // 2)
    assert len(kept) + len(stopped) == entered


def test_what_crashed_in_a_rung_counts_as_stopped() -> None:
    kept, stopped = choose(standings(1, 9), entered=4)
    assert (names(kept), names(stopped)) == (["c1", "c0"], [])
    assert choose([], entered=3) == ([], [])


def test_success_goes_before_fitness_and_the_rewards_value_is_not_looked_at() -> None:
    good = Standing.of("good", [result(point(100, success=1.0, fitness=0.0, reward=-5.0))], 100)
    rich = Standing.of("rich", [result(point(100, success=0.25, fitness=9.0, reward=1e9))], 100)
    assert names(choose([rich, good], entered=2)[0]) == ["good"]
    poor = Standing.of("rich", [result(point(100, success=0.25, fitness=9.0, reward=-1e9))], 100)
    assert poor == rich


def test_a_standing_is_that_at_the_rung_and_leaves_crashed_seeds_out() -> None:
    far = result(point(100, fitness=1.0), point(304, fitness=2.0), point(500, fitness=9.0))
    crashed = result(point(100, fitness=-50.0), status="crashed")
    assert Standing.of("a", [far, crashed], 100).fitness == 1.0
    assert Standing.of("a", [far], 300).fitness == 2.0
    assert Standing.of("a", [far], 900).fitness == 9.0
    assert Standing.of("a", [crashed], 100).success == -1.0


def test_at_most_so_many_steps() -> None:
    assert most_steps(4, RUNGS) == pytest.approx(0.4 + 2 * 0.2 + 1 * 0.7)
    assert most_steps(6, RUNGS) == pytest.approx(2.6)
    assert most_steps(5, (1.0,)) == 5.0
    assert most_steps(1, RUNGS) == 1.0


@pytest.mark.parametrize("given", ["0.1,0.3,1", " 0.5, 1.0 ", "1", 1])
def test_rungs_rise_to_one(given: object) -> None:
    shares = load_settings({"rungs": given}).settings.rung_shares
    assert shares[-1] == 1
    assert list(shares) == sorted(shares)


@pytest.mark.parametrize("given", ["", "0.1,0.3", "0.3,0.1,1", "0,1", "1,1", "some", "nan,1", "-0.1,1"])
def test_other_rungs_are_refused(given: str) -> None:
    with pytest.raises(RewardSynthError, match="rise to 1"):
        load_settings({"rungs": given})


Curve = Callable[[int], EvaluationPoint]


class Played:
    """An executor whose trainings are curves. It leaves the files that real ones leave."""

    def __init__(self, curves: dict[str, Curve], crash_at: dict[str, int] | None = None) -> None:
        self._curves = curves
        self._crash_at = crash_at or {}
        self.ran: list[tuple[str, int, bool]] = []
        """Candidate, step trained to, whether it was only evaluated."""
        self.left: int | None = None
        """Jobs until it is interrupted."""

    def run(
        self,
        jobs: Sequence[TrainJob],
        on_progress: OnProgress,
        on_result: OnResult,
        should_stop: Callable[[], bool],
    ) -> None:
        for job in jobs:
            if (found := outcome_of(job)) is not None:
                on_result(job, found)
        for job in [job for job in jobs if outcome_of(job) is None]:
            if should_stop():
                return
            if self.left == 0:
                raise KeyboardInterrupt
            self.left = None if self.left is None else self.left - 1
            self._train(job)
            found = outcome_of(job)
            assert found is not None
            on_result(job, found)

    def _train(self, job: TrainJob) -> None:
        name = job.reward.parent.name
        rung = RungEnd.of(job)
        step = rung.steps if rung is not None and job.end else job.target
        self.ran.append((name, step, bool(job.end)))
        if step >= self._crash_at.get(name, STEPS + 1):
            write_result(job, result(status="crashed"))
            return
        points = tuple(self._curves[name](at) for at in range(100, step + 1, 100))
        job.folder.mkdir(exist_ok=True)
        if step < job.steps and not job.end:
            for path in (job.policy_path, job.checkpoint_path):
                path.touch()
            RungEnd(job=job.digest(), paused=True, steps=step, evaluations=points).write(job.folder)
            return
        last = points[-1]
        episode = EpisodeScore(
            success=last.success == 1.0, success_any=False, fitness=last.fitness, length=1, terminated=False
        )
        done = result(*points, status="trained")
        write_result(job, done.model_copy(update={"steps": step, "episodes": (episode,), "reason": job.end}))


class Stage:
    """Runs races over the same folders, as a resumed run does."""

    def __init__(self, folder: Path, curves: dict[str, Curve], seeds: int = 1, **more: dict[str, int]) -> None:
        self.executor = Played(curves, **more)
        self.cuts: list[RungDecided] = []
        self.ended: dict[str, list[TrainResult]] = {}
        self.solved = False
        self.jobs = {name: [self._job(folder / name, index) for index in range(seeds)] for name in curves}

    @staticmethod
    def _job(folder: Path, index: int) -> TrainJob:
        folder.mkdir(exist_ok=True, parents=True)
        (folder / "reward.py").touch()
        return TrainJob(
            task=load_task("gym/inverted_pendulum_balance"),
            reward=folder / "reward.py",
            fields=(),
            terms=(),
            preset=PPOPreset(),
            steps=STEPS,
            seed=index,
            seed_index=index,
            folder=folder / f"seed-{index}",
            trajectories=folder,
        )

    def run(self, rungs: Sequence[float] = RUNGS, ahead: Sequence[str] = (), **more: dict[str, int]) -> None:
        def ended(name: str, results: list[TrainResult]) -> None:
            self.ended[name] = results
            self.solved |= any(each.success == 1.0 for each in results)

        race = SuccessiveHalving(
            self.executor, self.jobs, rungs, lambda *_: None, ended, self.cuts.append, lambda: self.solved, ahead=ahead,
            **more,
        )  # fmt: skip
        race.run()


def line(slope: float) -> Curve:
    return lambda step: point(step, fitness=slope * step)


# Crosses: the one that is best in the end is third at the first rung.
SIX = {"a": line(1), "b": line(5), "c": lambda step: point(step, fitness=0.05 * step**2 / 2), "d": line(2)} | {
    "e": line(0.5),
    "f": line(3),
}


def test_the_worst_stop_after_each_rung_and_all_are_judged(tmp_path: Path) -> None:
    stage = Stage(tmp_path, SIX)
    stage.run()
    assert [(cut.kept, cut.stopped) for cut in stage.cuts] == [
        (("b", "f", "c"), ("d", "a", "e")),
        (("c", "b"), ("f",)),
    ]
    assert set(stage.ended) == set(SIX)
    assert {name: results[0].steps for name, results in stage.ended.items()} == {
        "a": 100, "b": 1000, "c": 1000, "d": 100, "e": 100, "f": 300,
    }  # fmt: skip
    assert stage.ended["d"][0].reason == "stopped after 10% of its steps as number 4 of 6 (success 0%, fitness 200)"
    assert all(results[0].episodes for results in stage.ended.values())
    assert str(stage.cuts[1]) == "rung 2 of 3 (30% of the steps): c, b trained on; stopped f"
    # The stopped ones have their evaluation after the others have trained on, and no training is done twice.
    trained = [(name, step) for name, step, evaluated in stage.executor.ran if not evaluated]
    assert len(trained) == len(set(trained)) == 6 + 3 + 2
    second = stage.executor.ran[6:]
    assert [(name, evaluated) for name, _, evaluated in second[:6]] == [
        ("b", False), ("c", False), ("f", False), ("d", True), ("a", True), ("e", True),
    ]  # fmt: skip


def test_a_stopped_one_that_has_succeeded_is_evaluated_before_the_others_train_on(tmp_path: Path) -> None:
    def often(fitness: float) -> Curve:
        return lambda step: point(step, success=0.5, fitness=fitness)

    stage = Stage(tmp_path, {"a": often(4), "b": often(3), "c": often(2), "d": line(9), "e": line(8)} | {"f": often(1)})
    stage.run()
    assert stage.cuts[0].kept == ("a", "b", "c")
    second = [(name, evaluated) for name, _, evaluated in stage.executor.ran[6:12]]
    assert second == [("f", True), ("a", False), ("b", False), ("c", False), ("d", True), ("e", True)]


@pytest.mark.parametrize("done", range(15))
def test_a_race_that_is_taken_up_anywhere_ends_the_same(tmp_path: Path, done: int) -> None:
    stage = Stage(tmp_path, SIX)
    stage.executor.left = done
    try:
        stage.run()
    except KeyboardInterrupt:
        again = Stage(tmp_path, SIX)
        again.run()
        assert not set(stage.executor.ran) & set(again.executor.ran)
    else:
        pytest.fail("it was to be interrupted")
    assert [cut.kept for cut in again.cuts] == [("b", "f", "c"), ("c", "b")]
    assert {name: results[0].steps for name, results in again.ended.items()} == {
        "a": 100, "b": 1000, "c": 1000, "d": 100, "e": 100, "f": 300,
    }  # fmt: skip


def test_a_solved_task_ends_the_race(tmp_path: Path) -> None:
    solving: dict[str, Curve] = {"a": lambda step: point(step, success=1.0, fitness=step), "b": line(1), "c": line(2)}
    stage = Stage(tmp_path, solving)
    stage.run()
    assert stage.solved
    assert stage.ended["a"][0].steps == STEPS


def test_one_that_has_succeeded_trains_before_the_others_begin(tmp_path: Path) -> None:
    late: Curve = lambda step: point(step, success=float(step >= 200), fitness=0.0)  # noqa: E731
    stage = Stage(tmp_path, {"a": line(1), "b": late, "c": line(2)})
    stage.run(ahead=["b"])
    assert stage.executor.ran == [("b", STEPS, False)] and stage.solved and not stage.cuts
    # If it does not solve the task after all, the others race as usual, and without it.
    stage = Stage(tmp_path / "again", {"a": line(1), "b": line(0), "c": line(2)})
    stage.run(ahead=["b"])
    assert stage.executor.ran[0] == ("b", STEPS, False)
    assert [(cut.kept, cut.stopped) for cut in stage.cuts] == [(("c",), ("a",))]


def test_what_was_trained_before_counts_at_a_rung_that_it_has_passed(tmp_path: Path) -> None:
    """The race of presets had trained it for longer than the first rung, and it was better there than at the rung."""
    sudden: Curve = lambda step: point(step, success=0.5 * (step >= 200), fitness=0.0)  # noqa: E731
    curves = {"a": sudden, "b": line(1), "c": line(2), "d": line(3)}
    stage = Stage(tmp_path, curves)
    for job in stage.jobs["a"]:
        stage.executor._train(job.model_copy(update={"until": 200}))
    stage.run(trained={"a": 200})
    assert stage.cuts[0].kept == ("a", "d") and stage.cuts[1].kept == ("a",)
    stage = Stage(tmp_path / "without", curves)
    stage.run()
    assert stage.cuts[0].kept == ("d", "c")


def test_crashes_and_seeds(tmp_path: Path) -> None:
    stage = Stage(tmp_path, SIX, seeds=2, crash_at={"b": 100, "c": 1000})
    stage.run()
    assert stage.cuts[0].kept == ("f", "c", "d")
    assert len(stage.ended["b"]) == len(stage.ended["f"]) == 2
    assert {each.status for each in stage.ended["b"]} == {"crashed"}
    # It led at the second rung and crashed after it; the other that had gone on is left.
    assert stage.cuts[1].kept == ("c", "f")
    assert stage.ended["c"][0].status == "crashed"


def test_one_rung_or_one_candidate_means_no_pause(tmp_path: Path) -> None:
    stage = Stage(tmp_path, {"a": line(1)})
    stage.run()
    assert stage.executor.ran == [("a", STEPS, False)]
    (tmp_path / "all").mkdir()
    stage = Stage(tmp_path / "all", SIX)
    stage.run(rungs=(1.0,))
    assert {step for _, step, _ in stage.executor.ran} == {STEPS}
    assert len(stage.executor.ran) == len(SIX)
    assert stage.cuts == []


@pytest.mark.parametrize(
    ("aimless", "stopped"),
    [(None, 2), (0.5, 2), (4.0, 0)],
    ids=["known-task", "some-are-beyond", "all-are-beginners"],
)
def test_where_all_are_beginners_nobody_stops(aimless: float | None, stopped: int) -> None:
    standings = [Standing(name, 0.0, fitness) for name, fitness in (("a", 1.0), ("b", 3.0), ("c", 2.0), ("d", 0.1))]
    kept, out = choose(standings, 4, aimless)
    assert (len(kept), len(out)) == (4 - stopped, stopped) and kept[0].candidate == "b"


def test_a_success_is_beyond_a_beginner_whatever_its_fitness() -> None:
    standings = [Standing("a", 0.25, 1.0), Standing("b", 0.0, 1.0)]
    assert [each.candidate for each in choose(standings, 2, aimless=9.0)[0]] == ["a"]


@pytest.mark.parametrize(
    ("aimless", "error", "success", "on"),
    [
        (0.0, 0.2, 0.0, ["a", "b", "c"]),
        (0.0, 0.02, 0.0, ["a", "b"]),
        (0.0, 0.2, 0.25, ["a", "b"]),
        (None, 0.2, 0.0, ["a", "b"]),
    ],
    ids=["within-noise", "clearly-worse", "succeeds-less", "known-task"],
)
def test_nobody_stops_by_chance(aimless: float | None, error: float, success: float, on: list[str]) -> None:
    found = [
        Standing("a", success, 3.0, error),
        Standing("b", success, 2.0, error),
        Standing("c", 0.0, 1.7, error),
        Standing("d", 0.0, 0.5, error),
    ]
    kept, stopped = choose(found, 4, aimless)
    assert names(kept) == on and names(kept + stopped) == ["a", "b", "c", "d"]


def test_the_error_of_a_standing_is_that_of_the_mean_over_episodes_and_seeds() -> None:
    points = [point(500, fitness=1.0).model_copy(update={"fitness_deviation": 0.6}) for _ in range(2)]
    assert Standing.of("a", [result(points[0])], 500).error == pytest.approx(0.3)
    assert Standing.of("a", [result(each) for each in points], 500).error == pytest.approx(0.3 / math.sqrt(2))
    many = points[0].model_copy(update={"episodes": 16})
    assert Standing.of("a", [result(many)], 500).error == pytest.approx(0.15)
