"""A reward that is taken home pays what the learner was paid, transition by transition."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import gymnasium
import numpy as np
import pytest

from reward_synth import RewardWrapper, Run, check_reward, load_reward, synthesize, train_reward
from reward_synth.core.errors import RewardSynthError
from reward_synth.core.names import ScaleName
from reward_synth.display import Display, make_display
from reward_synth.evaluation.play import field_table
from reward_synth.evaluation.scoring import measured_table, scoring_process
from reward_synth.llm.base import Model, Request
from reward_synth.llm.fake import ScriptedModel
from reward_synth.reward.scale import TOTALS, file_header, recorded_scale, with_recorded_scale
from reward_synth.sandbox.process import RewardProcess
from reward_synth.tasks.spec import load_task
from reward_synth.training.job import TrainJob
from reward_synth.training.loop import learning
from reward_synth.training.loop.rollout import GeneratedReward
from reward_synth.training.scale import SignScale

TASK = "gym/inverted_pendulum_balance"
REWARD = '''import numpy as np


def compute_reward(state, action, next_state):
    """Keep the pole up."""
    return {
        "sparse_upright": 3.0 if abs(next_state.pole_angle) < 0.05 else 0.0,
        "closer": 20.0 * (abs(state.pole_angle) - abs(next_state.pole_angle)),
        "still": -0.01 * abs(next_state.cart_velocity),
        "sparse_fast": -5.0 if abs(next_state.cart_velocity) > 0.8 else 0.0,
    }
'''
SIGNS = {1.1, 1.0, 0.9, 0.1, 0.0, -0.1, -0.9, -1.0, -1.1}


def answer(request: Request) -> str:
    return (
        '{"causes": [], "suggestions": [], "keep": []}' if request.role == "analyzer" else f"```python\n{REWARD}```\n"
    )


class Step(NamedTuple):
    """What one of a learner's environments was asked to do, and what the learner was paid for it."""

    action: np.ndarray
    reward: float
    done: bool


