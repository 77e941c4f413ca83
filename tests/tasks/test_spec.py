"""Reading, writing and finding task specs; ``test_specs.py`` judges the shipped ones."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from reward_synth.core import resources
from reward_synth.core.errors import RewardSynthError
from reward_synth.evaluation.scoring import scoring_process
from reward_synth.tasks.spec import TaskSpec, list_tasks, load_task, markdown_table, save_task

DOCUMENT = Path(__file__).parents[2] / "docs" / "guide" / "tasks.md"

SOUND = """\
name: gym/my_task
goal: Make the hopper stand still.
environment:
  id: Hopper-v5
  arguments:
    reset_noise_scale: 1e-4
horizon: 200
success: episode.length == episode.horizon
fitness: episode.seconds
fitness_unit: s
training:
  steps: 5e4
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "my_task.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def refusal(folder: Path, old: str, new: str) -> RewardSynthError:
    assert old in SOUND
    with pytest.raises(RewardSynthError) as caught:
        load_task(written(folder, SOUND.replace(old, new, 1)))
    return caught.value


# ── reading ───────────────────────────────────────────────────────────────────────────────────────────────


def test_a_spec_takes_defaults_for_what_is_left_out(tmp_path: Path) -> None:
    spec = load_task(written(tmp_path, SOUND))
    assert (spec.simulator, spec.success_threshold, spec.evaluation.episodes) == ("gym", 0.9, 8)
    assert (spec.training.learner, spec.training.preset, spec.drafted) == ("ppo", None, False)


def test_numbers_with_an_exponent_are_numbers(tmp_path: Path) -> None:
    spec = load_task(written(tmp_path, SOUND))
    assert spec.environment.arguments == {"reset_noise_scale": 1e-4}
    assert spec.training.steps == 50_000


def test_only_true_and_false_are_truth_values(tmp_path: Path) -> None:
    text = SOUND.replace("reset_noise_scale: 1e-4", "on: off\n    yes: true\n    n: 012")
    assert load_task(written(tmp_path, text)).environment.arguments == {"on": "off", "yes": True, "n": 12}


def test_a_spec_cannot_be_changed(tmp_path: Path) -> None:
    spec = load_task(written(tmp_path, SOUND))
    with pytest.raises(ValueError, match="frozen"):
        spec.success = "True"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("old", "new", "message", "hint"),
    [
        ("goal:", "gaol:", "line 2: unknown key 'gaol'", "did you mean 'goal'?"),
        ("  steps:", "  stepz:", "line 12: unknown key 'training.stepz'", "did you mean 'steps'?"),
        ("horizon: 200\n", "", "the key 'horizon' is missing", "add a line 'horizon: …'"),
        ("  id: Hopper-v5\n", "", "line 3: the key 'environment.id' is missing", "add a line 'id: …'"),
        ("200", "long", "line 7: 'horizon' must be a whole number, not 'long'", "'horizon'"),
        ("200", "1.5", "line 7: 'horizon' must be a whole number, not 1.5", "'horizon'"),
        ("200", "0", "line 7: 'horizon' is 0, but should be greater than 0", "'horizon'"),
        ("Make the hopper stand still.", "7", "line 2: 'goal' must be text, not 7", "'goal'"),
        ("horizon: 200", "horizon: 200\naliases: stand", "line 8: 'aliases' must be a list", "'aliases'"),
        (
            "steps: 5e4",
            "learner: dqn",
            "line 12: 'training.learner' is 'dqn', but should be 'ppo', 'sac' or 'tqc'",
            "learner",
        ),
        ("gym/my_task", "My task", "line 1: 'name' is 'My task', but it must look like", "'name'"),
        (
            "horizon: 200",
            "horizon: 200\nhorizon: 300",
            "line 8: 'horizon' was given before, in line 7",
            "one",
        ),
        ("goal: Make", "goal: now: Make", "line 2, is not valid YAML: mapping values", "colons"),
        ("goal: Make", 'goal: "Make', "begun in line 2", "indentation"),
        ("goal: Make", "goal: \x00Make", "is not valid YAML: unacceptable character", "plain text"),
        ("goal: Make", "goal: !!python/name:os.system Make", "could not determine a constructor", ""),
        (SOUND, "- a\n- list\n", "must be a mapping of keys to values", "name: gym/my_task"),
        (SOUND, "", "must be a mapping of keys to values", "name: gym/my_task"),
    ],
)
def test_a_faulty_spec_is_refused_with_its_line(tmp_path: Path, old: str, new: str, message: str, hint: str) -> None:
    error = refusal(tmp_path, old, new)
    assert message in error.message
    assert "my_task.yaml" in error.message
    assert hint in error.hint
    assert error.hint
    assert error.exit_code == 2


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ("[clock, x, clock]", "'clock' is named twice"),
        ("[start.]", "'start.' must be `clock`, a field's name, or `start.` and a field's name"),
        ("[end.x]", "'end.x' must be"),
    ],
)
def test_what_policies_see_besides_is_named_once_each_and_in_one_form(tmp_path: Path, names: str, message: str) -> None:
    found = re.search(r"^  id: .*$", SOUND, re.MULTILINE)
    assert found is not None
    error = refusal(tmp_path, found[0], f"{found[0]}\n  observes: {names}")
    assert message in error.message and "environment.observes" in error.message


