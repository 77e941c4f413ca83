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
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize

from reward_synth.api.exported import recipe_of, shown_by
from reward_synth.core.errors import RewardSynthError
from reward_synth.core.types import CheckReport, EvaluationPoint
from reward_synth.evaluation.play import field_table, fields_of, play
from reward_synth.evaluation.scoring import score_episodes
from reward_synth.export.standalone import export
from reward_synth.sandbox.process import RewardProcess
from reward_synth.screening.checker import RewardChecker
from reward_synth.simulators import open_environment
from reward_synth.tasks.spec import Environment, TaskSpec, Training, load_task, with_observes
from reward_synth.training.job import TrainJob
from reward_synth.training.learners.ppo import LAST_RATE
from reward_synth.training.learners.registry import open_learner
from reward_synth.training.loop.learning import make_environments
from reward_synth.training.loop.normalisation import Normalised
from reward_synth.training.outcomes import best_point, lost_again

REWARD = "def compute_reward(state, action, next_state):\n    return {'still': -0.01 * float(action[0])}\n"
_numbers = itertools.count()


def text_for(task: TaskSpec, source: str = REWARD, **changes: Any) -> str:
    nowhere = Path("nowhere")
    with closing(open_environment(task)) as environment:
        table = fields_of(task, environment)
        job = TrainJob.of(task, nowhere, CheckReport(), nowhere, seed=3).model_copy(update=changes)
        recipe = recipe_of(job, table, environment)
    named = task.environment
    shown = shown_by(task)
    return export(source, named.id, named.arguments, task.horizon, table.for_rewards(), recipe=recipe, shown=shown)


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


@pytest.mark.parametrize(
    ("name", "observes"),
    [
        ("gym/reacher_reach", ()),
        ("gym/inverted_pendulum_balance", ()),
        ("gym/cart", ()),
        ("gym/reacher_reach", ("start.fingertip_to_target", "clock", "fingertip_to_target_distance")),
        ("gym/cart", ("start.pole_angle", "clock")),
    ],
)
def test_the_file_judges_as_the_task_does(name: str, observes: tuple[str, ...], tmp_path: Path) -> None:
    task = CART if name == CART.name else load_task(name).model_copy(update={"horizon": 40})
    task = with_observes(task, observes)
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


def test_the_same_policy_is_kept_as_in_our_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = module_of(text_for(CART), tmp_path)
    venv = VecNormalize(DummyVecEnv([lambda: gymnasium.make("CartPole-v1")]))
    model, generator, kept = PPO("MlpPolicy", venv, device="cpu"), np.random.default_rng(3), set()
    bias = model.policy.action_net.bias.data
    for _ in range(40):
        watched = [episodes_of(generator, 4) for _ in range(4)]
        fresh = [episodes_of(generator, 32) for _ in watched]

        def replayed(choose: Any, seeds: range, watched: Any = watched, fresh: Any = fresh) -> list[tuple[bool, float]]:
            number = int(bias[0])
            assert venv.obs_rms.count == number, "the normalisation is that of the policy"
            found: list[tuple[bool, float]] = (watched if seeds.start == 20_000 else fresh)[number]
            assert len(found) == len(seeds)
            return found

        monkeypatch.setattr(module, "play", replayed)
        judge = module.Judge(venv, 4)
        judge.model = model
        for number in range(4):
            bias[0] = venv.obs_rms.count = number
            (judge._on_training_end if number == 3 else judge._judge)()
        points = [point_of(step, episodes) for step, episodes in enumerate(watched)]
        ours = best = best_point(points).step
        if not lost_again(points) or sums(fresh[best]) <= sums(fresh[3]):
            ours = 3
        assert (int(bias[0]), venv.obs_rms.count) == (ours, ours)
        kept.add((ours == 3, best == 3))
    assert kept == {(True, True), (True, False), (False, False)}


def episodes_of(generator: np.random.Generator, count: int) -> list[tuple[bool, float]]:
    """Success and fitness of episodes, which are now and then alike in all of a policy's episodes."""
    spread = generator.choice([0.0, 1.0])
    success = generator.random(count) < generator.choice([0.5, 1.0])
    return list(zip(success.tolist(), (generator.integers(3) + spread * generator.normal(size=count)), strict=True))


def sums(episodes: list[tuple[bool, float]]) -> tuple[int, float]:
    success, fitness = zip(*episodes, strict=True)
    return sum(success), sum(fitness)


def point_of(step: int, episodes: list[tuple[bool, float]]) -> EvaluationPoint:
    success, fitness = zip(*episodes, strict=True)
    return EvaluationPoint(
        step=step,
        success=float(np.mean(success)),
        success_any=1.0,
        fitness=float(np.mean(fitness)),
        episode_length=40.0,
        reward=0.0,
        fitness_deviation=float(np.std(fitness)),
        episodes=len(episodes),
    )


class Seen(BaseCallback):
    """Observations and rewards of a training, before they are normalised and after it, and its weights."""

    def __init__(self, *_: Any) -> None:
        super().__init__()
        self.steps: list[Any] = []
        self.weights: list[Any] = []

    def figures(self, *_: int) -> tuple[float, float, float]:
        return 0.0, 0.0, 0.0

    def _on_step(self) -> bool:
        venv = self.training_env
        paid = venv.normalize_reward(venv.old_reward)
        self.steps.append(np.hstack([venv.old_obs, venv.old_reward[:, None], paid[:, None]]))
        return True

    def _on_rollout_start(self) -> None:
        self.weights.append(np.concatenate([each.detach().numpy().ravel() for each in self.model.policy.parameters()]))


@pytest.mark.parametrize("name", ["gym/reacher_reach", "gym/hopper_hop_forward"])
def test_its_rollouts_and_updates_are_those_of_our_training(name: str, tmp_path: Path) -> None:
    source = "def compute_reward(state, action, next_state):\n    return {'still': 3.0 - float(action @ action)}\n"
    task = load_task(name).model_copy(update={"horizon": 12})
    report = RewardChecker.of(task).check(source)
    job = TrainJob.of(task, tmp_path, report, tmp_path, seed=3, steps=256)
    job = job.model_copy(
        update={"preset": job.preset.model_copy(update={"environments": 4, "n_steps": 16, "batch_size": 32})}
    )
    module = module_of(text_for(task, source, preset=job.preset, steps=256), tmp_path)
    theirs, ours = Seen(), Seen()
    module.Judge = lambda *_: theirs
    module.train(256, 3)
    table = field_table(task)
    read = table.subset(job.fields)
    with RewardProcess(source, read.layout(), action_size=len(table.actions), terms=job.terms) as reward:
        venv = make_environments(job, read, reward)
        open_learner(job, venv).model.learn(256, callback=ours)
        venv.close()
    assert len(ours.steps) == len(theirs.steps) == 64 and len(ours.weights) == 4
    np.testing.assert_allclose(ours.steps, theirs.steps, atol=1e-3)
    np.testing.assert_allclose(ours.weights, theirs.weights, atol=1e-4)
    assert abs(ours.weights[-1] - ours.weights[0]).max() > 1e-3


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
