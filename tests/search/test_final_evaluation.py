"""Final training: fresh seeds, equal budgets, honest intervals, and nothing done twice."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import bootstrap, trim_mean

from reward_synth.api.run import Run
from reward_synth.cli.app import execute
from reward_synth.core.errors import RewardSynthError
from reward_synth.core.types import Candidate, CheckReport, EpisodeScore, Outcome, TrainResult
from reward_synth.display.text import evaluation_lines
from reward_synth.evaluation.play import FINAL_EVALUATION_SEEDS, SELECTION_SEEDS, TRAINING_EVALUATION_SEEDS
from reward_synth.evaluation.select import FINAL_EPISODES
from reward_synth.evaluation.statistics import interquartile_mean, mean_interval
from reward_synth.preparation.forecast import make_plan
from reward_synth.search.final_evaluation import evaluate_results, final_seed
from reward_synth.search.jobs import training_seed
from reward_synth.settings.model import Settings
from reward_synth.state.episode import Episode
from reward_synth.store import RunStore
from reward_synth.tasks.spec import TaskSpec, load_task, save_task
from reward_synth.training.job import Progress, TrainJob
from reward_synth.training.outcomes import write_result

REWARD = """
import numpy as np

def compute_reward(state, action, next_state):
    return {"upright": 1.0 - abs(next_state.pole_angle)}
"""
TASK = load_task("gym/inverted_pendulum_balance")


def result(successes: int, of: int = 8, fitness: float = 10.0, seed: int = 1) -> TrainResult:
    episodes = tuple(
        EpisodeScore(success=n < successes, success_any=True, fitness=fitness + n, length=9, terminated=False)
        for n in range(of)
    )
    return TrainResult(status="trained", seed=seed, steps=4096, seconds=2.0, cpu_seconds=1.5, episodes=episodes)


CRASHED = TrainResult(
    status="crashed", reason="the reward failed: NaN", seed=9, steps=512, seconds=1.0, cpu_seconds=0.5
)


class FakeExecutor:
    """Writes prepared results where a worker would, and keeps the jobs."""

    def __init__(self) -> None:
        self.jobs: list[TrainJob] = []
        self.slots: list[int | None] = []
        self.kinds: list[str] = []
        self.closed = 0
        self.results: dict[int, TrainResult] = {}
        self.after: Callable[[TrainJob], None] = lambda job: None

    def __call__(self, kind: str, slots: int | None, log: str, root: Path) -> FakeExecutor:
        self.kinds.append(kind)
        self.slots.append(slots)
        return self

    def close(self) -> None:
        self.closed += 1

    def run(
        self,
        jobs: Sequence[TrainJob],
        on_progress: Callable[[TrainJob, Progress], None],
        on_result: Callable[[TrainJob, TrainResult], None],
        should_stop: Callable[[], bool],
    ) -> None:
        for job in jobs:
            if should_stop():
                return
            self.jobs.append(job)
            job.folder.mkdir(parents=True, exist_ok=True)
            on_progress(job, Progress(step=job.steps // 2, seconds=1.0))
            found = self.results.get(job.seed_index, result(8, seed=job.seed))
            write_result(job, found)
            on_result(job, found)
            self.after(job)


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeExecutor:
    executor = FakeExecutor()
    monkeypatch.setattr("reward_synth.search.final_evaluation.open_executor", executor)
    return executor


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A finished search: one reward was trained, one rejected."""
    monkeypatch.chdir(tmp_path)
    settings = Settings(steps=5000, jobs=3, display="none")
    store = RunStore.create(Path("runs"), "balance the pole", settings, TASK.name)
    save_task(TASK, store.task_path)
    store.write_reward("001-a", REWARD)
    store.write_check("001-a", CheckReport(fields=("pole_angle",), terms=("upright",)))
    store.save_candidate(Candidate(id="001-a", iteration=1, status="trained", success=1.0, fitness=40.0, steps=5000))
    store.save_candidate(Candidate(id="001-b", iteration=1, status="rejected", reason="NaN at rest"))
    store.set_best("001-a")
    store.update(status="done", outcome="solved", seconds=10.0)
    return Run(store)


# Statistics -------------------------------------------------------------------------------------------------------


