"""``tasks new``, ``tasks check`` and ``tasks fields``: from answers to a file that has been tried."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from reward_synth.cli.app import execute
from reward_synth.core.errors import RewardSynthError
from reward_synth.core.waiting import SLOW_ENVIRONMENT, told_if_long
from reward_synth.preparation import write_task
from reward_synth.preparation.settle import task_name
from reward_synth.preparation.write_task import Answers, new_task, parse_argument, parse_field
from reward_synth.state.expressions import OwnField
from reward_synth.tasks.spec import load_task
from tests.custom_cases import REWARD, write_point

SWING_UP = {
    "--env": "Pendulum-v1",
    "--goal": "Swing the pole up and keep it upright.",
    "--field": "angle=np.arctan2(observation[1], observation[0]); rad; 0 = upright, + = counter-clockwise.",
    "--success": "bool(np.max(np.abs(episode.angle[-50:])) < 0.2)",
    "--fitness": "-np.mean(np.abs(episode.angle))",
    "--fitness-unit": "rad off upright, negated",
    "--name": "swing_up",
}


class Terminal(io.StringIO):
    """A person at the keyboard, who has typed ahead."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def options(**changes: str | None) -> list[str]:
    given = SWING_UP | {f"--{name.replace('_', '-')}": value for name, value in changes.items()}
    return [word for name, value in given.items() if value is not None for word in (name, value)]


def test_options_alone_make_a_task_that_can_be_worked_with(capsys: pytest.CaptureFixture[str]) -> None:
    more = ["--argument", "g=9.81", "--steps", "5000", "--learner", "sac", "--preset", "grasp", "--episodes", "12"]
    assert execute(["tasks", "new", *options(), "--yes", *more]) == 0
    assert capsys.readouterr().out == "swing_up.yaml\n"
    task = load_task("swing_up.yaml")
    assert (task.name, task.horizon, task.training.steps) == ("gym/swing_up", 200, 5000)
    assert (task.training.learner, task.training.preset, task.evaluation.episodes) == ("sac", "grasp", 12)
    assert task.environment.arguments == {"g": 9.81} and task.environment.fields["angle"].unit == "rad"
    assert not task.drafted and "aliases" not in Path("swing_up.yaml").read_text()
    Path("reward.py").write_text(
        "def compute_reward(state, action, next_state):\n"
        "    return {'upright': -abs(next_state.angle), 'slow': -0.1 * abs(next_state.angular_velocity)}\n"
    )
    assert execute(["check", "reward.py", "--task", "swing_up.yaml"]) == 0
    assert execute(["tasks", "check", "swing_up.yaml"]) == 0
    assert "31 recorded episodes judged" in capsys.readouterr().err
    Path("misspelt.yaml").write_text(Path("swing_up.yaml").read_text().replace("grasp", "reech"))
    assert execute(["tasks", "check", "misspelt.yaml"]) == 2
    assert "for sac there are: grasp, manipulate" in capsys.readouterr().err


