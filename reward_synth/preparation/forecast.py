"""Forecasts what a run would do and cost, without asking a model or training anything."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reward_synth.core.names import LearnerName, RoleName, needs_no_server
from reward_synth.roles.task_drafter import DRAFTS
from reward_synth.settings.model import Settings

if TYPE_CHECKING:
    from reward_synth.roles.brief import Brief
    from reward_synth.tasks.spec import TaskSpec

_PROBE_SECONDS = 1.0
_LEARNER_SECONDS_PER_STEP: dict[LearnerName, float] = {"ppo": 1.0e-4, "sac": 1.2e-3, "tqc": 1.7e-3}
"""Approximate time of learner and reward per policy decision on one core: PPO with 64 environments and minibatches
of 512 or 1,024 on HalfCheetah, the others with the preset "manipulate" and four updates."""
_CHARACTERS_PER_TOKEN = 4
_ANSWER_TOKENS = {True: 250, False: 1500}
"""Tokens of a typical answer, by whether the model is small."""
_PLACEHOLDER = 'def compute_reward(state, action, next_state):\n    return {"none": 0.0}\n'


@dataclass(frozen=True)
class Range:
    """From the minimum (solved in the first iteration, nothing to repair) to the maximum that the settings allow."""

    low: float
    high: float


@dataclass(frozen=True)
class Plan:
    """The forecast of a run. Model figures are estimates: four characters per token, typical answers."""

    task: TaskSpec | None
    """None if the success measure would have to be drafted first."""
    models: dict[str, str]
    """Model names by role."""
    prompt: str | None
    """The designer's complete first prompt; None without a task."""
    calls: Range
    tokens: Range | None
    usd: Range | None
    """None if the price of a model is unknown."""
    steps: Range | None
    """Environment steps."""
    seconds: Range | None
    """Training time with all jobs in parallel, without the models' time."""


def make_plan(goal: str, settings: Settings, task: TaskSpec | None) -> Plan:
    """Forecast a run whose prerequisites have been checked."""
    critic = _has_critic(settings)
    roles: tuple[RoleName, ...] = ("designer", *_asked(settings, critic))
    if task is None:
        roles = ("task_drafter", *roles)
    models = {str(role): _model_name(settings, role) for role in roles}
    calls = _calls(settings, drafted=task is None)
    if task is None:
        return Plan(None, models, None, calls, None, None, None, None)
    small = models["designer"] == "local"
    prompt = _first_prompt(goal or task.goal, settings, task, small)
    each = len(prompt) / _CHARACTERS_PER_TOKEN
    answer = _ANSWER_TOKENS[small]
    tokens = Range(calls.low * (each + answer), calls.high * (each + answer))
    price = _price_of_call(set(models.values()), settings.base_url, each, answer)
    usd = None if price is None else Range(calls.low * price[0], calls.high * price[1])
    from reward_synth.methods.halving import most_steps
    from reward_synth.methods.registry import METHODS

    # At best one candidate is trained and solves the task; at worst each rung stops as few as possible.
    one = (settings.steps or task.training.steps) * settings.seeds
    final = (settings.steps or task.training.steps) * settings.final_seeds
    most = one * most_steps(settings.samples, settings.rung_shares) * settings.iterations
    most += one * (settings.start_from is not None)
    at_once = min(METHODS[settings.method].trains_more, settings.samples * settings.iterations)
    if at_once:
        # One training may be continued for as many steps in each iteration but the first.
        most += one * (settings.iterations - 1)
    least = most if settings.keep_going else one
    # And after the last on or again, one round after another.
    on, again = one * settings.train_on * (at_once > 0), one * at_once * settings.train_again
    steps = Range(least + final, most + on + again + final)
    per_step = _seconds_per_step(task, settings.learner)
    # The final trainings run in parallel even if one candidate was enough.
    low = least + final / max(1, min(settings.worker_count, settings.final_seeds))
    workers = settings.worker_count
    later = on / min(settings.seeds, workers) + again / min(max(1, at_once) * settings.seeds, workers)
    longest = ((most + final) / workers + later) * per_step
    seconds = Range(min(low * per_step, longest), longest)
    return Plan(task, models, prompt, calls, tokens, usd, steps, seconds)


