"""A file that trains: the same preset as ours, the same measure, and stable-baselines3 alone."""

from __future__ import annotations

import dataclasses
import importlib.util
import itertools
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from types import ModuleType
from typing import Any

import gymnasium
import numpy as np
import pytest
from stable_baselines3.common.vec_env import DummyVecEnv

from reward_synth.api.exported import recipe_of
from reward_synth.core.errors import RewardSynthError
from reward_synth.core.types import CheckReport
from reward_synth.evaluation.play import fields_of, play
from reward_synth.evaluation.scoring import score_episodes
from reward_synth.export.standalone import export
from reward_synth.simulators import open_environment
from reward_synth.tasks.spec import Environment, TaskSpec, Training, load_task
from reward_synth.training.job import TrainJob
from reward_synth.training.learners.ppo import LAST_RATE
from reward_synth.training.loop.normalisation import Normalised

REWARD = "def compute_reward(state, action, next_state):\n    return {'still': -0.01 * float(action[0])}\n"
_numbers = itertools.count()


def text_for(task: TaskSpec, source: str = REWARD, **changes: Any) -> str:
    nowhere = Path("nowhere")
    with closing(open_environment(task)) as environment:
        table = fields_of(task, environment)
        job = TrainJob.of(task, nowhere, CheckReport(), nowhere, seed=3).model_copy(update=changes)
        recipe = recipe_of(job, table, environment)
    named = task.environment
    return export(source, named.id, named.arguments, task.horizon, table.for_rewards(), recipe=recipe)


def module_of(text: str, folder: Path) -> ModuleType:
    file = folder / f"exported_{next(_numbers)}.py"
    file.write_text(text, encoding="utf-8")
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None and spec.loader is not None
    module = sys.modules[file.stem] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


CART = TaskSpec(
    name="gym/cart",
    goal="Stay up.",
    environment=Environment(id="CartPole-v1"),
    horizon=40,
    success="def most():\n    return 25\n\ndef success(episode):\n    return episode.length > most()\n",
    fitness="episode.seconds + float(np.sum(episode.action[:, 1])) + 10.0 * episode.terminated",
    fitness_unit="s",
    training=Training(preset="explore"),
)


@pytest.mark.parametrize("name", ["gym/reacher_reach", "gym/inverted_pendulum_balance", "gym/cart"])
def test_the_file_judges_as_the_task_does(name: str, tmp_path: Path) -> None:
    task = CART if name == CART.name else load_task(name).model_copy(update={"horizon": 40})
    module = module_of(text_for(task), tmp_path)
    with closing(open_environment(task)) as environment:
        table, space = fields_of(task, environment), environment.action_space
    discrete = not space.shape
    size = 2 if discrete else space.shape[0]
    weights = np.random.default_rng(0).normal(size=(100, size))

    def act(seen: np.ndarray) -> np.ndarray:
        drawn = np.tanh(seen @ weights[: seen.shape[1]])
        return np.eye(2, dtype=np.float32)[drawn.argmax(axis=1)] if discrete else drawn.astype(np.float32)

    seeds = range(50, 62)
    episodes = play(task, table, act, seeds)
    scores = score_episodes(task, table, episodes)
    choose = (lambda seen: act(seen).argmax(axis=1)) if discrete else act
    success, fitness = zip(*module.play(choose, seeds), strict=True)
    assert success == tuple(score.success for score in scores)
    assert fitness == pytest.approx([score.fitness for score in scores])
    assert len(set(fitness)) > 3


def test_its_hyperparameters_are_the_presets(tmp_path: Path) -> None:
    task = load_task("gym/half_cheetah_run_forward")
    text = text_for(task)
    assert "Centred(venv" in text, "nothing ends its episodes early"
    module = module_of(text, tmp_path)
    assert module.LEARNER["learning_rate"] == 0.002 and module.LEARNER["n_steps"] == 16
    assert module.LEARNER["policy_kwargs"]["net_arch"] == [64, 64]
    assert module.TRAINING == {"steps": 150_000, "environments": 64, "action_repeat": 1, "clip_obs": 10.0}
    assert "VecNormalize(venv" in text_for(load_task("gym/hopper_hop_forward"))