def test_all_faults_are_told_at_once_in_the_order_of_lines(tmp_path: Path) -> None:
    text = SOUND.replace("goal:", "gaol:").replace("200", "long").replace("steps", "stepz")
    with pytest.raises(RewardSynthError) as caught:
        load_task(written(tmp_path, text))
    lines = [line.split(":")[0].strip() for line in caught.value.message.splitlines()[1:]]
    assert lines == ["line 2", "line 7", "line 12"]


def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(RewardSynthError, match=r"cannot read the task spec nowhere\.yaml"):
        load_task("nowhere.yaml")


# ── finding ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "name", ["gym/half_cheetah_run_backward", "half_cheetah_run_backward", "Half-Cheetah-run-backward"]
)
def test_a_task_is_found_by_its_name(name: str) -> None:
    assert load_task(name).name == "gym/half_cheetah_run_backward"


def test_an_unknown_task_is_refused_with_the_nearest_names() -> None:
    with pytest.raises(RewardSynthError) as caught:
        load_task("hopper_hop_backwards")
    assert "no task 'hopper_hop_backwards'" in caught.value.message
    assert "did you mean gym/hopper_hop_backward" in caught.value.hint
    with pytest.raises(RewardSynthError) as caught:
        load_task("zzz")
    assert "tasks ls" in caught.value.hint


def test_a_name_that_two_simulators_share_must_be_written_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for simulator in ("gym", "other"):
        (tmp_path / simulator).mkdir()
        text = SOUND.replace("gym/my_task", f"{simulator}/my_task")
        (tmp_path / simulator / "my_task.yaml").write_text(text, encoding="utf-8")
    monkeypatch.setattr("reward_synth.tasks.spec.data_dir", lambda kind: tmp_path)
    with pytest.raises(RewardSynthError) as caught:
        load_task("my_task")
    assert caught.value.hint == "write one of: gym/my_task, other/my_task"
    assert load_task("other/my_task").name == "other/my_task"


