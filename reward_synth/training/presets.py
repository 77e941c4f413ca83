"""Presets of learners, found by measurement. A task spec names one, or uses its learner's default."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal, get_args

from pydantic import Field

from reward_synth.core.data import read_data
from reward_synth.core.errors import RewardSynthError
from reward_synth.core.names import CLOCK, START, LearnerName
from reward_synth.core.types import Value
from reward_synth.simulators import get_simulator
from reward_synth.tasks.spec import TaskSpec


class CommonPreset(Value):
    """Settings of every learner, with stable-baselines3's names where it has them."""

    environments: int = Field(default=16, ge=1)
    """Environments stepped side by side in one process, so that the policy is called in batches, which is fast."""
    action_repeat: int = Field(default=1, ge=1)
    """Environment steps for which each decision of the policy is held; their rewards are summed."""
    batch_size: int
    learning_rate: float
    gamma: float
    """Discount from one decision to the next, not from one environment step to the next."""
    hidden: tuple[int, ...]
    """Units of the hidden layers, of the actor and of each critic."""
    clip_obs: float
    """Normalised observations are clipped at plus and minus this. Rewards are divided by the standard deviation of
    their discounted sums, since generated rewards come in any size."""

    @property
    def discount(self) -> float:
        """Discount from one environment step to the next."""
        return float(self.gamma ** (1.0 / self.action_repeat))


class PPOPreset(CommonPreset):
    """Proximal policy optimisation (Schulman et al., 2017), by stable-baselines3."""

    learner: Literal["ppo"] = "ppo"
    batch_size: int = 512
    learning_rate: float = 1e-3
    gamma: float = 0.99
    hidden: tuple[int, ...] = (64, 64)
    clip_obs: float = 10.0
    n_steps: int = 256
    n_epochs: int = 10
    gae_lambda: float = 0.95
    ent_coef: float = 0.0
    log_std_init: float = -1.0
    """Start of the policy's log standard deviation: 0 is a standard deviation of 1."""

    def arguments(self, steps: int) -> dict[str, Any]:
        """What stable-baselines3's ``PPO`` is made with, besides policy, environments, seed and device.

        :param steps: environment steps of the training.
        """
        names = ("n_steps", "batch_size", "n_epochs", "learning_rate", "gamma", "gae_lambda", "ent_coef")
        policy = {
            "net_arch": list(self.hidden),
            "log_std_init": self.log_std_init,
            "optimizer_kwargs": {"eps": 1e-5},
        }
        return {name: getattr(self, name) for name in names} | {"policy_kwargs": policy}


