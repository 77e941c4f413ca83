"""A whole search by Eureka's method: real checks, real processes, real (short) trainings."""

from __future__ import annotations

from pathlib import Path

import pytest

from reward_synth import synthesize
from reward_synth.core.feedback import Feedback
from reward_synth.llm.base import Request
from reward_synth.llm.fake import ScriptedModel
from reward_synth.methods.registry import with_method
from reward_synth.preparation.forecast import Range, make_plan
from reward_synth.settings.sources import load_settings
from reward_synth.tasks.spec import load_task

GOAL = "balance the inverted pendulum"
REWARD = """
def compute_reward(state, action, next_state):
    return {"upright": 1.0 - abs(next_state.pole_angle), "still": -%s * abs(next_state.cart_velocity)}
"""
BROKEN = REWARD.replace("pole_angle", "pole_angel")
LEANING = REWARD.replace("1.0 - abs(next_state.pole_angle)", "abs(next_state.pole_angle)")


def search(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, designs: list[str], **changes: object
) -> tuple[object, ScriptedModel]:
    def answer(request: Request) -> str:
        number = (request.sample // 100 - 1) * 2 + request.sample % 100
        return f"```python{designs[number]}```"

    model = ScriptedModel(answer)
    for place in ("reward_synth.search.models.open_model", "reward_synth.llm.open_model"):
        monkeypatch.setattr(place, lambda name, **_: model)
    settings = {"model": "scripted", "runs_dir": tmp_path, "display": "none", "method": "eureka", "steps": 4000}
    return synthesize(GOAL, **settings | {"samples": 2, "iterations": 2} | changes), model


def test_the_best_of_an_iteration_is_reflected_upon_in_one_conversation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    designs = [REWARD % weight for weight in (0.01, 0.02, 0.03, 0.04)]
    run, model = search(tmp_path, monkeypatch, designs)
    assert {request.role for request in model.requests} == {"designer"}, "it has no critic and no analyzer"
    first, second = model.requests[:2], model.requests[2:]
    assert len(second) == 2
    assert {len(request.messages) for request in first} == {2}
    assert first[0].messages == first[1].messages, "all samples are drawn from the same prompt"
    assert {request.temperature for request in model.requests} == {1.0}
    ranked = sorted((c for c in run.candidates if c.iteration == 1), key=lambda c: c.score)
    best = ranked[-1]
    for request in second:
        assert request.messages[:2] == first[0].messages
        said, asked = request.messages[2:]
        assert (said.role, asked.role) == ("assistant", "user")
        assert run.reward(best.id).strip() in said.content
        assert "term `upright`:" in asked.content and f"fitness {best.fitness:.3g}" in asked.content
    assert {c.parents for c in run.candidates if c.iteration == 2} == {(best.id,)}
    assert run.info.method == "eureka"


def test_every_sound_sample_trains_to_its_end_and_none_is_repaired_or_screened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, model = search(tmp_path, monkeypatch, [BROKEN % 0.01, LEANING % 0.02], iterations=1)
    broken, leaning = run.candidates
    assert (broken.status, broken.repairs) == ("rejected", 0), "the lint stays, whatever the method"
    assert leaning.status == "trained" and leaning.alignment is None, "it pays for the opposite, and nobody screened it"
    assert leaning.steps >= 4000
    assert len(model.requests) == 2


def test_where_nothing_could_be_trained_the_same_prompt_is_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    designs = [BROKEN % 0.01, BROKEN % 0.02, REWARD % 0.01, BROKEN % 0.04]
    run, model = search(tmp_path, monkeypatch, designs)
    assert model.requests[2].messages == model.requests[0].messages
    assert [c.status for c in run.candidates] == ["rejected", "rejected", "trained", "rejected"]


def test_the_forecast_of_a_run_counts_what_the_method_asks_and_trains() -> None:
    settings = with_method(load_settings({"method": "eureka", "model": "local", "steps": 4000})).settings
    plan = make_plan("", settings, load_task("inverted_pendulum_balance"))
    assert set(plan.models) == {"designer"}
    assert plan.calls == Range(80, 80), "sixteen samples in each of five iterations, none repaired"
    assert plan.steps == Range(80 * 4000, 80 * 4000)


def test_what_the_person_says_is_asked_for_whenever_it_comes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    designs = [REWARD % 0.01, BROKEN % 0.02, BROKEN % 0.03, BROKEN % 0.04, REWARD % 0.05, BROKEN % 0.06]
    run, model = search(tmp_path, monkeypatch, designs, iterations=2)
    run.answer(Feedback(iteration=1, note="keep the cart in the middle"))
    run.resume(iterations=3)
    last = model.requests[-1].messages
    assert len(last) == 4, "the second iteration had no trained reward: the first one's conversation goes on"
    assert "keep the cart in the middle" in last[-1].content
