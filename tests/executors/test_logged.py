"""What a training's log holds, written by this process from what the training reported."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from reward_synth.core.errors import RewardSynthError
from reward_synth.core.names import LogName
from reward_synth.core.types import CheckReport, EpisodeScore, EvaluationPoint, TermStatistics, TrainResult
from reward_synth.executors.base import OnProgress, OnResult
from reward_synth.executors.logged import LoggedExecutor, log_film
from reward_synth.tasks.spec import load_task
from reward_synth.training.job import (
    EVALUATION_COLUMNS,
    TERM_COLUMNS,
    Progress,
    TableWriter,
    TrainJob,
    read_progress,
    term_rows,
)

SUCCESSES = (0.0, 0.5, 1.0)


def evaluation(index: int) -> EvaluationPoint:
    success = SUCCESSES[index]
    return EvaluationPoint(
        step=1000 * (index + 1), success=success, success_any=success, fitness=2.0 * index, episode_length=40.0,
        reward=0.25 * index,
    )  # fmt: skip


def result(job: TrainJob, points: int, status: str) -> TrainResult:
    each = tuple(range(points))
    term = TermStatistics(
        name="near",
        minimum=tuple(-1.0 for _ in each),
        mean=tuple(float(i) for i in each),
        maximum=tuple(9.0 for _ in each),
        share=tuple(1.0 for _ in each),
    )
    episode = EpisodeScore(success=True, success_any=True, fitness=4.5, length=40, terminated=False)
    return TrainResult.model_validate(
        {"status": status, "seed": 1, "steps": 1000 * points, "seconds": 1.0, "cpu_seconds": 1.0, "job": job.digest()}
        | {"evaluations": [evaluation(i) for i in each], "terms": [term]}
        | {"episodes": [] if status == "paused" else [episode]}
    )


class Trainings:
    """An executor that writes what a training writes, and reports it step by step."""

    def __init__(self, points: int = 3, status: str = "trained", crash: bool = False) -> None:
        self.points, self.status, self.crash, self.closed = points, status, crash, False

    def run(
        self, jobs: Sequence[TrainJob], on_progress: OnProgress, on_result: OnResult, should_stop: Callable[[], bool]
    ) -> None:
        for job in jobs:
            evaluations = TableWriter(job.folder / "eval.csv", EVALUATION_COLUMNS)
            terms = TableWriter(job.folder / "terms.csv", TERM_COLUMNS)
            for index in range(self.points):
                on_progress(job, read_progress(job.folder))
                for row in term_rows(1000 * (index + 1), {"near": (-1.0, float(index), 9.0, 1.0)}):
                    terms.write(row)
                evaluations.write(tuple(evaluation(index).model_dump().values()))
                on_progress(job, read_progress(job.folder))
            if self.crash:
                raise KeyboardInterrupt
            on_result(job, result(job, self.points, self.status))

    def close(self) -> None:
        self.closed = True


def job_in(root: Path, place: str = "candidates/001-b/train/seed-0") -> TrainJob:
    folder = root / place
    folder.mkdir(parents=True, exist_ok=True)
    reward = root / "reward.py"
    reward.write_text("def compute_reward(state, action, next_state):\n    return {'near': 1.0}\n")
    task = load_task("gym/inverted_pendulum_balance")
    return TrainJob.of(task, reward, CheckReport(terms=("near",)), folder, seed=1)


def ran(root: Path, kind: LogName, inner: Trainings, job: TrainJob) -> list[tuple[str, Any]]:
    heard: list[tuple[str, Any]] = []

    def progressed(_: TrainJob, progress: Progress) -> None:
        heard.append(("progress", progress.evaluation))

    executor = LoggedExecutor(inner, kind, root)
    try:
        executor.run([job], progressed, lambda _, found: heard.append(("result", found.status)), lambda: False)
    except KeyboardInterrupt:
        heard.append(("interrupted", None))
    finally:
        executor.close()
    assert inner.closed
    return heard


def rows(path: Path) -> dict[tuple[int, str], float]:
    with path.open(newline="") as file:
        found = [((int(row["step"]), row["name"]), float(row["value"])) for row in csv.DictReader(file)]
    assert len(dict(found)) == len(found), "no figure stands there twice"
    return dict(found)


def test_a_table_holds_every_figure_of_every_step(tmp_path: Path) -> None:
    job = job_in(tmp_path)
    heard = ran(tmp_path, "csv", Trainings(), job)
    assert heard[-1] == ("result", "trained") and len(heard) == 7, "whoever listens hears what they heard before"
    found = rows(tmp_path / "logs/001-b-seed-0/training.csv")
    assert [found[1000 * (i + 1), "evaluation/success"] for i in range(3)] == list(SUCCESSES)
    assert [found[1000 * (i + 1), "evaluation/fitness"] for i in range(3)] == [0.0, 2.0, 4.0]
    assert [found[1000 * (i + 1), "evaluation/reward"] for i in range(3)] == [0.0, 0.25, 0.5]
    assert [found[1000 * (i + 1), "term/near/mean"] for i in range(3)] == [0.0, 1.0, 2.0]
    assert found[2000, "term/near/minimum"] == -1.0 and found[2000, "term/near/share"] == 1.0
    assert (found[3000, "final/success"], found[3000, "final/fitness"]) == (1.0, 4.5)


def test_it_is_written_while_the_training_runs(tmp_path: Path) -> None:
    job = job_in(tmp_path)
    assert ran(tmp_path, "csv", Trainings(points=2, crash=True), job)[-1][0] == "interrupted"
    found = rows(tmp_path / "logs/001-b-seed-0/training.csv")
    assert found[2000, "evaluation/success"] == 0.5 and found[2000, "term/near/mean"] == 1.0
    # Another process goes on where the training stood, and begins its log anew.
    ran(tmp_path, "csv", Trainings(), job)
    assert rows(tmp_path / "logs/001-b-seed-0/training.csv")[3000, "final/fitness"] == 4.5


def test_a_pause_is_no_end_and_a_finished_log_is_left_alone(tmp_path: Path) -> None:
    job, file = job_in(tmp_path), tmp_path / "logs/001-b-seed-0/training.csv"
    ran(tmp_path, "csv", Trainings(points=1, status="paused"), job)
    assert "final/success" not in {name for _, name in rows(file)}
    ran(tmp_path, "csv", Trainings(), job)
    file.write_text("mine")

    class Reported(Trainings):
        """A resumed run reports what is finished without training it again."""

        def run(self, jobs: Sequence[TrainJob], _: OnProgress, on_result: OnResult, __: Callable[[], bool]) -> None:
            on_result(jobs[0], result(jobs[0], 3, "trained"))

    ran(tmp_path, "csv", Reported(), job)
    assert file.read_text() == "mine"
    job.reward.write_text(job.reward.read_text().replace("1.0", "2.0"))
    ran(tmp_path, "csv", Reported(), job)
    assert rows(file), "another reward's training has another log"


def test_final_and_single_trainings_have_names_of_their_own(tmp_path: Path) -> None:
    ran(tmp_path, "csv", Trainings(), job_in(tmp_path, "final/001-b/seed-3"))
    ran(tmp_path, "csv", Trainings(), job_in(tmp_path, "."))
    assert {path.name for path in (tmp_path / "logs").iterdir()} == {"final-001-b-seed-3", "training"}


def test_a_link_in_the_way_is_refused(tmp_path: Path) -> None:
    root, elsewhere = tmp_path / "root", tmp_path / "elsewhere"
    elsewhere.mkdir()
    job = job_in(root)
    (root / "logs").symlink_to(elsewhere)
    with pytest.raises(RewardSynthError, match="link"):
        ran(root, "csv", Trainings(), job)
    assert not list(elsewhere.iterdir())


@pytest.mark.parametrize("kind", ["tensorboard", "wandb"])
def test_a_missing_package_is_named(kind: LogName, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(RewardSynthError, match=f"--log {kind} needs the package {kind}") as refused:
        LoggedExecutor(Trainings(), kind, tmp_path)
    assert refused.value.hint == f'pip install "reward-synth[{kind}]"'


def test_tensorboard_reads_it(tmp_path: Path) -> None:
    accumulators = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    job, film = job_in(tmp_path), tmp_path / "best.mp4"
    film.write_bytes(b"film")
    ran(tmp_path, "tensorboard", Trainings(points=2, crash=True), job)
    ran(tmp_path, "tensorboard", Trainings(), job)
    log_film("tensorboard", tmp_path, job, film)
    log_film("tensorboard", tmp_path, job, film)
    read = accumulators.EventAccumulator(str(tmp_path / "logs/001-b-seed-0"))
    read.Reload()
    told = [(each.step, each.value) for each in read.Scalars("evaluation/success")]
    assert told == [(1000, 0.0), (2000, 0.5), (3000, 1.0)], "the earlier process's figures do not stand there twice"
    assert [each.value for each in read.Scalars("term/near/mean")] == [0.0, 1.0, 2.0]
    assert read.Scalars("final/fitness")[0].value == 4.5
    assert {"config/text_summary", "reward/text_summary", "film/text_summary"} <= set(read.Tags()["tensors"])


def test_wandb_stays_offline_unless_its_own_variable_says_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("wandb")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_API_KEY", "a-key-that-is-never-to-be-written-000000")
    monkeypatch.delenv("WANDB_MODE", raising=False)
    root = tmp_path / "run"
    ran(root, "wandb", Trainings(), job_in(root))
    (kept,) = (tmp_path / "wandb").glob("offline-run-*")
    content = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"term/near/mean" in content and b"compute_reward" in content
    assert b"a-key-that-is-never" not in content
    assert list(kept.glob("run-*.wandb"))