class OffPolicyPreset(CommonPreset):
    """Soft actor-critic (Haarnoja et al., 2018) and truncated quantile critics (Kuznetsov et al., 2020)."""

    learner: Literal["sac", "tqc"] = "sac"
    batch_size: int = 256
    learning_rate: float = 1e-3
    gamma: float = 0.99
    hidden: tuple[int, ...] = (128, 128)
    clip_obs: float = 5.0
    gradient_steps: int = 4
    """Updates after each decision of all environments."""
    tau: float = 0.01
    """Share of the critics that goes into the target networks at each update."""
    n_steps: int = 3
    """Decisions whose rewards an update sums before it uses the critics (n-step returns)."""
    learning_starts: int = 1000
    """Environment steps of random actions before the first update."""
    ent_coef: float | str = "auto_0.1"
    """Weight of the entropy bonus: fixed, or ``auto_START``, adapted from there."""
    layer_norm: bool = True
    """Layer normalisation in the critics. With it, many updates per decision do no harm."""
    buffer_size: int = 200_000
    """Decisions that the replay buffer holds."""

    def arguments(self, steps: int) -> dict[str, Any]:
        """As :meth:`PPOPreset.arguments`, for ``SAC``; ``learning_starts`` is counted in environment steps."""
        names = ("learning_rate", "buffer_size", "batch_size", "tau", "gamma", "gradient_steps", "n_steps", "ent_coef")
        # A short training must not end before it begins to learn.
        starts = {"learning_starts": min(self.learning_starts, steps // 10), "train_freq": 1}
        return (
            {name: getattr(self, name) for name in names} | starts | {"policy_kwargs": {"net_arch": list(self.hidden)}}
        )


Preset = Annotated[PPOPreset | OffPolicyPreset, Field(discriminator="learner")]


class _Measured(Value):
    found: str
    """What it is for, and what was measured with it."""
    settings: Preset


PRESETS = {name: each.settings for name, each in read_data(__file__, "presets.json", dict[str, _Measured]).items()}

DEFAULT_PRESETS: dict[LearnerName, str] = {"ppo": "balance", "sac": "manipulate", "tqc": "manipulate"}


def get_preset(learner: LearnerName = "ppo", name: str | None = None) -> PPOPreset | OffPolicyPreset:
    """The learner's preset of that name, or its default for None. ``sac`` and ``tqc`` share theirs.

    :raises RewardSynthError: there is none of that name, or it is another learner's.
    """
    chosen = DEFAULT_PRESETS[learner] if name is None else name
    own = ", ".join(sorted(each for each in PRESETS if _suits(learner, each)))
    if chosen not in PRESETS:
        raise RewardSynthError(f"there is no training preset '{chosen}'", f"for {learner} there are: {own}")
    preset = PRESETS[chosen]
    if not _suits(learner, chosen):
        raise RewardSynthError(
            f"the training preset '{chosen}' is {preset.learner}'s, not {learner}'s",
            f"use one of {own} with the learner {learner}, or the learner {preset.learner}",
        )
    return preset.model_copy(update={"learner": learner})


def describe(preset: PPOPreset | OffPolicyPreset, steps: int, observes: Sequence[str] = ()) -> str:
    """What a designer of rewards should know about the learner, in a sentence or two.

    :param steps: environment steps of one training.
    :param observes: what the policy is shown besides the environment's own observation, as a task names it.
    """
    held = f", each of which is held for {preset.action_repeat} steps" if preset.action_repeat > 1 else ""
    ahead = round(preset.action_repeat / (1 - preset.gamma))
    return (
        f"A policy is trained on the reward from scratch, by {preset.learner.upper()} for {steps:,} environment steps. "
        f"{_sees(observes)} "
        f"The discount is {preset.gamma:g} from one decision to the "
        f"next{held}: it looks about {ahead} steps ahead."
    )


def _sees(observes: Sequence[str]) -> str:
    if not observes:
        return "It decides by the present observation alone, and sees neither the reward's memory nor a clock."
    shown = " and ".join(_in_words(name) for name in observes)
    no_clock = "" if CLOCK in observes else ", nor a clock"
    return (
        f"It decides by the present observation, to which this task adds {shown}. "
        f"It does not see the reward's memory{no_clock}."
    )


def _in_words(name: str) -> str:
    if name == CLOCK:
        return "a clock (the share of the episode that is over)"
    field = name.removeprefix(START)
    return f"`{field}`" if field == name else f"`{field}` as it was at the start of the episode"


def leaves_out(unseen: Sequence[str]) -> str:
    """What a policy cannot know, in a sentence; empty for nothing.

    :param unseen: fields that it does not observe.
    """
    names = " and ".join(f"`{name}`" for name in unseen)
    return names and f"Its observation leaves out {names}: it can act on that only through what else it sees."


def preset_for(task: TaskSpec, learner: LearnerName | None = None) -> PPOPreset | OffPolicyPreset:
    """The preset with which a task is trained.

    :param learner: overrides the task's learner. If the task's preset is not for it, its default preset is used.
    :raises RewardSynthError: the task names no preset of its learner.
    """
    asked, name = task.training, task.training.preset
    chosen = learner or asked.learner
    if chosen != asked.learner and name in PRESETS and not _suits(chosen, name):
        name = None
    preset = get_preset(chosen, name)
    require_fitting(chosen, get_simulator(task.simulator).discrete_actions, task.simulator)
    return preset


def require_fitting(learner: LearnerName, discrete: bool, where: str) -> None:
    """Make sure that the learner supports such actions.

    :param discrete: True if the actions are discrete.
    :param where: the environment or simulator with these actions.
    :raises RewardSynthError: the learner does not support them.
    """
    if discrete and learner != "ppo":
        raise RewardSynthError(
            f"the learner '{learner}' cannot choose one of several actions, as {where} wants it", "use --learner ppo"
        )


def _suits(learner: LearnerName, name: str) -> bool:
    return learner in get_args(type(PRESETS[name]).model_fields["learner"].annotation)