def test_with_one_episode_per_seed_the_interval_is_the_plain_bca_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reward_synth.evaluation.statistics.RESAMPLES", 100_000)
    figures = np.random.default_rng(1).gamma(2.0, size=15)
    expected = bootstrap((figures,), np.mean, method="BCa", n_resamples=50_000, batch=5_000, random_state=0)
    found = mean_interval(figures[:, None])
    assert found is not None
    # Skewed figures: the percentile interval lies elsewhere, so that this sees the correction.
    percentile = bootstrap((figures,), np.mean, method="percentile", n_resamples=50_000, batch=5_000, random_state=0)
    width = expected.confidence_interval.high - expected.confidence_interval.low
    assert np.allclose(found, expected.confidence_interval, atol=0.03 * width)
    assert percentile.confidence_interval.high < expected.confidence_interval.high - 0.04 * width


def test_episodes_of_one_seed_are_not_taken_for_independent() -> None:
    # Two of four policies always succeed, two never do: forty episodes, but four pieces of evidence.
    figures = np.repeat([[1.0], [1.0], [0.0], [0.0]], 10, axis=1)
    by_seed, pooled = mean_interval(figures), mean_interval(figures.reshape(-1, 1))
    assert by_seed is not None and pooled is not None
    assert by_seed[1] - by_seed[0] > 2 * (pooled[1] - pooled[0])


def test_episodes_are_drawn_as_well() -> None:
    # All seeds have the same mean: only the episodes within them tell how sure it is.
    figures = np.tile([0.0, 0.0, 1.0, 1.0], (5, 1))
    found = mean_interval(figures)
    assert found is not None and found[0] < 0.4 and found[1] > 0.6


def test_no_interval_where_resampling_says_nothing() -> None:
    assert mean_interval(np.ones((5, 8))) is None
    assert mean_interval(np.array([[0.0, 1.0]])) is None


def test_an_interval_is_the_same_each_time() -> None:
    figures = np.random.default_rng(2).normal(size=(5, 8))
    assert mean_interval(figures) == mean_interval(figures)


@pytest.mark.parametrize("count", [4, 5, 8, 11])
def test_interquartile_mean(count: int) -> None:
    figures = np.random.default_rng(count).gamma(1.0, size=count)
    assert interquartile_mean(figures) == pytest.approx(trim_mean(figures, 0.25))
    assert interquartile_mean(figures[:3]) is None


def test_figures_over_seeds() -> None:
    results = {4: result(0, fitness=1.0), 0: result(8), 1: result(8), 3: result(6, fitness=8.0), 2: CRASHED}
    found = evaluate_results("001-a", TASK, results, 4096, 5)
    assert [score.index for score in found.seeds] == [0, 1, 2, 3, 4]
    assert [score.solved for score in found.seeds] == [True, True, False, False, False]
    assert found.success is not None and found.fitness is not None
    # A crashed training is a policy that never succeeds; a fitness it does not have.
    assert found.success.mean == pytest.approx((1 + 1 + 0 + 0.75 + 0) / 5)
    assert found.success.iqm == pytest.approx((0 + 0.75 + 1) / 3)
    assert found.fitness.mean == pytest.approx((10 + 10 + 8 + 1) / 4 + 3.5)
    for estimate in (found.success, found.fitness):
        assert estimate.interval is not None
        assert estimate.interval[0] < estimate.mean < estimate.interval[1]
    assert found.solved == 0.4
    assert found.solved_interval == pytest.approx((0.118, 0.769), abs=1e-3)
    assert (found.total_steps, found.cpu_seconds) == (4 * 4096 + 512, 6.5)
    lines = evaluation_lines(found, "s")
    assert lines[0] == "5 fresh seeds, 4,096 steps each, 1 crashed"
    assert "solved by 2 of 5 seeds [12%, 77%]" in lines


def test_no_figure_is_made_up_where_there_is_none() -> None:
    nothing = evaluate_results("001-a", TASK, {}, 4096, 5)
    assert (nothing.success, nothing.fitness, nothing.solved, nothing.solved_interval) == (None, None, None, None)
    crashed = evaluate_results("001-a", TASK, {0: CRASHED, 1: CRASHED}, 4096, 2)
    assert crashed.success is not None and crashed.success.mean == 0.0 and crashed.success.interval is None
    assert crashed.fitness is None and crashed.solved == 0.0
    all_succeed = evaluate_results("001-a", TASK, {n: result(8) for n in range(5)}, 4096, 5)
    assert all_succeed.success is not None and all_succeed.success.interval is None
    assert all_succeed.solved_interval == pytest.approx((0.566, 1.0), abs=1e-3)


