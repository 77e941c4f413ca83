"""Films: an episode is played again, drawn in a locked process, and written with what each picture shows."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from reward_synth import Run
from reward_synth.cli.app import app
from reward_synth.core.errors import EnvironmentFault, RewardSynthError
from reward_synth.core.types import CheckReport, EvaluationPoint, TrainResult
from reward_synth.evaluation.play import field_table, play
from reward_synth.evaluation.scoring import measured_table, score_episodes
from reward_synth.report.data import write_report
from reward_synth.report.video import Evaluated, Film, caption, captioned, write_video
from reward_synth.reward.lint import lint
from reward_synth.screening.case import ATTACK
from reward_synth.search.film_process import LONGEST_LINE, Filmer
from reward_synth.search.films import film_candidate, film_of
from reward_synth.simulators.graphics import graphics
from reward_synth.state.episode import Judged, episode_name
from reward_synth.tasks.spec import TaskSpec, load_task, save_task
from reward_synth.training.job import EVALUATIONS
from reward_synth.training.kept_evaluations import KeptEvaluation, read_evaluations, write_evaluations
from reward_synth.training.worker.filmer import FilmJob, Opening
from reward_synth.viewer.pages.candidate import candidate_page
from tests.custom_cases import REWARD, write_point

KEPT = Path(__file__).resolve().parents[1] / "store" / "old_runs" / "schema-1"
CANDIDATE = "001-d"


@pytest.fixture(autouse=True)
def outlines(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No drivers: every machine draws the same."""
    monkeypatch.setenv("MUJOCO_GL", "")
    graphics.cache_clear()
    yield
    graphics.cache_clear()


def recorded(folder: Path, task: TaskSpec, horizon: int, count: int = 2, reward: str | None = None) -> Run:
    """A run whose candidate has so many recorded episodes of aimless actions; each travels further than the last."""
    run = Run.open(shutil.copytree(KEPT, folder / "20260101-0000-example-abcd"))
    task = task.model_copy(update={"horizon": horizon})
    save_task(task, run.store.task_path)
    table = field_table(task)
    if reward is not None:
        run.store.reward_path(CANDIDATE).write_text(reward)
        terms = tuple(re.findall(r"['\"](\w+)['\"]:", reward))
        report = CheckReport(fields=lint(reward, table.layout()).fields, terms=terms)
        (run.store.candidate_dir(CANDIDATE) / "check.json").write_text(report.model_dump_json())
    generator = np.random.default_rng(0)
    actions = generator.uniform(-1, 1, (horizon, len(table.actions))).astype(np.float32)
    episodes = []
    for number in range(count):
        steps = iter(actions * np.float32((number + 1) / count))
        episodes += play(task, table, lambda seen, steps=steps: np.tile(next(steps), (len(seen), 1)), [number])
    scores = score_episodes(task, table, episodes)
    places = run.store.train_dir(CANDIDATE, 0), run.store.trajectories_dir(CANDIDATE)
    for place in places:
        place.mkdir(parents=True, exist_ok=True)
    for number, episode in enumerate(episodes):
        episode.save(places[1] / episode_name(0, number))
    result = TrainResult(status="trained", seed=0, steps=1, seconds=1.0, cpu_seconds=1.0, episodes=tuple(scores))
    (places[0] / "result.json").write_text(result.model_dump_json())
    return run


RULE = "pays-for-something-else"


def attacked(run: Run, candidate: str = CANDIDATE) -> Run:
    """The same run, with an attack on a candidate's reward: a finding, the episode that shows it, and another one."""
    store = run.store
    played = store.episodes(CANDIDATE, 0)
    scores = run.results(CANDIDATE)[0].episodes
    report = store.read_check(candidate) or CheckReport()
    report = report.plus([ATTACK[RULE].finding("a planned <b>episode</b> is paid most")], {})
    (store.candidate_dir(candidate) / "check.json").write_text(report.model_dump_json())
    status = store.candidate(candidate)
    (store.candidate_dir(candidate) / "candidate.json").unlink()  # A finished one cannot change.
    episodes = {name: Judged(played[place], scores[place]) for name, place in (("planned", 1), (RULE, 0))}
    store.write_planned(candidate, episodes)
    store.save_candidate(status)
    return run


