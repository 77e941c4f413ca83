"""A drafted task for a body without shipped tasks: presets race once, and the winner is frozen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from reward_synth import synthesize
from reward_synth.llm.fake import ScriptedModel
from reward_synth.search.preset_race import PRESETS
from reward_synth.tasks.spec import Training, load_task, save_own_task
from reward_synth.training.outcomes import RungEnd
from reward_synth.training.presets import DEFAULT_PRESETS
from tests.search.test_loop import EDITED, GOAL, GOOD, Answer, model, play, settings

__all__ = ["model"]


def drafted(tmp_path: Path, **training: object) -> str:
    spec = load_task("gym/inverted_pendulum_balance")
    path = tmp_path / "drafted.yaml"
    changes = {"drafted": True, "training": Training.model_validate({"steps": 20_000, **training})}
    save_own_task(spec.model_copy(update=changes), path)
    return str(path)


def test_presets_race_once_and_the_winner_trains_on(tmp_path: Path, model: Callable[[Answer], ScriptedModel]) -> None:
    assert PRESETS[0] == DEFAULT_PRESETS["ppo"], "a tie goes to the default"
    model(lambda request: play(request, [GOOD, EDITED]))
    run = synthesize(GOAL, **settings(tmp_path, task=drafted(tmp_path), steps=20_000))
    preset = run.task.training.preset
    assert preset in PRESETS and f"preset {preset} won a race over 20% of the steps" in run.task.source
    raced = {path.name: RungEnd.read(path) for path in (run.path / "presets").iterdir()}
    assert set(raced) == set(PRESETS) and all(end is not None and end.steps >= 4000 for end in raced.values())
    # The winner's training is the first candidate's own: it did not begin anew.
    won, first = raced[str(preset)], run.results("001-a")[0]
    assert won is not None and first.evaluations[: len(won.evaluations)] == won.evaluations
    said = (run.path / "log.txt").read_text()
    assert said.count("won a race") == 1
    assert run.resume(iterations=1).task.training.preset == preset
    assert (run.path / "log.txt").read_text().count("won a race") == 1


def test_a_preset_that_somebody_chose_is_not_raced(tmp_path: Path, model: Callable[[Answer], ScriptedModel]) -> None:
    model(lambda request: play(request, [GOOD, EDITED]))
    run = synthesize(GOAL, **settings(tmp_path, task=drafted(tmp_path, preset="steady")))
    assert run.task.training.preset == "steady" and not (run.path / "presets").exists()