def searched(scale: ScaleName, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A whole search with one reward and one short training."""

    def opened(name: str, **_: object) -> Model:
        return ScriptedModel(answer)

    monkeypatch.setattr("reward_synth.search.models.open_model", opened)
    monkeypatch.setattr("reward_synth.llm.open_model", opened)
    limits = {"iterations": 1, "samples": 1, "steps": 2000, "critic": False}
    return synthesize(
        "balance the pole", task=TASK, model="scripted", runs_dir=folder, display="none", scale=scale, **limits
    )


def trained_again(job: TrainJob, folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[list[Step]]:
    """The same training in this process, so that what the learner is paid can be written down, by environment."""
    paid: list[list[Step]] = [[] for _ in range(job.preset.environments)]

    class Recording(GeneratedReward):
        def step_async(self, actions: Any) -> None:
            self.asked = actions.copy()
            super().step_async(actions)

        def step_wait(self) -> Any:
            result = super().step_wait()
            for steps, action, reward, done in zip(paid, self.asked, result[1], result[2], strict=True):
                steps.append(Step(action, float(reward), bool(done)))
            return result

    monkeypatch.setattr(learning, "GeneratedReward", Recording)
    table = field_table(job.task)
    read, measured = table.subset(job.fields), measured_table(job.task, table)
    again = job.model_copy(update={"folder": folder, "trajectories": folder / "trajectories"})
    folder.mkdir()
    with (
        scoring_process(job.task, measured.layout()) as verdict,
        RewardProcess(job.reward.read_text(), read.layout(), len(table.actions), job.terms) as reward,
    ):
        learning.learn(again, read, measured, reward, verdict)
    return paid


def module_of(text: str, folder: Path) -> ModuleType:
    path = folder / "exported.py"
    path.write_text(text, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("exported", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def replayed(
    env: gymnasium.Env[Any, Any], seed: int, paid: list[list[Step]]
) -> tuple[list[float], list[dict[str, float]]]:
    """Rewards and terms of the same steps in an environment of one's own."""
    rewards, terms = [], []
    for index, steps in enumerate(paid):
        env.reset(seed=seed + index)
        for step in steps:
            _, reward, terminated, truncated, info = env.step(step.action)
            rewards.append(float(reward))
            terms.append(info["reward_terms"])
            assert (terminated or truncated) == step.done
            if step.done:
                env.reset()
    return rewards, terms


@pytest.mark.slow
@pytest.mark.parametrize("scale", ["sum", "sign"])
def test_all_that_is_taken_home_pays_as_the_learner_was_paid(
    scale: ScaleName, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = searched(scale, tmp_path / "runs", monkeypatch)
    assert run.best is not None and run.task.training.scale == scale
    job = TrainJob.model_validate_json(
        (run.path / "candidates" / run.best.id / "train" / "seed-0" / "job.json").read_text()
    )
    assert job.preset.action_repeat == 1
    steps = trained_again(job, tmp_path / "again", monkeypatch)
    paid = [step.reward for each in steps for step in each]
    assert len(paid) >= 2000 and any(step.done for each in steps for step in each)

    exported = module_of(run.export(), tmp_path)
    wrapped = RewardWrapper(gymnasium.make("InvertedPendulum-v5", max_episode_steps=run.task.horizon), run.reward_path)
    loaded = load_reward(run.reward_path)
    for env in (exported.make(), wrapped):
        rewards, terms = replayed(env, job.seed, steps)
        np.testing.assert_allclose(rewards, paid, rtol=1e-6, atol=1e-6)
        np.testing.assert_allclose([loaded.total(each) for each in terms], paid, rtol=1e-6, atol=1e-6)
    if scale == "sign":
        assert {round(reward, 6) for reward in rewards} <= SIGNS and len(set(rewards)) > 2
        assert "np.sign" in run.export()
    else:
        assert rewards == [sum(each.values()) for each in terms]
        assert "np.sign" not in run.export()

    # The best reward's file says it; the candidate's own holds the exact bytes that ran.
    text = run.reward_path.read_text()
    assert (
        (run.path / "candidates" / run.best.id / "reward.py").read_text().strip()
        == REWARD.strip()
        == text.partition("\n\n")[2].strip()
    )
    assert recorded_scale(text) == loaded.scale == scale
    assert "# Goal: balance the pole\n" in text and "# Environment: InvertedPendulum-v5\n" in text
    assert check_reward(run.reward_path, TASK).ok


@pytest.mark.slow
def test_a_file_is_trained_by_the_scale_that_it_names(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    best = tmp_path / "best_reward.py"
    best.write_text(file_header("001-a", "20261122-1705-x-k3f9", "balance", "InvertedPendulum-v5", "sign") + REWARD)
    told: Display = make_display("plain")
    result, folder = train_reward(best, TASK, steps=1000, out=tmp_path / "as-it-says", display=told)
    assert result.status == "trained" and result.dense_sums is not None
    assert "terms are paid by the scale sign, as the reward's file says" in capsys.readouterr().err
    assert (folder / "reward.py").read_text() == best.read_text()
    result, folder = train_reward(best, TASK, steps=1000, scale="sum", out=tmp_path / "otherwise")
    assert result.status == "trained" and result.dense_sums is None
    assert load_reward(folder / "reward.py").scale == "sum", "the copy says how it was trained, not how another was"


def test_a_file_that_names_the_scale_sign_is_checked_by_its_rules() -> None:
    hints = REWARD.replace("sparse_", "")
    named = with_recorded_scale(hints, "sign")
    assert check_reward(hints, TASK).ok
    assert [f.rule for f in check_reward(named, TASK).findings if f.severity == "error"] == ["no-sparse-term"]


def test_one_step_alone_is_paid_as_a_batch_in_training_is() -> None:
    generator = np.random.default_rng(0)
    names = ("sparse_a", "b", "c", "sparse_d", "e")
    terms = np.round(generator.normal(size=(500, 5)), 1) * generator.integers(0, 2, size=(500, 5))
    paid = SignScale(names, 500).pay(terms)
    assert len(set(paid.tolist())) == 9
    for row, expected in zip(terms.tolist(), paid.tolist(), strict=True):
        assert TOTALS["sign"](dict(zip(names, row, strict=True))) == expected


def test_files_without_the_line_are_sums_as_ever() -> None:
    assert recorded_scale(REWARD) is None and load_reward(REWARD).scale == "sum"
    assert with_recorded_scale(REWARD, "sum") == REWARD
    assert load_reward(REWARD, scale="sign").total({"sparse_a": 7.0, "b": -3.0}) == 0.9
    assert recorded_scale(f'{REWARD}# reward-synth: scale=sign\n"""\n# reward-synth: scale=sign\n"""\n') is None
    env = RewardWrapper(gymnasium.make("InvertedPendulum-v5"), REWARD, scale="sign")
    env.reset(seed=0)
    assert round(float(env.step(np.zeros(1))[1]), 6) in SIGNS


def test_the_first_line_counts_and_an_unknown_scale_is_refused() -> None:
    assert recorded_scale(with_recorded_scale(with_recorded_scale(REWARD, "sign"), "sum")) == "sum"
    with pytest.raises(RewardSynthError, match="scale=tanh"):
        load_reward(f"# reward-synth: scale=tanh\n{REWARD}")


def test_no_goal_breaks_the_file_that_it_heads() -> None:
    goal = "a coding: latin-1\nimport os\u2028x = 1\x00\u202e # reward-synth: scale=sum " + "and on " * 60
    text = file_header("001-a", "r", goal, "InvertedPendulum-v5", "sign") + REWARD
    assert recorded_scale(text) == "sign"
    assert all(line.startswith("#") for line in text.partition("\n\n")[0].split("\n"))
    assert check_reward(text, load_task(TASK)).ok
