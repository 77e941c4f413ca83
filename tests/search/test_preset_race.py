"""A drafted task for a body without shipped tasks: presets race once, and the winner is frozen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from reward_synth import synthesize
from reward_synth.cli.cost import _training_cost
from reward_synth.core.types import TrainResult
from reward_synth.llm.fake import ScriptedModel
from reward_synth.search.preset_race import PRESETS, _winner, raced, racing, solver
from reward_synth.tasks.spec import Training, list_tasks, load_task, save_own_task
from reward_synth.training.outcomes import RungEnd
from reward_synth.training.presets import DEFAULT_PRESETS
from tests.search.test_loop import EDITED, GOAL, GOOD, Answer, model, play, settings
from tests.training.test_results import point

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
    assert preset in PRESETS and "in a race over 20% of the steps" in run.task.source
    raced = {path.name: RungEnd.read(path) for path in (run.path / "presets").iterdir()}
    assert set(raced) == set(PRESETS) and all(end is not None and end.steps >= 4000 for end in raced.values())
    # The winner's training is the first candidate's own: it did not begin anew.
    won, first = raced[str(preset)], run.results("001-a")[0]
    assert won is not None and first.evaluations[: len(won.evaluations)] == won.evaluations
    said = (run.path / "log.txt").read_text()
    assert said.count("in a race over") == 1
    assert run.resume(iterations=1).task.training.preset == preset
    assert (run.path / "log.txt").read_text().count("in a race over") == 1
    # Three presets for a fifth of the steps each, of which the winner's are the candidate's own.
    raced_steps = sum(end.steps for name, end in raced.items() if end is not None and name != preset)
    assert _training_cost(run)["steps"] == raced_steps + sum(each.steps for each in run.candidates)


def test_a_candidate_that_succeeds_in_the_race_trains_before_the_others(
    tmp_path: Path, model: Callable[[Answer], ScriptedModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    model(lambda request: play(request, [GOOD, EDITED]))
    run = synthesize(GOAL, **settings(tmp_path, task=drafted(tmp_path), steps=20_000))
    folder = run.store.preset_dir(str(run.task.training.preset))
    end = RungEnd.read(folder)
    assert end is not None
    session = SimpleNamespace(store=run.store, task=run.task)
    for success, found in ((0.5, None), (1.0, "001-a")):
        last = end.evaluations[-1].model_copy(update={"success": success})
        end.model_copy(update={"evaluations": (*end.evaluations[:-1], last)}).write(folder)
        assert solver(session) == found  # type: ignore[arg-type]
    assert raced(session) == {"001-a": end.steps}  # type: ignore[arg-type]
    (folder / "job.json").unlink()
    assert solver(session) is None and raced(session) == {}  # type: ignore[arg-type]


def ended(success: float, fitness: float, deviation: float = 0.5, status: str = "paused") -> TrainResult:
    values = {"status": status, "seed": 0, "steps": 4000, "seconds": 1.0, "cpu_seconds": 1.0}
    return TrainResult.model_validate(values | {"evaluations": (point(4000, success, fitness, deviation),)})


@pytest.mark.parametrize(
    ("results", "chosen"),
    [
        ([ended(0.0, 1.0), ended(0.0, 1.4), ended(0.0, 1.2)], "balance"),
        ([ended(0.0, 1.0), ended(0.0, 1.6), ended(0.0, 1.2)], "steady"),
        ([ended(0.0, 9.0), ended(0.0, 1.6), ended(0.25, 1.0)], "patient"),
        ([ended(1.0, 9.0, status="crashed"), ended(0.0, 1.0), ended(0.0, 1.1)], "patient"),
        ([ended(1.0, 9.0, status="crashed")] * 3, None),
    ],
    ids=["within-noise", "clearly-fitter", "succeeds-more", "the-default-crashed", "all-crashed"],
)
def test_a_preset_wins_if_it_is_clearly_better_than_the_default(results: list[TrainResult], chosen: str | None) -> None:
    found, reason = _winner(dict(zip(PRESETS, results, strict=True)))
    assert found == chosen and reason.startswith("preset " if chosen else "no preset")


def test_a_preset_that_somebody_chose_is_not_raced(tmp_path: Path, model: Callable[[Answer], ScriptedModel]) -> None:
    model(lambda request: play(request, [GOOD, EDITED]))
    run = synthesize(GOAL, **settings(tmp_path, task=drafted(tmp_path, preset="steady")))
    assert run.task.training.preset == "steady" and not (run.path / "presets").exists()


@pytest.mark.parametrize(
    ("task", "further"),
    [("gym/hopper_hop_backward", ()), ("gym/reacher_reach", ("reach",)), ("gym/ant_lie_down", ())],
)
def test_a_preset_that_a_shipped_task_has_for_the_robot_races_as_well(task: str, further: tuple[str, ...]) -> None:
    assert racing(load_task(task), list_tasks()) == (*PRESETS, *further)
