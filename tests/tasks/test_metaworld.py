"""What is particular about the tasks on MetaWorld, and about goals that no task of it says."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("metaworld", reason="needs: pip install 'reward-synth[metaworld]'")

from reward_synth.core.errors import RewardSynthError
from reward_synth.display import make_display
from reward_synth.evaluation.scoring import measured_table, score_episodes
from reward_synth.export.standalone import export
from reward_synth.llm.base import Request
from reward_synth.llm.fake import ScriptedModel
from reward_synth.preparation.settle import draft_task
from reward_synth.roles.prompts import Prompts
from reward_synth.roles.task_drafter import TaskDrafter
from reward_synth.settings.model import Settings
from reward_synth.simulators import environments, get_simulator
from reward_synth.simulators.metaworld.tasks import TASKS
from reward_synth.state.episode import Episode
from reward_synth.state.recorder import StateRecorder
from reward_synth.store import RunStore
from tests.tasks.demonstrations import SPECS, expert_episode, table_of
from tests.tasks.extra_cases import OPEN


def test_success_at_the_end_and_at_any_step_are_told_apart() -> None:
    """Pressed beyond the target to its stop, a handle has been where it should be, and is not any more."""
    spec = SPECS["metaworld/handle_press"]
    table = measured_table(spec, table_of(spec.name))
    press = np.array([0.0, 0.0, -1.0, 1.0], dtype=np.float32)
    episode = expert_episode(spec, seed=1)
    assert episode is not None
    env = StateRecorder(get_simulator("metaworld").make("handle-press-v3", {}, 200), table)
    rows = [env.reset(seed=1)[1]["next_state"]]
    actions = [*episode.actions, *[press] * (200 - episode.length)]
    rows += [env.step(action.astype(np.float32))[4]["next_state"] for action in actions]
    pressed = Episode(table.layout(), np.stack(rows), np.stack(actions), 0.0125, 200, 1, False)
    (verdict,) = score_episodes(spec, table, [pressed])
    assert (verdict.success, verdict.success_any) == (False, True)


def test_an_export_says_what_to_use_instead() -> None:
    with pytest.raises(RewardSynthError, match="drawer-open-v3") as caught:
        export(OPEN, "drawer-open-v3", {}, 200, table_of("metaworld/drawer_open").for_rewards())
    assert 'RewardWrapper(env, FILE, simulator="metaworld")' in caught.value.hint


def test_a_small_model_chooses_among_what_the_goal_names() -> None:
    offered: list[str] = []

    def choose(request: Request) -> str:
        offered[:] = re.findall(r"[\w-]+-v\d", request.messages[0].content)
        return offered[0]

    reader = TaskDrafter(ScriptedModel(choose, small=True), Prompts())
    reader.choose_environment("slide the drawer shut", environments())
    assert set(offered) == {name for name in TASKS if "drawer" in name or "slide" in name}
    reader.choose_environment("make the hopper hop", environments())
    assert set(offered) == {"Hopper-v5"}


def test_a_goal_of_ones_own_is_drafted_for_a_metaworld_environment(tmp_path: Path) -> None:
    answer = json.dumps(
        {
            "success": "episode.mug_position[:, 1] < episode.mug_start_position[:, 1] - 0.1",
            "fitness": "float(episode.mug_start_position[0, 1] - episode.mug_position[-1, 1])",
            "fitness_unit": "m towards the robot",
            "explanation": "The mug was pulled.",
        }
    )
    model = ScriptedModel(lambda _: answer)
    goal = "pull the mug towards the robot"
    settings = Settings(env="coffee-pull-v3", yes=True, runs_dir=tmp_path)
    store = RunStore.create(tmp_path, goal, settings)
    task = draft_task(goal, settings, TaskDrafter(model, Prompts()), store, make_display("none"), None)
    assert (task.simulator, task.environment.id, task.horizon) == ("metaworld", "coffee-pull-v3", 200)
    assert task.name == "metaworld/pull_the_mug_towards_the_robot" and task.drafted
    prompt = model.requests[0].messages[-1].content
    assert "mug_start_position" in prompt and "task_success: float" in prompt, (
        "measures may build on upstream's success"
    )
