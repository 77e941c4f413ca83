"""Plays known behaviours in an environment, whole episodes each, and keeps what its own reward pays them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import closing

import numpy as np

from reward_synth.audit.own_reward import OwnReward
from reward_synth.core.arrays import FloatArray
from reward_synth.core.errors import RewardSynthError
from reward_synth.evaluation.policy import Policy
from reward_synth.screening.reference_episodes import (
    EXPERT,
    EXPERT_CUTS,
    EXPERT_EPISODES,
    REST,
    SEED,
    STEPS,
    Controller,
    choosers,
    controllers,
    expert_controllers,
    record_episode,
    wanted_actions,
)
from reward_synth.simulators import get_simulator
from reward_synth.simulators.protocol import Expert
from reward_synth.state.episode import Episode
from reward_synth.state.recorder import StateRecorder

LONGEST = 1000
"""Steps of a recorded episode, at most."""
RECORDING = 15.0
"""Seconds of processor time after which no further behaviour is played. Rest and experts always are."""
HELD_ON, TURNS = "expert, held on", "expert that turns back"
TRAINED = "trained policy"
Recorded = list[tuple[str, Episode]]
"""The kind of each behaviour, and its episode."""


def record(subject: OwnReward, policy: Policy | None = None) -> tuple[Recorded, int]:
    """Rest, experts and a policy from the same starts, then scripted behaviours.

    :returns: the episodes, and how many behaviours were left out for lack of time.
    :raises EnvironmentFault: the environment fails, or gives a state that is not finite.
    """
    begun = time.thread_time()
    table, simulator = subject.table, get_simulator(subject.spec.simulator)
    size = len(table.actions)
    found: Recorded = []
    with closing(subject.opened(table)) as environment:

        def play(kind: str, controller: Controller, seed: int) -> None:
            found.append((kind, _episode(subject, environment, controller, seed)))

        for seed in range(EXPERT_EPISODES):
            play(REST, lambda step: np.zeros(size), SEED + seed)
        for expert in simulator.experts(environment):
            for kind, number, controller in _experts(expert, size, table.discrete):
                play(kind, controller, SEED + number)
        if policy is not None:
            for seed in range(EXPERT_EPISODES):
                play(TRAINED, _following(policy, environment, SEED + seed), SEED + seed)
        scripts = (choosers(size) if table.discrete else controllers(size, subject.dt))[1:]
        for number, (kind, script) in enumerate(scripts):
            if time.thread_time() - begun > RECORDING:
                return found, len(scripts) - number
            play(kind, lambda step, script=script: script(step % STEPS), SEED + number)  # type: ignore[misc]
    return found, 0


def record_held_on(subject: OwnReward) -> Recorded:
    """Experts in an environment that does not end its episodes at success: what it would pay to stay there."""
    found: Recorded = []
    with closing(subject.opened(subject.table, lasting=True)) as environment:
        for expert in get_simulator(subject.spec.simulator).experts(environment):
            whole = _resting_after(expert, len(subject.table.actions))
            found += [(HELD_ON, _episode(subject, environment, whole, SEED + seed)) for seed in range(EXPERT_EPISODES)]
    return found


def repeats(subject: OwnReward, first: Episode) -> bool:
    """True if the same seed and actions give the same rewards again."""
    again = record_with(subject, first)
    return again.length == first.length and np.array_equal(
        subject.rewards(again), subject.rewards(first), equal_nan=True
    )


def record_with(subject: OwnReward, episode: Episode) -> Episode:
    """An episode, played once more with its seed and its actions."""
    with closing(subject.opened(subject.table)) as environment:
        wanted = wanted_actions(subject.table, episode.actions)
        return _episode(subject, environment, wanted.__getitem__, episode.seed, episode.length)


def _episode(
    subject: OwnReward, environment: StateRecorder, controller: Controller, seed: int, steps: int = LONGEST
) -> Episode:
    return record_episode(
        environment, controller, min(steps, subject.spec.horizon), seed, subject.spec.horizon, subject.dt
    )


def _experts(expert: Expert, size: int, discrete: bool) -> Sequence[tuple[str, int, Controller]]:
    """Kind, number of the start, and controller: unchanged, with noise, giving up, and turning back."""
    shown = expert_controllers(_endless(expert, size), size, discrete)
    found = [(EXPERT, seed, shown[seed]) for seed in range(EXPERT_EPISODES)]
    found += [("expert that errs", seed, each) for seed, each in enumerate(shown[EXPERT_EPISODES:])]
    if not discrete:
        found += [(TURNS, seed, _turning(expert, size, cut)) for seed, cut in enumerate(EXPERT_CUTS)]
    return found


def _endless(expert: Expert, size: int) -> Expert:
    """The expert, which rests once it is done: it is compared with what lasts to the horizon."""

    def act() -> FloatArray:
        action = expert()
        return np.zeros(size) if action is None else action

    return act


def _resting_after(expert: Expert, size: int) -> Controller:
    act = _endless(expert, size)
    return lambda step: act()


def _turning(expert: Expert, size: int, cut: int) -> Controller:
    """The expert until ``cut``, and then for as long the opposite of what it does; then it stays."""
    act = _endless(expert, size)

    def turned(step: int) -> FloatArray:
        action = act()
        assert action is not None
        return action if step < cut else -action if step < 2 * cut else np.zeros(size)

    return turned


def _following(policy: Policy, environment: StateRecorder, seed: int) -> Controller:
    generators = [np.random.default_rng(seed)] if policy.draws else None

    def act(step: int) -> FloatArray:
        seen = np.asarray(environment.env.seen)[None]  # The wrapper that tells the reward keeps it.
        try:
            chosen = policy(seen, generators)
        except ValueError as error:
            raise RewardSynthError(
                f"the policy was trained on {policy.mean.size} numbers, and the environment gives {seen.size}",
                "name the environment that it was trained in: --env ID",
            ) from error
        wanted: FloatArray = wanted_actions(environment.table, chosen)[0]
        return wanted

    return act
