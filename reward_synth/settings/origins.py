"""The origin of each setting's value, in words, and which origin takes precedence."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from reward_synth.core.errors import RewardSynthError
from reward_synth.core.names import needs_no_server
from reward_synth.settings.model import Settings

ENVIRONMENT_PREFIX = "REWARD_SYNTH_"
CONFIG_NAME = "reward-synth.toml"
DEFAULT = "default"


class IdleRule(NamedTuple):
    """A setting that has no effect because of another setting."""

    setting: str
    cause: str
    """The setting that disables it."""
    reason: str
    hint: str


@dataclass(frozen=True)
class Resolved:
    """The settings and the origin of each value."""

    settings: Settings
    origins: dict[str, str]
    """In the person's words: ``--steps``, ``REWARD_SYNTH_STEPS``, a file, ``task gym/x``, ``default``."""

    def with_task_steps(self, steps: int, task: str) -> Resolved:
        """The settings with the task spec's training budget, unless a source with higher precedence gave one."""
        origin = f"task {task}"
        if rank_of(self.origins["steps"]) <= rank_of(origin):
            return self
        settings = self.settings.model_copy(update={"steps": steps})
        return Resolved(settings, self.origins | {"steps": origin})

    def refuse_idle(self, rules: Iterable[IdleRule]) -> None:
        """Refuse a setting without effect, unless the setting that disables it has higher precedence.

        So ``--feedback none`` may overrule a ``feedback_timeout`` in a file; ``--feedback-timeout 60`` alone is
        refused.

        :raises RewardSynthError: names the origin of the first such setting, and the reason.
        """
        for rule in rules:
            origin = self.origins[rule.setting]
            if origin != DEFAULT and rank_of(origin) <= rank_of(self.origins[rule.cause]):
                raise RewardSynthError(f"{origin} would do nothing: {rule.reason}", rule.hint)


def rank_of(origin: str) -> int:
    """Precedence of a value by its origin; the lower number wins.

    The order: typed, environment, ``.env``, task or method, ``reward-synth.toml``, default.
    """
    if origin == DEFAULT:
        return 5
    if origin.startswith(("task ", "method ")):
        return 3
    if origin.endswith(CONFIG_NAME):
        return 4
    if origin.startswith(ENVIRONMENT_PREFIX):
        return 2 if " in " in origin else 1
    return 0


def idle_rules(settings: Settings) -> list[IdleRule]:
    """The settings without effect, whatever the method is."""
    found = []
    if settings.feedback == "none":
        reason = "nobody is asked with --feedback none, so nobody's order can select"
        found.append(IdleRule("select", "feedback", reason, "add --feedback ask or --feedback queue"))
    if settings.feedback != "queue":
        reason = f"nobody is waited for with --feedback {settings.feedback}"
        found.append(IdleRule("feedback_timeout", "feedback", reason, "add --feedback queue, or drop the timeout"))
    names = sorted(name for name in {settings.model, *settings.models.values()} if name is not None)
    if all(map(needs_no_server, names)):
        reason = f"no server is asked by {', '.join(names) or 'the embedded model'}"
        found.append(IdleRule("base_url", "model", reason, "name the server's model: --model openai/NAME"))
    if settings.critic is False and "critic" in settings.models:
        hint = "drop --no-critic, or the critic's model"
        found.append(IdleRule("models", "critic", "the critic is switched off", hint))
    if settings.task is not None and settings.env is not None:
        reason = f"the task '{settings.task}' names its environment"
        found.append(IdleRule("env", "task", reason, "drop --env, or drop --task and give only the goal"))
    return found
