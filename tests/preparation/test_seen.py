"""What those who write measures and rewards read of the numbers of an environment."""

from __future__ import annotations

import pytest

from reward_synth.evaluation.play import field_table
from reward_synth.preparation.preflight import preflight
from reward_synth.preparation.seen import what_was_seen
from reward_synth.screening.reference_episodes import record_reference_episodes
from reward_synth.tasks.spec import TaskSpec, load_task


def of(name: str, **changes: object) -> TaskSpec:
    return load_task(name).model_copy(update={"horizon": 20, **changes})


def test_designers_read_the_numbers_of_what_the_task_measures() -> None:
    spec = of("gym/hopper_hop_forward", fitness="float(np.mean(episode.foot_contact_force))")
    assert "- foot_contact_force: starts at " in preflight(spec, sandbox=False).seen
    assert "foot_contact_force" not in preflight(of("gym/hopper_hop_forward"), sandbox=False).seen


@pytest.mark.parametrize(("name", "told"), [("gym/hopper_hop_forward", True), ("gym/reacher_reach", False)])
def test_how_high_the_parts_of_a_body_are_is_told_unless_it_lies_in_a_plane(name: str, told: bool) -> None:
    spec = of(name)
    table = field_table(spec)
    text = what_was_seen(table, record_reference_episodes(spec, table).aimless)
    assert text.count("heights at the start") == told
    if told:
        (line,) = (each for each in text.splitlines() if "heights at the start" in each)
        assert "torso 1.25" in line and "thigh 1.05" in line, "the body as its model has it"