def test_listing_imports_no_simulator_and_no_numpy() -> None:
    code = (
        "import sys; from reward_synth.tasks.spec import list_tasks; assert list_tasks(); "
        "print(sorted({'numpy', 'gymnasium', 'mujoco', 'torch'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_tasks_are_listed_by_name() -> None:
    names = [spec.name for spec in list_tasks()]
    assert names == sorted(set(names))
    assert "gym/reacher_reach" in names


# ── data folders ──────────────────────────────────────────────────────────────────────────────────────────


def test_a_wheel_s_own_data_comes_before_the_checkout_s(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "reward_synth"
    monkeypatch.setattr(resources, "_PACKAGE", package)
    with pytest.raises(RewardSynthError, match="'prompts'"):
        resources.data_dir("prompts")
    (tmp_path / "prompts").mkdir()
    package.mkdir()
    assert resources.data_dir("prompts") == tmp_path / "prompts"
    (package / "_data" / "prompts").mkdir(parents=True)
    assert resources.data_dir("prompts") == package / "_data" / "prompts"


# ── writing ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("spec", list_tasks(), ids=lambda spec: spec.short_name)
def test_a_saved_spec_reads_back_equal(tmp_path: Path, spec: TaskSpec) -> None:
    save_task(spec, tmp_path / "task.yaml")
    assert load_task(tmp_path / "task.yaml") == spec
    assert [path.name for path in tmp_path.iterdir()] == ["task.yaml"]


def test_awkward_texts_survive_saving(tmp_path: Path) -> None:
    spec = load_task(written(tmp_path, SOUND)).model_copy(
        update={
            "goal": "1e-4",
            "notes": "on",
            "fitness_unit": "012",
            "aliases": ("null", "ä: # no comment", "trailing space \nsecond line", "'\"\t"),
            "success": "def success(episode):\n    return True  \n\n\n",
        }
    )
    save_task(spec, tmp_path / "task.yaml")
    assert load_task(tmp_path / "task.yaml") == spec


def test_code_is_saved_as_readable_lines(tmp_path: Path) -> None:
    save_task(load_task("hopper_hop_in_place"), tmp_path / "task.yaml")
    assert "success: |\n  def success(episode):\n      upright" in (tmp_path / "task.yaml").read_text("utf-8")


# ── judging ───────────────────────────────────────────────────────────────────────────────────────────────


def test_a_predicate_that_reads_no_field_of_the_environment_is_refused(tmp_path: Path) -> None:
    from reward_synth.simulators import get_simulator

    simulator = get_simulator("gym")
    env = simulator.make("Hopper-v5", {}, 200)
    table = simulator.fields(env)
    for entry in ("success", "fitness"):
        line = next(line for line in SOUND.splitlines() if line.startswith(f"{entry}:"))
        spec = load_task(written(tmp_path, SOUND.replace(line, f"{entry}: episode.x_positon[-1] > 1")))
        with pytest.raises(RewardSynthError) as caught:
            scoring_process(spec, table.layout()).close()
        assert f"'{entry}' of the task gym/my_task" in caught.value.message
        assert "x_positon" in caught.value.message
        assert "x_position" in caught.value.message + caught.value.hint
    spec = load_task(written(tmp_path, SOUND.replace("episode.seconds", "'episode.seconds +'")))
    with pytest.raises(RewardSynthError, match="'fitness' of the task"):
        scoring_process(spec, table.layout()).close()
    crash = "success: |\n  LIMIT = 1 / 0\n  def success(episode):\n      return True"
    spec = load_task(written(tmp_path, SOUND.replace("success: episode.length == episode.horizon", crash)))
    with pytest.raises(RewardSynthError, match="division by zero"):
        scoring_process(spec, table.layout()).close()
    env.close()


# ── the guide ─────────────────────────────────────────────────────────────────────────────────────────────


def test_the_guide_shows_the_shipped_tasks() -> None:
    table = markdown_table(list_tasks())
    text = DOCUMENT.read_text(encoding="utf-8")
    start, end = "<!-- tasks: generated -->\n", "<!-- tasks: end -->"
    shown = text.partition(start)[2].partition(end)[0]
    remedy = "from reward_synth.tasks.spec import list_tasks, markdown_table; print(markdown_table(list_tasks()))"
    assert shown.strip() == table.strip(), f"put the output of this between the marks: {remedy}"


def test_the_guide_explains_every_key() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    sections = {"environment", "training", "evaluation"}
    for name, field in TaskSpec.model_fields.items():
        inner = field.annotation.model_fields if name in sections else {"": None}  # type: ignore[union-attr]
        for leaf in inner:
            key = f"{name}.{leaf}" if leaf else name
            assert f"| `{key}` |" in text, key


def test_the_guide_s_example_is_a_sound_spec(tmp_path: Path) -> None:
    example = DOCUMENT.read_text(encoding="utf-8").partition("```yaml\n")[2].partition("```")[0]
    spec = load_task(written(tmp_path, example))
    from reward_synth.simulators import get_simulator

    simulator = get_simulator(spec.simulator)
    env = simulator.make(spec.environment.id, dict(spec.environment.arguments), spec.horizon)
    scoring_process(spec, simulator.fields(env).layout()).close()
    env.close()