def test_seeds_of_an_earlier_version_played_fewer_episodes() -> None:
    mixed = evaluate_results("001-a", TASK, {0: result(8), 1: result(32, of=32), 2: result(28, of=32)}, 4096, 3)
    assert [score.solved for score in mixed.seeds] == [True, True, False]
    assert mixed.success is not None and mixed.success.mean == 1.0, "the eight that all have played"


# What is trained ---------------------------------------------------------------------------------------------------


def test_seeds_and_episodes_are_none_of_the_search(run: Run, fake: FakeExecutor) -> None:
    run.evaluate(seeds=5)
    seeds = {job.seed for job in fake.jobs}
    assert len(seeds) == 5
    # The search's seeds lie below 2**31, whatever run, candidate and index; these from there on.
    assert all(2**31 <= seed < 2**32 for seed in seeds)
    assert all(training_seed(n, "001-a", index) < 2**31 for n in range(50) for index in range(20))
    assert seeds == {final_seed(0, "001-a", index) for index in range(5)}
    assert final_seed(1, "001-a", 0) not in seeds and final_seed(0, "001-b", 0) not in seeds
    (first,) = {job.evaluation_seeds for job in fake.jobs}
    most = TaskSpec.model_fields["evaluation"].annotation.model_fields["episodes"].metadata[1].le  # type: ignore
    ranges = [range(s, s + most) for s in (FINAL_EVALUATION_SEEDS, SELECTION_SEEDS, TRAINING_EVALUATION_SEEDS)]
    assert first == FINAL_EVALUATION_SEEDS
    assert len(set().union(*ranges)) == 3 * most


def test_every_seed_gets_the_whole_budget(run: Run, fake: FakeExecutor) -> None:
    found = run.evaluate(seeds=2)
    assert {(job.steps, job.stop_when_solved, job.sandbox) for job in fake.jobs} == {(5000, False, True)}
    assert {job.reward.read_text() for job in fake.jobs} == {REWARD}
    assert fake.jobs[0].folder == (run.path / "final/001-a/seed-0").resolve()
    assert fake.slots == [3]
    assert found == run.evaluation() == run.evaluation("001-a")
    run.evaluate(seeds=3, steps=5000, jobs=1, executor="ray")
    assert fake.slots[-1] == 1
    assert fake.kinds == ["local", "ray"]
    assert fake.closed == 2


def test_finished_seeds_are_not_repeated_and_more_may_be_added(run: Run, fake: FakeExecutor) -> None:
    first = run.evaluate(seeds=2)
    more = run.evaluate(seeds=4)
    assert [job.seed_index for job in fake.jobs] == [0, 1, 2, 3]
    assert more.seeds[:2] == first.seeds and more.done and more.wanted == 4
    # Asking for fewer does not choose among those that are there.
    assert run.evaluate(seeds=3) == more
    assert len(fake.jobs) == 4
    assert run.seconds >= 10.0


def test_budgets_are_not_mixed(run: Run, fake: FakeExecutor) -> None:
    run.evaluate(seeds=1, steps=2000)
    with pytest.raises(RewardSynthError, match="had 2,000 steps each, not 5,000") as caught:
        run.evaluate(seeds=2)
    assert caught.value.hint.startswith("go on with --steps 2000")
    assert len(fake.jobs) == 1
    assert run.evaluate(seeds=2, steps=2000).done


def test_what_is_done_survives_an_interruption(run: Run, fake: FakeExecutor) -> None:
    def interrupt(job: TrainJob) -> None:
        raise KeyboardInterrupt

    fake.after = interrupt
    with pytest.raises(KeyboardInterrupt):
        run.evaluate(seeds=3)
    kept = run.evaluation()
    assert kept is not None and len(kept.seeds) == 1 and not kept.done
    assert not run.store.is_locked()
    assert "1 of 3 fresh seeds" in "".join(evaluation_lines(kept))
    fake.after = lambda job: None
    assert run.evaluate(seeds=3).done
    assert [job.seed_index for job in fake.jobs] == [0, 1, 2]


