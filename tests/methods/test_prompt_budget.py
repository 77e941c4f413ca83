"""What a designer's first prompt may cost: it is paid in every one of a search's calls."""

from __future__ import annotations

import pytest

from reward_synth.evaluation.play import field_table
from reward_synth.llm.fake import ScriptedModel
from reward_synth.methods.briefing import first_brief
from reward_synth.roles.designer import Designer
from reward_synth.roles.prompts import Prompts
from reward_synth.settings.model import Settings
from reward_synth.tasks.spec import load_task

CHARACTERS_PER_TOKEN = 4
"""About so many in English text and Python."""
ANSWER = "```python\ndef compute_reward(state, action, next_state):\n    return {'a': 1.0}\n```"


# docs/guide/models.md states these.
@pytest.mark.parametrize(
    ("name", "tokens"),
    [("gym/ant_walk_forward", 2800), ("gym/half_cheetah_run_forward", 2700), ("gym/hopper_hop_forward", 2350)],
)
def test_the_first_prompt_keeps_its_budget(name: str, tokens: int) -> None:
    task = load_task(name)
    brief = first_brief(task, task.goal, field_table(task), 0.05, Settings(), small=False)
    model = ScriptedModel([ANSWER])
    Designer(model, Prompts()).design(brief, 1, 1)
    characters = sum(len(message.text) for message in model.requests[0].messages)
    assert characters / CHARACTERS_PER_TOKEN <= tokens