def decoded(path: Path) -> tuple[dict[str, Any], list[Any]]:
    import imageio_ffmpeg

    frames = imageio_ffmpeg.read_frames(str(path))
    about = next(frames)
    width, height = about["size"]
    return about, [np.frombuffer(frame, np.uint8).reshape(height, width, 3) for frame in frames]


def test_a_film_shows_the_recorded_episode_picture_by_picture(tmp_path: Path) -> None:
    run = recorded(tmp_path, load_task("half_cheetah_run_backward"), horizon=30)
    made = run.film(CANDIDATE, ("best", "worst"), size=(161, 120), fps=10.0)
    assert [path.relative_to(run.path).as_posix() for path in made] == [
        f"candidates/{CANDIDATE}/videos/{name}.mp4" for name in ("best", "worst")
    ]
    about, pictures = decoded(made[0])
    film = Film.model_validate_json(made[0].with_suffix(".json").read_text())
    # 30 steps of 0.05 s, every second one, and the last: real time.
    assert [shown.step for shown in film.frames] == [*range(0, 30, 2), 30]
    assert (film.fps, film.speed, about["codec"], about["size"]) == (10.0, 1.0, "h264", (160, 120))
    assert len(pictures) == len(film.frames) and (pictures[0] != pictures[-1]).any()
    assert film.same and "outlines" in film.drawn

    scores = run.results(CANDIDATE)[0].episodes
    ranked = sorted(scores, key=lambda score: (score.success, score.fitness))
    worst = Film.model_validate_json(made[1].with_suffix(".json").read_text())
    assert (film.fitness, worst.fitness) == (ranked[-1].fitness, ranked[0].fitness)
    # The last picture shows the whole episode's score; a step's terms add up to what it was paid.
    assert film.frames[-1].fitness == pytest.approx(film.fitness) and film.frames[-1].success is film.success
    assert film.frames[0].reward is None and film.frames[0].terms == {}
    for shown in film.frames[1:]:
        assert shown.terms and sum(shown.terms.values()) == pytest.approx(shown.reward)
    assert not list(run.path.rglob(".*mp4"))


def test_what_shows_a_finding_of_the_attack_is_filmed_and_stands_beside_the_finding(tmp_path: Path) -> None:
    run = attacked(recorded(tmp_path, load_task("half_cheetah_run_backward"), horizon=4))
    told = CliRunner().invoke(app, ["show", str(run.path), CANDIDATE]).output
    assert "    film: none" in told
    (path,) = run.film(CANDIDATE, ("attack",), size=(64, 48))
    assert path == run.store.film_path(CANDIDATE, RULE) and film_of(path).same
    assert film_of(path).fitness == run.results(CANDIDATE)[0].episodes[0].fitness
    told = CliRunner().invoke(app, ["show", str(run.path), CANDIDATE]).output
    assert re.search(rf"\[{RULE}\] .*\n    film: {path}\n", told)
    page = write_report(run.store).read_text(encoding="utf-8")
    assert f"<figcaption>{CANDIDATE}, {RULE}: a planned &lt;b&gt;episode&lt;/b&gt; is paid most" in page
    page = bytes(candidate_page(run, CANDIDATE).body).decode()
    assert f'<a href="#film-{RULE}">film</a>' in page and f'<figure id="film-{RULE}"' in page
    run.film(CANDIDATE, ("median",), size=(64, 48))
    assert run.store.film_names(CANDIDATE) == ["median", RULE], "what a policy does comes first"
    with pytest.raises(RewardSynthError, match="no finding on 001-a has an episode"):
        run.film("001-a", ("attack",))


def test_the_reward_shown_is_what_the_learner_was_paid(tmp_path: Path) -> None:
    task = load_task("half_cheetah_run_backward")
    run = recorded(tmp_path, task, horizon=3, count=1)
    signed = run.task.model_copy(update={"training": task.training.model_copy(update={"scale": "sign"})})
    path = film_candidate(run.store, signed, CANDIDATE, ["best"], size=(64, 48))[0]
    film = Film.model_validate_json(path.with_suffix(".json").read_text())
    assert {shown.reward for shown in film.frames[1:]} <= {-0.1, 0.0, 0.1}