def test_a_budget_is_known_before_the_first_seed_ends(run: Run, fake: FakeExecutor) -> None:
    class Killed(BaseException):
        pass

    def die(*_: object) -> None:
        raise Killed

    # The worker has written its result, and the loop dies before it hears of it.
    fake.run = lambda jobs, *_: (jobs[0].folder.mkdir(parents=True), write_result(jobs[0], result(8)), die())  # type: ignore
    with pytest.raises(Killed):
        run.evaluate(seeds=2, steps=2000)
    with pytest.raises(RewardSynthError, match="had 2,000 steps each"):
        run.evaluate(seeds=2)


def test_it_stops_when_asked_and_goes_on_later(
    run: Run, fake: FakeExecutor, capsys: pytest.CaptureFixture[str]
) -> None:
    fake.after = lambda job: run.stop()
    assert execute(["eval", run.id, "--seeds", "3", "--display", "none"]) == 1
    said = capsys.readouterr().err
    assert said.splitlines()[-1] == f"Continue with: reward-synth eval {run.store.short_id} --seeds 3"
    fake.after = lambda job: None
    assert execute(["eval", run.id, "--seeds", "3", "--display", "none"]) == 0
    assert [job.seed_index for job in fake.jobs] == [0, 1, 2]
    # The stop was meant for the evaluation; the run's outcome stands.
    assert run.status == "solved"


def test_one_process_at_a_time(run: Run, fake: FakeExecutor) -> None:
    with run.store.lock(), pytest.raises(RewardSynthError, match="another process is working"):
        run.evaluate()
    fake.after = lambda job: pytest.fail("not locked") if not run.store.is_locked() else None
    run.evaluate(seeds=1)


def test_what_cannot_be_trained_is_refused(run: Run, fake: FakeExecutor) -> None:
    with pytest.raises(RewardSynthError, match="001-b was rejected: NaN at rest; it cannot be trained"):
        run.evaluate("001-b")
    with pytest.raises(RewardSynthError, match="no candidate '001-z'"):
        run.evaluate("001-z")
    run.store.update(best=None)
    with pytest.raises(RewardSynthError, match="no trained reward yet"):
        run.evaluate()
    assert fake.jobs == [] and not (run.path / "final").exists()


# Where it is told --------------------------------------------------------------------------------------------------