def _model_name(settings: Settings, role: RoleName) -> str:
    from reward_synth.llm import default_model

    return settings.model_for(role) or default_model()[0]


def _has_critic(settings: Settings) -> bool:
    return _model_name(settings, "critic") != "local" if settings.critic is None else settings.critic


def _asked(settings: Settings, critic: bool) -> tuple[RoleName, ...]:
    """The roles that the method asks besides the designer."""
    from reward_synth.methods.registry import METHODS

    return tuple(role for role in METHODS[settings.method].roles if role != "critic" or critic)


def _calls(settings: Settings, drafted: bool) -> Range:
    asked = _asked(settings, _has_critic(settings))
    rounds = 2 if "critic" in asked else 1
    readings = 1 if "analyzer" in asked else 0
    # Calls for the environment, unless it was named; for the draft and its repairs; and for a second draft.
    named = 0 if settings.env is not None else 1
    before, most = (named + 2, named + 2 * DRAFTS) if drafted else (0, 0)
    least = settings.iterations if settings.keep_going else 1
    low = before + least * (settings.samples * rounds + readings)
    high = most + settings.iterations * (settings.samples * rounds * (1 + settings.repairs) + readings)
    return Range(low, high)


def _first_prompt(goal: str, settings: Settings, task: TaskSpec, small: bool) -> str:
    """The exact text of the first request, taken from a designer that asks a scripted model."""
    from reward_synth.llm.fake import ScriptedModel
    from reward_synth.roles.brief import as_text
    from reward_synth.roles.designer import Designer
    from reward_synth.roles.prompts import Prompts

    model = ScriptedModel(lambda _: f"```python\n{_PLACEHOLDER}```", small=small)
    designer = Designer(model, Prompts(settings.prompts), settings.temperature, settings.seed)
    designer.design(_brief(goal, settings, task, small), 1, 1)
    return as_text(model.requests[0])


def _brief(goal: str, settings: Settings, task: TaskSpec, small: bool) -> Brief:
    from reward_synth.evaluation.play import field_table, seconds_per_step
    from reward_synth.methods.briefing import first_brief

    return first_brief(task, goal, field_table(task), seconds_per_step(task), settings, small)


def price_of(name: str, base_url: str | None) -> tuple[float, float] | None:
    """Dollars per prompt token and per answer token of a model; None if nobody can know them.

    :param base_url: a server of the user's own, which sets its own price.
    """
    if name == "local" or name.startswith("replay:"):
        return 0.0, 0.0
    if base_url is not None or needs_no_server(name):
        return None
    from reward_synth.llm.litellm import price_per_token

    return price_per_token(name)


def _price_of_call(
    names: set[str], base_url: str | None, prompt_tokens: float, answer_tokens: float
) -> tuple[float, float] | None:
    """Dollars per call for the cheapest and the most expensive model; None if a price is unknown."""
    known = [price_of(name, base_url) for name in names]
    prices = [prompt_tokens * price[0] + answer_tokens * price[1] for price in known if price is not None]
    return (min(prices), max(prices)) if len(prices) == len(known) else None


def _seconds_per_step(task: TaskSpec, learner: LearnerName | None) -> float:
    """Seconds per environment step: stepping is measured for a second, and the learner's share is a constant."""
    from reward_synth.simulators import open_environment
    from reward_synth.training.presets import preset_for

    preset = preset_for(task, learner)
    environment = open_environment(task)
    try:
        environment.action_space.seed(0)
        environment.reset(seed=0)
        action, steps, started = environment.action_space.sample(), 0, time.process_time()
        while (taken := time.process_time() - started) < _PROBE_SECONDS:
            _, _, terminated, truncated, _ = environment.step(action)
            steps += 1
            if terminated or truncated:
                environment.reset()
    finally:
        environment.close()
    return taken / steps + _LEARNER_SECONDS_PER_STEP[preset.learner] / preset.action_repeat