def test_rewards_are_normalised_as_in_our_training(tmp_path: Path) -> None:
    task = load_task("gym/half_cheetah_run_forward")
    module = module_of(text_for(task), tmp_path)
    theirs = module.Centred(Constant(), gamma=0.99, clip_obs=10.0)
    ours = Normalised(Constant(), centred=True, gamma=0.99, clip_obs=10.0)
    for venv in (theirs, ours):
        venv.reset()
    for _ in range(50):
        paid = [venv.step(np.zeros((3, 1)))[1] for venv in (theirs, ours)]
        np.testing.assert_allclose(paid[0], paid[1], rtol=1e-3, atol=1e-4)
    assert abs(paid[0]).max() < 5.0


class Constant(DummyVecEnv):
    """Environments that pay about 100 for anything."""

    def __init__(self) -> None:
        super().__init__([lambda: gymnasium.make("Pendulum-v1")] * 3)
        self.generator = np.random.default_rng(1)

    def step_wait(self) -> Any:
        observations, _, dones, infos = super().step_wait()
        return observations, (100.0 + self.generator.normal(size=3)).astype(np.float32), dones, infos


def test_a_training_that_settles_learns_as_slowly_at_its_end(tmp_path: Path) -> None:
    module = module_of(text_for(CART, steps=1000, settles_from=500), tmp_path)
    rate = module.LEARNER["learning_rate"]
    assert rate(1.0) == rate(0.6) == 0.0007
    assert rate(0.5) == pytest.approx(0.0007 * 0.55)
    assert rate(0.0) == pytest.approx(0.0007 * LAST_RATE)


def test_sac_holds_its_actions(tmp_path: Path) -> None:
    swing = CART.model_copy(
        update={
            "environment": Environment(id="Pendulum-v1"),
            "success": "episode.length == 40",
            "fitness": "episode.seconds",
            "training": Training(learner="tqc", preset="manipulate", steps=40_000),
        }
    )
    text = text_for(swing)
    assert "It is SAC" in text and "layer normalisation" in text
    module = module_of(text, tmp_path)
    assert module.LEARNER["learning_starts"] == 1000, "4,000 steps are 1,000 decisions"
    held = module.Held(module.make())
    held.reset(seed=1)
    _, reward, _, _, info = held.step(np.array([1.0], dtype=np.float32))
    assert reward == pytest.approx(4 * info["reward_terms"]["still"])
    module.LEARNER["learning_starts"] = 16
    assert module.train(160, 1)[2:] == (1.0, pytest.approx(2.0))


def test_a_field_that_no_file_can_read_is_named() -> None:
    task = CART.model_copy(update={"success": "episode.pole_angle[-1] > 0"})
    with closing(open_environment(task)) as environment:
        table = fields_of(task, environment)
        job = TrainJob.of(task, Path("x"), CheckReport(), Path("x"), seed=3)
        recipe = recipe_of(job, table, environment)
    unreadable = [dataclasses.replace(field, code="info['x']") for field in recipe.measured]
    with pytest.raises(RewardSynthError, match="pole_angle"):
        export(REWARD, "CartPole-v1", {}, 40, table, recipe=dataclasses.replace(recipe, measured=unreadable))


@pytest.mark.slow
def test_it_solves_a_task_without_this_package(tmp_path: Path) -> None:
    source = (
        "def compute_reward(state, action, next_state):\n"
        "    return {'upright': 1.0 - abs(next_state.pole_angle), 'middle': -0.1 * next_state.cart_position ** 2}\n"
    )
    (tmp_path / "reward_synth.py").write_text("raise ImportError('not here')\n")
    file = tmp_path / "training.py"
    file.write_text(text_for(load_task("gym/inverted_pendulum_balance"), source), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(file), "--steps", "30000", "--seed", "1"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].startswith("success 100.0% of 32 episodes, fitness 40 s"), done.stdout
    assert {path.name for path in (tmp_path / "trained").iterdir()} == {"policy.zip", "normalisation.pkl"}