def test_fitness_so_far_is_not_divided_by_the_time_to_come(tmp_path: Path) -> None:
    task = load_task("half_cheetah_run_backward").model_copy(
        update={
            "success": "def success(episode):\n    return bool(len(episode.torso_height) > 20)\n",
            "fitness": "def fitness(episode):\n    return len(episode.torso_height) / (episode.horizon + 1)\n",
        }
    )
    run = recorded(tmp_path, task, horizon=30, count=1)
    film = film_of(film_candidate(run.store, run.task, CANDIDATE, ["best"], size=(64, 48), fps=10.0)[0])
    assert [shown.fitness for shown in film.frames if shown.fitness is not None] == [1.0] * (len(film.frames) - 1)
    assert [shown.success for shown in film.frames if shown.step] == [shown.step >= 20 for shown in film.frames[1:]]


def test_a_film_of_few_pictures_plays_faster(tmp_path: Path) -> None:
    run = recorded(tmp_path, load_task("half_cheetah_run_backward"), horizon=30, count=1)
    path = film_candidate(run.store, run.task, CANDIDATE, ["best"], size=(64, 48), fps=10.0, most=5)[0]
    film = Film.model_validate_json(path.with_suffix(".json").read_text())
    assert [shown.step for shown in film.frames] == [0, 8, 16, 24, 30]
    assert (film.fps, film.speed) == (10.0, 4.0)


def test_a_run_that_was_thinned_out_shows_what_is_left_of_it(tmp_path: Path) -> None:
    run = recorded(tmp_path, load_task("half_cheetah_run_backward"), horizon=3, count=3)
    for number in (0, 2):
        (run.store.trajectories_dir(CANDIDATE) / episode_name(0, number)).unlink()
    path = film_candidate(run.store, run.task, CANDIDATE, ["worst"], size=(64, 48))[0]
    film, result = film_of(path), run.results(CANDIDATE)[0]
    assert (film.episode, film.fitness) == (episode_name(0, 1), result.episodes[1].fitness)


def test_a_caption_is_never_cut_off() -> None:
    long = "001-c   25.9 s   reward 21.9   fitness 1.94   success after all"
    for width in (320, 480):
        drawn = captioned(np.full((240, width, 3), 128, np.uint8), long)
        white = np.nonzero((drawn == 255).all(axis=2).any(axis=0))[0]
        assert white[0] == 8 and white[-1] <= width - 8, "the whole line stands on its ground"


def trained_in(run: Run, lengths: dict[int, int]) -> None:
    """Give the candidate's training evaluations: environment steps to the length of the episode that is kept."""
    task, whole = run.task, field_table(run.task)
    table = measured_table(task, whole)
    generator = np.random.default_rng(0)
    kept = []
    for step, length in lengths.items():
        actions = iter(generator.uniform(-1, 1, (length, 1, len(whole.actions))).astype(np.float32))
        part = task.model_copy(update={"horizon": length})
        episodes = play(part, table, lambda seen, actions=actions: next(actions), [7])
        point = EvaluationPoint(
            step=step, success=0.25, success_any=0.5, fitness=step / 8, episode_length=length, reward=0.0,
            fitness_deviation=0.0,
        )  # fmt: skip
        kept.append(KeptEvaluation.of(point, score_episodes(part, table, episodes)[0], episodes[0]))
    write_evaluations(run.store.train_dir(CANDIDATE, 0) / EVALUATIONS, kept)


