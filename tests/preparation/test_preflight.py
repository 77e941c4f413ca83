"""A broken environment is told apart from a broken reward, before anything is paid and in the middle of a training."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from reward_synth import synthesize
from reward_synth.api.rewards import check_reward
from reward_synth.api.run import Run
from reward_synth.cli.app import execute
from reward_synth.core.errors import EnvironmentFault, RewardSynthError
from reward_synth.executors.base import worker_environment
from reward_synth.llm.base import Model, Request
from reward_synth.llm.fake import ScriptedModel
from reward_synth.preparation.preflight import preflight, try_environment
from reward_synth.simulators.custom.files import file_of
from reward_synth.state.faults import BLAME
from reward_synth.tasks.spec import TaskSpec, load_task
from reward_synth.training.worker.locked_trial import rehearse
from tests.custom_cases import REWARD, TASK, write_point
from tests.training.cases import make_job, run_jobs


@pytest.fixture
def point(tmp_path: Path) -> TaskSpec:
    return load_task(write_point(tmp_path / "robots"), typed=True)


def broken(task: TaskSpec, mode: str, after: int = 5) -> TaskSpec:
    arguments = {"mode": mode, "after": after}
    return task.model_copy(update={"environment": task.environment.model_copy(update={"arguments": arguments})})


def test_a_sound_task_has_nothing_but_notes(point: TaskSpec) -> None:
    found = preflight(point, render=True)
    assert [remark.level for remark in found.remarks] in ([], ["note"])
    assert len(found.reference_episodes.episodes) == 31


@pytest.mark.parametrize(
    ("mode", "message"),
    [
        ("make", "cannot be made: RuntimeError: no licence"),
        ("another word each time", "cannot be made: RuntimeError: no licence for <object"),
        ("reset", "failed in a reset: RuntimeError: joint stuck"),
        ("step", "failed in a step: ValueError: motor burnt, point.py line"),
        ("nan", "not finite in a step: the field `distance`"),
        ("crash", "ended its process with signal 11"),
    ],
)
def test_a_broken_environment_is_an_error_that_names_it(point: TaskSpec, mode: str, message: str) -> None:
    with pytest.raises(EnvironmentFault) as error:
        rehearse(broken(point, mode).environment_spec, worker_environment())
    assert message in error.value.message and error.value.hint
    assert "locked" not in error.value.message
    assert error.value.exit_code == 2


def test_a_wrong_shape_is_found(point: TaskSpec) -> None:
    with pytest.raises(EnvironmentFault, match=r"observation of shape \(3,\) after a reset.* says \(2,\)"):
        try_environment(broken(point, "shape").environment_spec)


@pytest.mark.parametrize(
    ("mode", "message"),
    [("secret", "Permission denied"), ("large", "File too large"), ("program", "denied")],
)
def test_what_only_the_lock_forbids_is_told_as_the_locks_doing(point: TaskSpec, mode: str, message: str) -> None:
    (file_of(point.environment.id).parent / "secret.txt").write_text("a key")
    with pytest.raises(RewardSynthError, match=f"trainings are locked, and in the lock .*{message}") as error:
        rehearse(broken(point, mode).environment_spec, worker_environment())
    assert "--unsafe-no-sandbox" in error.value.hint and "assets" in error.value.hint
    assert not isinstance(error.value, EnvironmentFault) and BLAME not in error.value.message
    rehearse(broken(point, mode).environment_spec, worker_environment(), sandbox=False)


def test_the_lock_is_named_even_where_something_else_fails_without_it(point: TaskSpec) -> None:
    # Without the lock, a folder cannot be read as a file; the lock does not let it come that far.
    (file_of(point.environment.id).parent / "secret.txt").mkdir()
    said = "in the lock .*Permission denied.*; without the lock .*Is a directory"
    with pytest.raises(RewardSynthError, match=said) as error:
        rehearse(broken(point, "secret").environment_spec, worker_environment())
    assert "--unsafe-no-sandbox" in error.value.hint


def test_a_locked_environment_has_a_folder_for_temporary_files_and_caches(
    point: TaskSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    rehearse(broken(point, "temporary").environment_spec, worker_environment())
    assert list(folder.iterdir()) == []


def test_seeds_that_do_not_reproduce_are_remarked(point: TaskSpec) -> None:
    remarks = try_environment(broken(point, "unseeded").environment_spec)
    assert [remark.about for remark in remarks] == ["seeds"]


@pytest.mark.parametrize(
    ("changes", "about", "said"),
    [
        ({"success": "episode.distance >= 0"}, "success", "any reward would solve this"),
        (
            {"success": "episode.action[:, 0] == 0 if episode.length < 0 else not np.any(episode.action)"},
            "success",
            "nothing",
        ),
        ({"success": "episode.distance > 0.8", "fitness": "float(episode.distance[-1])"}, "success", "aimless"),
        ({"fitness": "1.0"}, "fitness", "fitness is 1 in all"),
    ],
)
def test_measures_that_tell_nothing_are_remarked(
    point: TaskSpec, changes: dict[str, str], about: str, said: str
) -> None:
    remarks = [remark for remark in preflight(point.model_copy(update=changes)).remarks if remark.level == "warning"]
    assert [remark.about for remark in remarks] == [about]
    assert said in remarks[0].message


def test_a_range_that_does_not_hold_is_remarked(tmp_path: Path) -> None:
    path = write_point(tmp_path)
    path.write_text(TASK.replace("low: 0,", "low: 0, high: 0.1,"))
    remarks = preflight(load_task(path, typed=True)).remarks
    assert any(remark.about == "ranges" and "`distance`" in remark.message for remark in remarks)


@pytest.mark.parametrize(
    ("mode", "success", "said"),
    [
        ("limit", "episode.distance < 0.1", "after 25 steps, before the horizon of 40"),
        ("limit", "episode.length == episode.horizon", "asks for episode.horizon can never be true"),
        ("fails at its limit", "episode.distance < 0.1", "after 25 steps, before the horizon of 40"),
        ("leaves", "episode.distance < 0.1", ""),  # It cuts an episode for what was done in it.
        ("", "episode.distance < 0.1", ""),
    ],
)
def test_an_environments_own_limit_is_remarked(point: TaskSpec, mode: str, success: str, said: str) -> None:
    task = broken(point, mode).model_copy(update={"success": success})
    found = [remark for remark in preflight(task).remarks if remark.about == "horizon"]
    assert [(remark.level, remark.hint) for remark in found] == ([("warning", "set horizon: 25")] if said else [])
    assert all(said in remark.message for remark in found)


# Its name says that it is the goal, and it is another for no seed.
TARGET = """\
    target: {expression: "0 * observation[0] + 0.25", unit: m, doc: The target.}
    moving: {expression: "observation[0] + 0.25", unit: m, doc: Another one.}
