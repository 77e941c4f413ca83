"""A goal without a spec: the draft is tried on episodes that are known, and a doubtful one never passes unseen."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from reward_synth.core.errors import RewardSynthError
from reward_synth.core.names import LearnerName
from reward_synth.evaluation.play import field_table
from reward_synth.events.model import Event, StatusChanged, Warned
from reward_synth.llm.fake import ScriptedModel
from reward_synth.preparation.measure_trial import KnownEpisodes
from reward_synth.preparation.settle import draft_task
from reward_synth.roles.prompts import Prompts
from reward_synth.roles.task_drafter import TaskDrafter
from reward_synth.settings.model import Settings
from reward_synth.store import RunStore
from reward_synth.tasks.spec import TaskSpec, load_task, save_own_task, with_observes

GOAL = "let the cheetah stand on its head"
SOUND = ("bool(np.mean(episode.x_velocity) > 2.0)", "float(np.mean(episode.x_velocity))")
AT_REST = ("bool(np.max(np.abs(episode.x_velocity)) < 0.5)", SOUND[1])
OFTEN = ("bool(np.max(episode.x_velocity) > 1.0)", SOUND[1])
OPPOSITE = ("bool(np.max(episode.x_velocity) > 1.7)", "-float(np.max(episode.x_velocity))")
ALWAYS = ("bool(episode.length > 1)", SOUND[1])
FLAT = (SOUND[0], "float(episode.horizon)")
BROKEN = ("episode.no_such_field > 1", SOUND[1])


def answer(measures: tuple[str, str]) -> str:
    success, fitness = measures
    return json.dumps({"success": success, "fitness": fitness, "fitness_unit": "m/s", "explanation": "At over 2 m/s."})


def settled(
    tmp_path: Path,
    drafts: Sequence[tuple[str, str]],
    *,
    yes: bool = True,
    confirm: Callable[[TaskSpec], bool] | None = None,
    said: list[Event] | None = None,
    learner: LearnerName | None = None,
) -> tuple[TaskSpec, ScriptedModel]:
    settings = Settings(env="HalfCheetah-v5", yes=yes, learner=learner)
    store = RunStore.create(tmp_path, GOAL, settings, None, "", {})
    model = ScriptedModel([answer(each) for each in drafts])
    heard = said if said is not None else []
    return draft_task(GOAL, settings, TaskDrafter(model, Prompts()), store, heard.append, confirm), model


def test_another_learner_than_ppo_gets_no_budget_by_joints(tmp_path: Path) -> None:
    task, _ = settled(tmp_path, [SOUND, SOUND], learner="sac")
    assert task.training.steps == 300_000


def test_a_sound_draft_is_taken_with_its_words_and_the_learner_of_its_body(tmp_path: Path) -> None:
    said: list[Event] = []
    task, model = settled(tmp_path, [SOUND, SOUND], said=said)
    assert (task.success, task.fitness) == SOUND
    assert task.notes == "At over 2 m/s." and task.drafted
    assert (task.training.preset, task.training.steps, task.horizon) == ("steady", 600_000, 1000)
    texts = [event.text for event in said if isinstance(event, StatusChanged)]
    assert any("steady" in text and "3 of 3 shipped tasks of HalfCheetah-v5" in text for text in texts)
    assert any(SOUND[0] in text for text in texts), "nobody is to search for its predicate in a file"
    assert not [event for event in said if isinstance(event, Warned)]
    assert len(model.requests) == 2, "a draft and a second opinion"


def test_a_measure_of_several_lines_keeps_them(tmp_path: Path) -> None:
    code = "def success(episode):\n    v = episode.x_velocity  # m/s\n    return bool(np.mean(v) > 2.0)\n"
    said: list[Event] = []
    settled(tmp_path, [(code, SOUND[1])] * 2, said=said)
    texts = [event.text for event in said if isinstance(event, StatusChanged)]
    assert "success:\n    " + code.strip().replace("\n", "\n    ") in texts


def test_the_drafting_model_reads_what_was_seen(tmp_path: Path) -> None:
    _, model = settled(tmp_path, [SOUND, SOUND])
    prompt = model.requests[0].messages[0].text
    assert "- torso_height: starts at " in prompt and "aimless" in prompt
    assert "Its observation leaves out `x_position`" in prompt


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (AT_REST, "doing nothing"),
        (OFTEN, "aimless episodes"),
        (OPPOSITE, "higher fitness in"),
        (ALWAYS, "all"),
        (FLAT, "fitness is 1000"),
        (BROKEN, "no_such_field"),
    ],
    ids=["at-rest", "often", "opposite", "always", "flat", "broken"],
)
def test_a_wrong_draft_goes_back_to_the_model(tmp_path: Path, wrong: tuple[str, str], told: str) -> None:
    task, model = settled(tmp_path, [wrong, SOUND, SOUND])
    assert (task.success, task.fitness) == SOUND
    assert told in model.requests[1].messages[-1].text


def test_a_draft_that_stays_doubtful_is_refused_and_nothing_is_trained(tmp_path: Path) -> None:
    with pytest.raises(RewardSynthError, match="doubtful: success is true in") as caught:
        settled(tmp_path, [OFTEN] * 3)
    draft = next(tmp_path.glob("*/task.draft.yaml"))
    assert str(draft) in caught.value.hint and "x_velocity" in draft.read_text(encoding="utf-8")


def test_a_person_may_take_a_doubtful_draft_but_reads_the_doubt(tmp_path: Path) -> None:
    said: list[Event] = []
    task, _ = settled(tmp_path, [OFTEN] * 3, yes=False, confirm=lambda task: True, said=said)
    assert task.success == OFTEN[0]
    assert any("aimless episodes" in event.text for event in said if isinstance(event, Warned))


@pytest.mark.parametrize(("named", "taken"), [(300, 300), (5, 20), (9999, 1000), (None, 1000)])
def test_the_model_may_shorten_the_episode(tmp_path: Path, named: int | None, taken: int) -> None:
    drafted = json.loads(answer(SOUND)) | ({"horizon": named} if named else {})
    settings = Settings(env="HalfCheetah-v5", yes=True)
    store = RunStore.create(tmp_path, GOAL, settings, None, "", {})
    model = ScriptedModel(lambda request: json.dumps(drafted))
    task = draft_task(GOAL, settings, TaskDrafter(model, Prompts()), store, lambda event: None, None)
    assert task.horizon == taken


def test_a_draft_says_what_policies_must_see_and_everybody_reads_it(tmp_path: Path) -> None:
    named = [json.loads(answer(SOUND)) | {"observes": each} for each in (["clok"], ["clock", "start.x_position"], [])]
    settings = Settings(env="HalfCheetah-v5", yes=True)
    store = RunStore.create(tmp_path, GOAL, settings, None, "", {})
    model, said = ScriptedModel([json.dumps(each) for each in named]), []  # type: ignore[var-annotated]
    task = draft_task(GOAL, settings, TaskDrafter(model, Prompts()), store, said.append, None)
    assert "a policy cannot be shown `clok`" in model.requests[1].messages[-1].text
    assert task.environment.observes == ("clock", "start.x_position")
    assert "policies also see: clock, start.x_position" in [getattr(event, "text", "") for event in said]
    save_own_task(task, tmp_path / "own.yaml")
    assert load_task(tmp_path / "own.yaml") == task


BACKWARD = ("bool(np.mean(episode.x_velocity) < -2.0)", "-float(np.mean(episode.x_velocity))")


def test_drafts_that_contradict_each_other_are_put_before_the_person(tmp_path: Path) -> None:
    with pytest.raises(RewardSynthError, match="the other way round"):
        settled(tmp_path, [SOUND, BACKWARD])
    said: list[Event] = []
    task, _ = settled(tmp_path, [SOUND, BACKWARD], yes=False, confirm=lambda task: True, said=said)
    assert task.success == SOUND[0]
    assert any("the other way round" in event.text for event in said if isinstance(event, Warned))


@pytest.mark.parametrize("second", [[answer(BROKEN)] * 3, ["I would rather not say."] * 3], ids=["broken", "silent"])
def test_without_a_second_opinion_a_draft_is_doubtful(tmp_path: Path, second: list[str]) -> None:
    settings = Settings(env="HalfCheetah-v5", yes=True)
    store = RunStore.create(tmp_path, GOAL, settings, None, "", {})
    model = ScriptedModel([answer(SOUND), *second])
    with pytest.raises(RewardSynthError, match="doubtful"):
        draft_task(GOAL, settings, TaskDrafter(model, Prompts()), store, lambda event: None, None)
    assert len(model.requests) == 4


def test_the_second_opinion_is_kept_with_its_own_words_and_both_know_who_learns(tmp_path: Path) -> None:
    settings = Settings(env="HalfCheetah-v5", yes=True)
    store = RunStore.create(tmp_path, GOAL, settings, None, "", {})
    drafts = [json.loads(answer(SOUND)) | {"explanation": words} for words in ("It is fast.", "It is quick.")]
    model = ScriptedModel([json.dumps(draft) for draft in drafts])
    task = draft_task(GOAL, settings, TaskDrafter(model, Prompts()), store, lambda event: None, None)
    assert (task.notes, load_task(store.second_opinion_path).notes) == ("It is fast.", "It is quick.")
    assert all("by PPO for" in request.messages[0].content for request in model.requests)


def test_a_second_opinion_may_be_mended_too(tmp_path: Path) -> None:
    task, model = settled(tmp_path, [SOUND, BROKEN, SOUND])
    assert task.success == SOUND[0] and len(model.requests) == 3


def test_a_draft_that_cannot_run_is_nobodys_to_accept(tmp_path: Path) -> None:
    with pytest.raises(RewardSynthError, match="not usable"):
        settled(tmp_path, [BROKEN] * 3, yes=False, confirm=lambda task: True)


def test_without_anybody_there_a_draft_waits_in_a_file(tmp_path: Path) -> None:
    with pytest.raises(RewardSynthError, match="nobody accepted"):
        settled(tmp_path, [SOUND, SOUND], yes=False)
    assert next(tmp_path.glob("*/task.draft.yaml")).exists()


BACKWARDS = "   x_velocity should be negative: backwards.\n   So: x_velocity less than -2.0 m/s on average\n"
LEVEL = "   torso_pitch should be near 0: it stays level.\n   So: torso_pitch near 0 rad at some moment\n"


def filled_in(tmp_path: Path, forms: Sequence[str]) -> TaskSpec:
    settings = Settings(env="HalfCheetah-v5", yes=True)
    store = RunStore.create(tmp_path, GOAL, settings, None, "", {})
    model = ScriptedModel(list(forms), small=True)
    return draft_task(GOAL, settings, TaskDrafter(model, Prompts()), store, lambda event: None, None)


def test_a_small_model_fills_in_forms_and_most_of_them_decide(tmp_path: Path) -> None:
    chance = BACKWARDS.replace("less than -2.0 m/s on average", "less than -0.1 m/s at some moment")
    task = filled_in(tmp_path, [chance, BACKWARDS, BACKWARDS, LEVEL])
    assert task.success == "bool(np.mean(episode.x_velocity) < -2.0)"
    assert task.fitness == "float(-np.mean(episode.x_velocity))" and task.fitness_unit == "m/s"
    assert task.notes == "Success: x_velocity is less than -2.0 m/s on average."
    (reward,) = tmp_path.glob("*/form_reward.py")
    assert "- next_state.x_velocity) / " in reward.read_text()


def test_a_small_model_that_does_not_mean_the_same_each_time_trains_nothing(tmp_path: Path) -> None:
    with pytest.raises(RewardSynthError, match="do not mean the same: x_velocity"):
        filled_in(tmp_path, [BACKWARDS, BACKWARDS, LEVEL, LEVEL])
    with pytest.raises(RewardSynthError, match="doubtful: success is true"):
        filled_in(tmp_path, [LEVEL] * 4)


@pytest.mark.parametrize(
    ("fitness", "observes", "found"),
    [
        ("-float(episode.fingertip_to_target_distance[-1] / episode.fingertip_to_target_distance[0])", (), True),
        ("-float(episode.fingertip_to_target_distance[-1])", (), False),
        (
            "-float(episode.fingertip_to_target_distance[-1] / episode.fingertip_to_target_distance[0])",
            ("start.fingertip_to_target_distance",),
            False,
        ),
        # Where it starts differs, and hardly matters beside how far it goes.
        ("float(episode.shoulder_angular_velocity[-1] - episode.shoulder_angular_velocity[0])", (), False),
    ],
)
def test_a_measure_that_compares_with_a_start_needs_a_policy_that_sees_it(
    fitness: str, observes: tuple[str, ...], found: bool
) -> None:
    task = load_task("gym/reacher_reach").model_copy(update={"fitness": fitness, "success": "False"})
    task = with_observes(task, observes)
    findings = list(KnownEpisodes(task, field_table(task)).unseen_start(task))
    assert [finding.id for finding in findings] == ["probe/unseen-start"] * found
    assert all("`fingertip_to_target_distance`" in finding.message for finding in findings)


def test_a_start_that_decides_success_goes_back_to_the_model_once(tmp_path: Path) -> None:
    halved = (
        "bool(episode.fingertip_to_target_distance[-1] < 0.1 * episode.fingertip_to_target_distance[0])",
        "-float(episode.fingertip_to_target_distance[-1] / episode.fingertip_to_target_distance[0])",
    )
    model = ScriptedModel([answer(halved)] * 4)
    settings = Settings(env="Reacher-v5", yes=True)
    store = RunStore.create(tmp_path, GOAL, settings, None, "", {})
    task = draft_task(GOAL, settings, TaskDrafter(model, Prompts()), store, lambda event: None, None)
    assert "it matters how `fingertip_to_target_distance` began" in model.requests[1].messages[-1].text
    assert task.environment.observes == (), "the model meant it"