def test_a_film_goes_through_a_training(tmp_path: Path) -> None:
    run = recorded(tmp_path, load_task("half_cheetah_run_backward"), horizon=3, count=1)
    trained_in(run, {1000: 40, 2000: 2, 3000: 200})
    told = CliRunner().invoke(
        app, ["video", str(run.path), CANDIDATE, "--checkpoints", "--size", "64x48", "--fps", "10"]
    )
    path = run.store.film_path(CANDIDATE, "checkpoints")
    assert told.exit_code == 0 and told.stdout.split() == [str(path)]
    film = film_of(path)
    # 3 s of each at twice the speed; the second is over at once, and its end stands for a while.
    shown = {
        step: [f for f in film.frames if f.evaluation and f.evaluation.step == step] for step in (1000, 2000, 3000)
    }
    assert [[f.step for f in shown[step]] for step in shown] == [
        [*range(0, 40, 4), 40, *[40] * 4],
        [0, *[2] * 14],
        [*range(0, 120, 4)],
    ]
    assert (film.fps, film.speed, film.seed, film.episode) == (10.0, 2.0, 7, EVALUATIONS)
    assert film.same and film.frames[-1].evaluation == Evaluated(step=3000, success=0.25, fitness=375.0)
    assert len(decoded(path)[1]) == len(film.frames)
    assert caption(CANDIDATE, film.frames[-1]) == f"{CANDIDATE}   after 3,000 steps   success 25%   fitness 375"


def test_a_training_that_is_played_otherwise_is_told(tmp_path: Path) -> None:
    run = recorded(tmp_path, load_task("half_cheetah_run_backward"), horizon=3, count=1)
    trained_in(run, {1000: 300, 2000: 4})
    file = run.store.train_dir(CANDIDATE, 0) / EVALUATIONS
    kept = read_evaluations(file)
    # Beyond what is shown of it.
    kept[0].episode.actions[250] += 0.5
    write_evaluations(file, kept)
    assert not film_of(run.film(CANDIDATE, ("checkpoints",), size=(64, 48))[0]).same
    file.unlink()
    with pytest.raises(RewardSynthError, match="has no episode of an evaluation in training") as told:
        run.film(CANDIDATE, ("checkpoints",))
    assert "reward-synth video" in told.value.hint


def test_episodes_are_filmed_by_rank(tmp_path: Path) -> None:
    run = recorded(tmp_path, load_task("half_cheetah_run_backward"), horizon=3, count=4)
    told = CliRunner().invoke(app, ["video", str(run.path), CANDIDATE, "--episodes", "3", "--size", "64x48"])
    made = [Path(line) for line in told.stdout.split()]
    assert [path.name for path in made] == ["rank-01-of-04.mp4", "rank-03-of-04.mp4", "rank-04-of-04.mp4"]
    fitness = sorted(score.fitness for score in run.results(CANDIDATE)[0].episodes)
    assert [film_of(path).fitness for path in made] == [fitness[0], fitness[2], fitness[3]]
    assert len(run.film(CANDIDATE, ("best",), episodes=99, size=(64, 48))) == 1 + 4


def test_a_film_that_was_not_encoded_leaves_nothing(tmp_path: Path) -> None:
    pictures = np.zeros((3, 48, 64, 3), dtype=np.uint8)
    place = tmp_path / "a:b"
    with pytest.raises(RewardSynthError, match=r"film\.mp4 was not encoded"):
        write_video(place / "film.mp4", pictures, "abc", 0.0)
    assert list(place.iterdir()) == []
    write_video(place / "film.mp4", pictures, "abc", 10.0)
    assert [path.name for path in place.iterdir()] == ["film.mp4"] and len(decoded(place / "film.mp4")[1]) == 3


def test_the_command_prints_where_the_films_are(tmp_path: Path) -> None:
    run = recorded(tmp_path, load_task("half_cheetah_run_backward"), horizon=4)
    out = tmp_path / "films"
    told = CliRunner().invoke(
        app, ["video", str(run.path), CANDIDATE, "--median", "--size", "64x48", "--out", str(out)]
    )
    assert told.exit_code == 0 and told.stdout.split() == [str(out / "median.mp4")]
    for size, fps in (((1, 1), 25.0), ((480, 99999), 25.0), ((480, 360), float("nan"))):
        with pytest.raises(RewardSynthError, match="cannot be made"):
            run.film(CANDIDATE, size=size, fps=fps)
    wrong = CliRunner().invoke(app, ["video", str(run.path), CANDIDATE, "--size", "large"])
    assert isinstance(wrong.exception, RewardSynthError) and "480x360" in wrong.exception.hint
    never = CliRunner().invoke(app, ["video", str(run.path), "001-a"])
    assert isinstance(never.exception, RewardSynthError) and "no recorded episode" in never.exception.message