"""


def targeted(folder: Path) -> TaskSpec:
    path = write_point(folder)
    text = TASK.replace("horizon: 40\n", f"{TARGET}horizon: 40\n")
    path.write_text(text.replace("-np.mean(episode.distance)", "-abs(episode.target[-1] - episode.distance[-1])"))
    return load_task(path, typed=True)


def test_a_target_that_is_the_same_in_all_episodes_is_remarked_where_fitness_reads_it(tmp_path: Path) -> None:
    remarks = [remark for remark in preflight(targeted(tmp_path)).remarks if remark.level == "warning"]
    assert [remark.about for remark in remarks] == ["fitness"]
    assert "`target` is [0.25] in every state of 31 recorded episodes" in remarks[0].message


def test_a_norm_over_the_whole_episode_is_remarked(tmp_path: Path) -> None:
    path = write_point(tmp_path)
    both = "    both: {expression: observation, unit: m, doc: Place and speed.}\n"
    path.write_text(TASK.replace("horizon: 40\n", f"{both}horizon: 40\n"))
    task = load_task(path, typed=True)
    task = task.model_copy(update={"success": "bool(np.linalg.norm(episode.both) < 0.01)"})
    said = [remark for remark in preflight(task).remarks if "for all rows together" in remark.message]
    assert [(remark.level, remark.about) for remark in said] == [("warning", "success")]
    assert "axis=1" in said[0].hint


@pytest.mark.parametrize(("field", "warned"), [("target", True), ("moving", False)])
def test_a_reward_that_reads_such_a_target_is_warned_of_it(tmp_path: Path, field: str, warned: bool) -> None:
    source = REWARD.replace("-next_state.distance", f"-abs(next_state.distance - next_state.{field})")
    report = check_reward(source, targeted(tmp_path))
    found = [finding for finding in report.findings if finding.rule == "fixed-position"]
    assert report.ok and bool(found) == warned
    assert all(finding.severity == "warning" and "`target` is [0.25]" in finding.message for finding in found)


def test_measures_that_fail_are_the_tasks_fault(point: TaskSpec) -> None:
    with pytest.raises(RewardSynthError, match="success or fitness of the task gym/point_home fails") as error:
        preflight(point.model_copy(update={"fitness": "1.0 / (episode.length - episode.horizon)"}))
    assert not isinstance(error.value, EnvironmentFault)


def test_a_scripted_expert_that_never_succeeds_is_remarked() -> None:
    pytest.importorskip("metaworld")
    task = load_task("metaworld/drawer_open").model_copy(update={"success": "episode.drawer_opening > 9.0"})
    said = [remark.message for remark in preflight(task).remarks if remark.about == "success"]
    assert said == ["success is never true in 8 episodes of the scripted expert"]


# ── in a training and in a run ───────────────────────────────────────────────────────────────────────────


def job_of(task: TaskSpec, folder: Path):  # type: ignore[no-untyped-def]
    report = check_reward(REWARD, task)
    return make_job(folder, task, REWARD, 2048, fields=report.fields, terms=report.terms)


def test_an_environment_in_a_file_trains_behind_the_lock(point: TaskSpec, tmp_path: Path) -> None:
    task = broken(point, "temporary")
    job = job_of(point, tmp_path / "job").model_copy(update={"task": task})
    result = run_jobs([job])[job.folder]
    assert not (job.folder / "scratch").exists()
    assert (result.status, result.reason) == ("trained", "") and len(result.episodes) == 4
    assert str(tmp_path) not in job.task.model_dump_json()


@pytest.mark.parametrize(
    ("mode", "said"),
    [
        ("step", "ValueError: motor burnt"),
        ("nan", "the field `"),
        ("wide", "an observation of shape (3,) after a step"),
        ("exit", "point.py:Point ended its process with exit code 3"),
        ("hang", "point.py:Point did not return from a step within 1 s"),
    ],
)
def test_what_breaks_in_mid_training_is_no_rewards_fault(point: TaskSpec, tmp_path: Path, mode: str, said: str) -> None:
    task = broken(point, mode, after=400)
    job = job_of(point, tmp_path / "job").model_copy(update={"task": task, "step_limit": 1.0})
    result = run_jobs([job])[job.folder]
    assert result.status == "crashed"
    assert BLAME in result.reason and said in result.reason and "reward failed" not in result.reason


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Request], str]], ScriptedModel]:
    def use(answer: Callable[[Request], str]) -> ScriptedModel:
        model = ScriptedModel(answer)

        def opened(name: str, **_: object) -> Model:
            return model

        monkeypatch.setattr("reward_synth.search.models.open_model", opened)
        monkeypatch.setattr("reward_synth.llm.open_model", opened)
        return model

    return use


def settings(tmp_path: Path) -> dict[str, object]:
    runs = {"runs_dir": tmp_path / "runs", "task": str(tmp_path / "robots" / "point_home.yaml"), "jobs": 1}
    return runs | {"model": "scripted", "display": "none", "samples": 1, "steps": 2000, "critic": False, "rungs": "1"}


def test_a_broken_environment_stops_a_run_before_a_folder_is_made_or_a_model_asked(
    point: TaskSpec, tmp_path: Path, scripted: Callable[[Callable[[Request], str]], ScriptedModel]
) -> None:
    model = scripted(lambda request: pytest.fail("asked"))
    path = tmp_path / "robots" / "point.py"
    path.write_text(path.read_text().replace("self.steps += 1", "self.steps += None"))
    with pytest.raises(EnvironmentFault, match="TypeError"):
        synthesize("", **settings(tmp_path))
    with pytest.raises(EnvironmentFault, match="TypeError"):
        synthesize("go home", **settings(tmp_path) | {"task": None, "env": f"{path}:Point"})
    assert model.requests == [] and not (tmp_path / "runs").exists()


CART = """
name: gym/balance_the_pole
goal: Keep the pole up.
environment: {id: CartPole-v1}
horizon: 100
success: episode.length == episode.horizon
fitness: float(episode.length)
fitness_unit: steps
"""


def test_a_choice_of_actions_is_learnt_by_ppo_alone(
    tmp_path: Path, scripted: Callable[[Callable[[Request], str]], ScriptedModel]
) -> None:
    path = tmp_path / "cart.yaml"
    path.write_text(CART)
    model = scripted(lambda request: pytest.fail("asked"))
    with pytest.raises(RewardSynthError, match="'sac' cannot choose one of several actions, as CartPole-v1") as refused:
        synthesize("", **settings(tmp_path) | {"task": str(path), "learner": "sac"})
    assert refused.value.hint == "use --learner ppo"
    assert model.requests == [] and not (tmp_path / "runs").exists()
    task = load_task(path)
    source = """
