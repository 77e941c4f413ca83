"""What is particular about the tasks on ManiSkill."""

from __future__ import annotations

import pytest

pytest.importorskip("mani_skill", reason="needs: pip install 'reward-synth[maniskill]'")

from reward_synth.evaluation.play import play
from reward_synth.evaluation.scoring import measured_table, score_episodes
from reward_synth.state.episode import Episode
from tests.tasks.demonstrations import SPECS, at_rest, table_of


def test_fitness_tells_how_upright_the_peg_is() -> None:
    """There is no expert for it: the rows of an episode are written by hand."""
    spec = SPECS["maniskill/lift_peg_upright"]
    table = measured_table(spec, table_of(spec.name))
    columns = table.columns()
    (episode,) = play(spec, table, at_rest(table), (1,))
    found = []
    for uprightness, height in ((0.0, 0.025), (0.7, 0.1), (1.0, 0.2), (1.0, 0.12)):
        rows = episode.rows.copy()
        rows[-1, columns["peg_uprightness"]] = uprightness
        rows[-1, columns["peg_position"].start + 2] = height
        found.append(Episode(table.layout(), rows, episode.actions, 0.05, 50, 1, False))
    fitness = [verdict.fitness for verdict in score_episodes(spec, table, found)]
    assert fitness == sorted(fitness) and len(set(fitness)) == 4