def test_a_grid_world_draws_itself_each_turn_for_a_while(tmp_path: Path) -> None:
    pytest.importorskip("crafter")
    reward = "def compute_reward(state, action, next_state):\n    return {'wood': float(next_state.wood)}\n"
    run = recorded(tmp_path, load_task("approach_tree"), horizon=5, count=1, reward=reward)
    path = run.film(CANDIDATE, ("best",), size=(120, 120))[0]
    film = json.loads(path.with_suffix(".json").read_text())
    assert film["drawn"] == "drawn by the environment" and film["fps"] == 5.0
    assert len(decoded(path)[1]) == len(film["frames"]) == 6


def test_a_tabletop_is_drawn_with_and_without_its_device(tmp_path: Path) -> None:
    pytest.importorskip("mani_skill")
    reward = "def compute_reward(state, action, next_state):\n    return {'x': float(next_state.tcp_position[0])}\n"
    run = recorded(tmp_path, load_task("push_cube"), horizon=3, count=1, reward=reward)
    path = run.film(CANDIDATE, ("best",), size=(120, 90))[0]
    film = film_of(path)
    assert film.same and film.drawn in ("drawn by the environment", "outlines of the model's geoms")
    assert all(np.ptp(picture) > 100 for picture in decoded(path)[1])


@pytest.mark.parametrize(
    ("mode", "said"),
    [("", None), ("unseeded", None), ("scratch", None), ("step", "motor burnt"), ("crash", "died with signal 11")],
)
def test_an_environment_of_ones_own_is_drawn_in_a_process_that_may_fail(
    mode: str, said: str | None, tmp_path: Path
) -> None:
    task = load_task(write_point(tmp_path), typed=True)
    run = recorded(tmp_path, task, horizon=20, count=1, reward=REWARD)
    arguments = {"mode": mode, "after": 8}
    task = run.task.model_copy(update={"environment": task.environment.model_copy(update={"arguments": arguments})})
    if said is not None:
        with pytest.raises((EnvironmentFault, RewardSynthError), match=said):
            film_candidate(run.store, task, CANDIDATE, ["best"])
        assert not list(run.path.rglob("*.mp4"))
        return
    path = film_candidate(run.store, task, CANDIDATE, ["best"])[0]
    film = Film.model_validate_json(path.with_suffix(".json").read_text())
    assert film.same == (mode != "unseeded"), "the film of another episode says so"
    about, _ = decoded(path)
    assert about["size"] == (480, 360)


def test_a_picture_that_never_comes_is_given_up(tmp_path: Path) -> None:
    run = recorded(tmp_path, load_task("half_cheetah_run_backward"), horizon=4, count=1)
    for longest, given_up, told in ((0.01, False, "was not done within 0.01 s"), (300.0, True, "was given up")):
        with pytest.raises(RewardSynthError, match=told):
            film_candidate(
                run.store, run.task, CANDIDATE, ["best"], longest=longest, given_up=lambda over=given_up: over
            )
    assert not list(run.store.film_path(CANDIDATE, "best").parent.glob("*"))


@pytest.mark.parametrize("said", [b"?\n", b'{"drawn": 3}\n', b"x" * (LONGEST_LINE + 9)])
def test_a_process_that_draws_and_says_something_else_is_not_believed(
    said: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    letters = iter(said)
    filmer = object.__new__(Filmer)
    task = load_task("half_cheetah_run_backward")
    filmer._job = FilmJob(task=task, environment_file=None, takes=(), width=64, height=48)
    filmer._variables = {}
    monkeypatch.setattr(filmer, "_read", lambda count: bytes([next(letters)]))
    with pytest.raises(RewardSynthError, match="gives no picture"):
        filmer._said(Opening)