def test_the_command_line_tells_it(run: Run, fake: FakeExecutor, capsys: pytest.CaptureFixture[str]) -> None:
    fake.results = {0: result(8), 1: CRASHED}
    assert execute(["eval", run.id, "001-a", "--seeds", "2", "--display", "plain", "--jobs", "1"]) == 0
    captured = capsys.readouterr()
    assert "final 001-a seed 0: success 100%, fitness 13.5 in 2 s; 1 of 2 seeds, about " in captured.err
    assert "final 001-a seed 1: crashed: the reward failed: NaN in 1 s; 2 of 2 seeds\n" in captured.err
    assert "success 50%" in captured.out and "solved by 1 of 2 seeds" in captured.out
    assert "the reward failed: NaN" in captured.out
    assert fake.slots == [1]

    assert execute(["eval", run.id, "--seeds", "2", "--json"]) == 0
    captured = capsys.readouterr()
    told = json.loads(captured.out)
    assert captured.err == ""
    assert told["done"] and told["success"]["mean"] == 0.5 and len(told["seeds"]) == 2

    assert execute(["show", run.id]) == 0
    assert "final training of 001-a\n  2 fresh seeds, 5,000 steps each, 1 crashed" in capsys.readouterr().out
    assert execute(["show", run.id, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["evaluations"][0]["solved"] == 0.5
    assert execute(["cost", run.id, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["training"]["steps"] == 4096 + 512
    page = (run.path / "report.html").read_text()
    assert "Final training of 001-a" in page and "the reward failed: NaN" in page


def test_a_reward_that_always_crashes_is_no_success(run: Run, fake: FakeExecutor) -> None:
    fake.results = {0: CRASHED, 1: CRASHED}
    assert execute(["eval", run.id, "--seeds", "2", "--display", "none"]) == 1


def test_ctrl_c_says_how_to_go_on(run: Run, fake: FakeExecutor, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupt(job: TrainJob) -> None:
        raise KeyboardInterrupt

    fake.after = interrupt
    typed = "001-a --seeds 3 --steps 2000 --jobs 1 --executor local"
    assert execute(["eval", run.id, *typed.split(), "--display", "none"]) == 130
    said = capsys.readouterr().err.splitlines()[-1]
    assert said == f"Continue with: reward-synth eval {run.store.short_id} {typed}"


# At the end of a search --------------------------------------------------------------------------------------------


def searched(run: Run, monkeypatch: pytest.MonkeyPatch, outcome: Outcome, **limits: object) -> str:
    """Resume the run with a search that ends like that, and two final seeds wanted."""
    monkeypatch.setattr("reward_synth.api.lifecycle._loop", lambda *_: outcome)
    settings = run.settings.model_copy(update={"final_seeds": 2})
    run.store.write_settings(settings, {})
    run.resume(**limits)
    return run.status


def test_a_search_ends_with_it_where_that_is_wanted(
    run: Run, fake: FakeExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    solved = Outcome(status="solved", best="001-a", reason="it works")
    assert searched(run, monkeypatch, solved) == "solved"
    found = run.evaluation()
    assert found is not None and found.done and len(found.seeds) == 2
    assert "Final training of 001-a" in (run.path / "report.html").read_text()


@pytest.mark.parametrize(
    "outcome",
    [Outcome(status="stopped", best="001-a", reason="x"), Outcome(status="unsolved", best=None, reason="x")],
    ids=["stopped", "nothing trained"],
)
def test_a_search_without_an_end_or_a_reward_has_none(
    run: Run, fake: FakeExecutor, monkeypatch: pytest.MonkeyPatch, outcome: Outcome
) -> None:
    searched(run, monkeypatch, outcome)
    assert fake.jobs == []


def test_a_stopped_final_training_stops_the_run_which_goes_on_later(
    run: Run, fake: FakeExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    solved = Outcome(status="solved", best="001-a", reason="it works")
    fake.after = lambda job: run.stop()
    assert searched(run, monkeypatch, solved) == "stopped"
    assert run.info.reason == "stop was requested, in the final training; before that: it works"
    fake.after = lambda job: None
    assert searched(run, monkeypatch, solved) == "solved"
    assert [job.seed_index for job in fake.jobs] == [0, 1]


def test_a_forecast_counts_it() -> None:
    settings = Settings(model="local", steps=1000, samples=1, iterations=1, jobs=5, train_on=0)
    steps = [make_plan("", settings.model_copy(update={"final_seeds": n}), TASK).steps for n in (0, 5)]
    assert [(found.low, found.high) for found in steps if found] == [(1000, 1000), (6000, 6000)]
    # Rounds that only train on follow one another, whatever the number of workers.
    short, long = (make_plan("", settings.model_copy(update={"train_on": n}), TASK) for n in (0, 5))
    assert long.steps and (long.steps.low, long.steps.high) == (1000, 6000)
    assert long.seconds and short.seconds and long.seconds.high > 4 * short.seconds.high
    # One that trains again has one reward to train here; with more samples, two at once.
    again = make_plan("", settings.model_copy(update={"train_again": 5}), TASK)
    assert again.steps and again.steps.high == 6000
    two = make_plan("", settings.model_copy(update={"train_again": 5, "samples": 2, "rungs": "1"}), TASK)
    assert two.steps and two.steps.high == 2000 + 10_000


# Nothing faked -----------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_two_real_seeds(run: Run) -> None:
    found = run.evaluate(seeds=2, steps=4096, jobs=2)
    assert [score.status for score in found.seeds] == ["trained", "trained"], found
    assert all(4096 <= score.steps < 8192 and score.cpu_seconds > 0 for score in found.seeds)
    folders = [run.store.final_train_dir("001-a", index) for index in range(2)]
    policies = [(folder / "policy.npz").read_bytes() for folder in folders]
    assert policies[0] != policies[1]
    for folder in folders:
        played = [Episode.load(path).seed for path in sorted((folder / "trajectories").glob("*.npz"))]
        assert played == list(range(FINAL_EVALUATION_SEEDS, FINAL_EVALUATION_SEEDS + FINAL_EPISODES))
    assert found.fitness is not None and found.fitness.interval is not None
    written = {path: path.stat().st_mtime_ns for folder in folders for path in folder.rglob("*")}
    assert run.evaluate(seeds=2, steps=4096) == found
    assert all(path.stat().st_mtime_ns == time for path, time in written.items())