def test_a_trial_that_takes_long_says_so(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    execute(["tasks", "new", "--yes", *options(), "--out", "a.yaml"])
    assert "still trying" not in capsys.readouterr().err
    monkeypatch.setattr(told_if_long.__wrapped__, "__defaults__", (SLOW_ENVIRONMENT, 0.0))  # type: ignore[attr-defined]
    execute(["tasks", "new", "--yes", *options(), "--out", "b.yaml"])
    assert SLOW_ENVIRONMENT in capsys.readouterr().err
    execute(["tasks", "check", "a.yaml"])
    printed = capsys.readouterr()
    assert SLOW_ENVIRONMENT in printed.err and SLOW_ENVIRONMENT not in printed.out


@pytest.mark.parametrize(
    ("goal", "name"),
    [
        ("Swing the pole up.", "swing_the_pole_up"),
        ("Move the gripper's tip to the red target and hold it there", "move_the_gripper_s_tip_to_the_red_target"),
        ("Move the gripper's tip to the red targets and hold", "move_the_gripper_s_tip_to_the_red"),
        ("x" * 50, "x" * 40),
        ("…", "goal"),
    ],
)
def test_a_name_from_the_goal_ends_with_a_whole_word(goal: str, name: str) -> None:
    assert task_name("gym", goal) == f"gym/{name}"


@pytest.mark.parametrize("missing", ["env", "goal", "success", "fitness", "fitness_unit"])
def test_what_nobody_is_there_to_answer_is_named(missing: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["tasks", "new", *options(**{missing: None}), "--yes"]) == 2
    said = capsys.readouterr().err
    option = f"--{missing.replace('_', '-')}"
    assert f"error: there is nobody to ask for {option}\n\nhint: add {option} …" in said
    assert not Path("swing_up.yaml").exists()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"success": "episode.angel < 0.2"}, "did you mean `angle`?"),
        (
            {"success": "episode.zzz < 0.2"},
            "hint: use only fields of the list; all fields: reward-synth tasks fields Pend",
        ),
        ({"fitness": "1.0 / (episode.length - 150)"}, "fails on a recorded episode"),
        ({"field": "angle=open('x'); rad"}, "is not allowed"),
        ({"field": "angle=observation[3]"}, "cannot be read: IndexError"),
        ({"field": "angle=info.angle"}, "Pendulum-v1 does not tell"),
        ({"field": "angle=[0, 3]"}, "is element 3 of the observation, which has elements 0 to 2"),
        ({"env": "Pendulm-v1"}, "did you mean Pendulum-v1"),
    ],
)
def test_an_answer_that_cannot_be_used_is_refused(
    changes: dict[str, str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert execute(["tasks", "new", *options(**changes), "--yes"]) == 2
    assert said in capsys.readouterr().err
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"field": "angle"}, "this is no field"),
        ({"field": "=0"}, "'' is not a name"),
        ({"field": "my angle=0"}, "'my angle' is not a name"),
        ({"field": "length=0"}, "an episode means something else by it"),
        ({"field": "angle=-1"}, "'index' counts from 0"),
        ({"field": "angle=[0, 1"}, "is no Python expression"),
        ({"field": "angle=[0.5]"}, "reads nothing"),
        ({"field": "angle=obs[0]"}, "`obs` is not known here"),
        ({"field": "angle=0; radians of every kind there is"}, "at most 20 characters"),
        ({"name": "Swing Up"}, "in small letters"),
        ({"preset": "reech"}, "there is no training preset 'reech'"),
        ({"learner": "dqn"}, "the task, training.learner"),
        ({"preset": "grasp"}, "the training preset 'grasp' is sac's, not ppo's"),
        ({"argument": "render_mode=human"}, "render_mode is set where pictures are made"),
        ({"out": "taken.yaml"}, "taken.yaml exists already"),
        ({"out": "swing_up.txt"}, "let it end in .yaml"),
    ],
)
def test_what_is_wrong_without_the_environment_is_said_before_it_is_opened(
    changes: dict[str, str], said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(write_task, "try_environment", lambda *_, **__: pytest.fail("it was opened"))
    Path("taken.yaml").touch()
    assert execute(["tasks", "new", *options(**changes), "--yes"]) == 2
    told = capsys.readouterr().err
    assert said in told
    if "field" in changes:
        assert f"--field {changes['field']}" in told and "hint: write it as NAME=SOURCE; UNIT; MEANING:" in told


def test_several_elements_are_a_field_as_in_a_task_file() -> None:
    more = ["--field", "tip=[0, 1]; 1; Where the tip is."]
    assert execute(["tasks", "new", *options(success="episode.tip[:, 0] > 0.9"), *more, "--yes"]) == 0
    assert load_task("swing_up.yaml").environment.fields["tip"].index == (0, 1)


def test_doubtful_measures_are_written_only_with_consent(capsys: pytest.CaptureFixture[str]) -> None:
    always = options(success="episode.length > 0")
    assert execute(["tasks", "new", *always]) == 1
    said = capsys.readouterr().err
    assert "warning: [success]" in said and "error: nothing was written" in said
    assert not Path("swing_up.yaml").exists()
    assert execute(["tasks", "new", *always, "--yes"]) == 0
    assert execute(["tasks", "check", "swing_up.yaml", "--json"]) == 1
    told = json.loads(capsys.readouterr().out.partition("\n")[2])
    assert [remark["about"] for remark in told["remarks"] if remark["level"] == "warning"] == ["success"]
    assert execute(["tasks", "new", *always, "--yes"]) == 2
    assert "swing_up.yaml exists already" in capsys.readouterr().err


def test_an_environments_own_limit_is_the_horizon_that_is_proposed(tmp_path: Path) -> None:
    write_point(tmp_path / "robots")
    words = ["tasks", "new", "--env", "./robots/point.py:Point", "--argument", "mode=limit", "--goal", "Go home."]
    words += [
        "--success",
        "np.abs(episode.speed) > 9",
        "--fitness",
        "episode.speed[-1]",
        "--fitness-unit",
        "m/s",
        "--yes",
    ]
    assert execute(words) == 0 and execute([*words, "--horizon", "30", "--out", "other.yaml"]) == 0
    assert (load_task("go_home.yaml").horizon, load_task("other.yaml").horizon) == (25, 30)


def test_a_person_is_asked_again_where_an_answer_does_not_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_point(tmp_path / "robots")
    answers = [
        "./robots/point.py:Point",
        "far=nothing[0]; m",  # refused, and asked for again
        "far=np.abs(observation[0]); m; Distance from 0.",
        "",
        "Bring the point to 0.",
        "point_to_zero",
        "30",
        "",  # the default
        "episode.fra < 0.1",  # no such field
        "-np.mean(episode.far)",
        "m off",
        "bool(np.max(episode.far[15:]) < 0.1)",
        "-np.mean(episode.far)",
        "m off",
    ]
    monkeypatch.setattr("sys.stdin", Terminal("\n".join(answers) + "\n"))
    assert execute(["tasks", "new", "--out", "tasks/point.yaml"]) == 0
    said = capsys.readouterr().err
    assert "`nothing` is not known here" in said and "position_of_point: float" in said and "`far`" in said
    task = load_task("tasks/point.yaml", typed=True)
    assert (task.horizon, task.training.steps, list(task.environment.fields)) == (30, 300_000, ["far"])
    assert "id: ../robots/point.py:Point" in Path("tasks/point.yaml").read_text()
    Path("reward.py").write_text(REWARD.replace("distance", "far"))
    assert execute(["check", "reward.py", "--task", "tasks/point.yaml"]) == 0


def test_fields_are_shown_for_tasks_and_environments(capsys: pytest.CaptureFixture[str]) -> None:
    for what, shown in (("MountainCarContinuous-v0", "velocity_of_car"), ("hopper_hop_forward", "torso_pitch")):
        assert execute(["tasks", "fields", what]) == 0
        assert shown in capsys.readouterr().out
    assert execute(["tasks", "fields", "Pendulum-v1", "--argument", "g=2.0"]) == 0
    assert execute(["tasks", "fields", "Pendulum-v1", "--argument", "gravity=2.0"]) == 2
    assert "it accepts: render_mode, g" in capsys.readouterr().err


def test_fields_and_arguments_on_the_command_line() -> None:
    name, field = parse_field("both = 3, 4 ;m; Where; it is")
    assert (name, field.index, field.unit, field.doc) == ("both", (3, 4), "m", "Where; it is")
    for source in ("0,1,2", "[0,1,2]", "[ 0, 1, 2, ]", "(0, 1, 2)"):
        assert parse_field(f"spin={source}; rad/s")[1] == OwnField(index=(0, 1, 2), unit="rad/s")
    assert parse_field("one=[4]")[1].index == (4,) and parse_field("one=4")[1].index == 4
    assert parse_field("a=0")[1].unit == "1"
    assert parse_argument("fall=false") == ("fall", False) and parse_argument("x= 1.5") == ("x", 1.5)
    with pytest.raises(RewardSynthError, match="'a' was given already"):
        new_task(Answers(fields=("a=0", "a=1")), ask=pytest.fail, show=pytest.fail)
    with pytest.raises(RewardSynthError, match="has no '='"):
        parse_argument("fall")