def compute_reward(state, action, next_state):
    \"\"\"Upright, by whichever push.\"\"\"
    return {"upright": 1.0 - abs(next_state.pole_angle), "pushes": 0.01 * (action[0] + action[1])}
"""
    report = check_reward(source, task)
    assert report.ok, report.findings
    job = make_job(tmp_path / "job", task, source, 2048, fields=report.fields, terms=report.terms)
    result = run_jobs([job])[job.folder]
    assert (result.status, result.reason) == ("trained", "")
    # The choice reaches the reward as a vector with a 1 in one place.
    pushes = next(each for each in result.terms if each.name == "pushes")
    assert {*pushes.minimum, *pushes.maximum} == {0.01}


def test_an_environment_that_ends_every_training_ends_the_run(
    point: TaskSpec, tmp_path: Path, scripted: Callable[[Callable[[Request], str]], ScriptedModel]
) -> None:
    model = scripted(lambda request: f"```python{REWARD}```")
    path = tmp_path / "robots" / "point_home.yaml"
    path.write_text(TASK.replace("  fields:", "  arguments: {mode: training}\n  fields:"))
    with pytest.raises(EnvironmentFault, match=r"all 1 trainings .*motor burnt"):
        synthesize("", **settings(tmp_path) | {"iterations": 3})
    assert {request.role for request in model.requests} == {"designer"}
    assert len(model.requests) == 1


@pytest.mark.slow
def test_a_run_is_taken_up_again_where_its_file_is_named_anew(
    point: TaskSpec,
    tmp_path: Path,
    scripted: Callable[[Callable[[Request], str]], ScriptedModel],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    scripted(lambda request: f"```python{REWARD}```" if request.role == "designer" else '{"causes": []}')
    run = synthesize("", **settings(tmp_path) | {"iterations": 1})
    assert {candidate.status for candidate in run.candidates} == {"trained"}
    kept = b"".join(p.read_bytes() for p in (run.path / n for n in ("task.yaml", "run.json", "results.tsv")))
    assert str(tmp_path).encode() not in kept
    moved = (tmp_path / "robots").rename(tmp_path / "elsewhere")
    monkeypatch.setattr("reward_synth.simulators.custom.files._files", {})  # as in another process
    assert execute(["resume", str(run.path), "--iterations", "2"]) == 2
    said = capsys.readouterr().err
    assert "must be named anew" in said and f"reward-synth resume {run.path} --env PATH/point.py:Point" in said
    assert execute(["resume", str(run.path), "--env", f"{moved}/other.py:Point"]) == 2
    assert "about the environment point.py:Point" in capsys.readouterr().err
    found = Run.open(run.path).resume(iterations=2, env=f"{moved}/point.py:Point")
    assert len([each for each in found.candidates if each.continues is None]) == 2


def test_a_configuration_file_cannot_have_a_file_run(
    point: TaskSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path / "robots")
    for line in ('env = "./point.py:Point"', 'task = "point_home.yaml"'):
        (tmp_path / "robots" / "reward-synth.toml").write_text(line + '\nmodel = "manual"\n')
        assert execute(["run", "go home"]) == 2
        assert "would have the file point.py run unseen" in capsys.readouterr().err.replace("./", "")
