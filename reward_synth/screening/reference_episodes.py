"""Records the reference episodes of a task: the probe runs rewards on them, and the screen ranks them.

Judging a reward needs no policy: doing nothing, steady pushes, swings and shaking already differ in the task's own
fitness, and a reward that ranks them the other way round pays for the wrong thing. Such behaviour never opens a drawer,
so scripted experts, if the simulator has them, add episodes that show the task done, almost done and begun.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from reward_synth.core.arrays import FloatArray
from reward_synth.core.types import EpisodeScore
from reward_synth.evaluation.play import step_length
from reward_synth.evaluation.scoring import score_episodes
from reward_synth.screening.probe import Transitions
from reward_synth.simulators import get_simulator, open_environment
from reward_synth.simulators.protocol import LASTS, Expert
from reward_synth.state.episode import Episode
from reward_synth.state.recorder import StateRecorder, require_finite
from reward_synth.state.table import FieldTable
from reward_synth.tasks.spec import TaskSpec

STEPS = 150
HELD_STEPS = 20
SEED = 30_000
Controller = Callable[[int], FloatArray | None]
"""Time step to an action in [-1, 1] per dimension, scaled to the environment's limits; None ends the episode.

For discrete actions, the largest element is chosen; on a tie the first one, which does nothing."""

REST, EXPERT = "rest", "expert"
"""Kinds of behaviours."""
EXPERT_EPISODES = 4
EXPERT_NOISE = (0.2, 0.4)
"""Standard deviation of the noise on each element of an expert's action, one episode each. For discrete actions: the
share of actions that are random."""
EXPERT_CUTS = (25, 50)
"""Steps after which an expert stops and rests, one episode each."""
STOPS = 21
"""Places at which an expert's episode is brought to a stand, its first and its last step among them."""


@dataclass(frozen=True)
class ReferenceEpisodes:
    """Recorded episodes with the task's score of each."""

    episodes: tuple[Episode, ...]
    scores: tuple[EpisodeScore, ...]
    experts: int = 0
    """The number of episodes of a scripted expert; they are the last ones."""
    kinds: tuple[str, ...] = ()
    """What each episode shows: rest, push, swing, …; empty for those that were read from a file."""
    stops: tuple[Episode, ...] = ()
    """A successful expert's episode as it would be had it stood still from some step on: from the first to the last."""
    stop_fitness: tuple[float, ...] = ()
    """Of each."""
    lasts: bool = False
    """True if the environment is known to end no episode but by time."""

    @property
    def aimless(self) -> tuple[Episode, ...]:
        """The episodes of no expert."""
        return self.episodes[: len(self.episodes) - self.experts]

    @property
    def succeed(self) -> bool:
        """True if one of the episodes shows the task done."""
        return any(score.success or score.success_any for score in self.scores)

    def joined(self, kind: str, episodes: Sequence[Episode], scores: Sequence[EpisodeScore]) -> ReferenceEpisodes:
        """These, and after them others of one kind, which nobody scripted."""
        known = self.kinds or ("recorded",) * len(self.episodes)
        return replace(
            self,
            episodes=(*self.episodes, *episodes),
            scores=(*self.scores, *scores),
            kinds=(*known, *[kind] * len(episodes)),
        )

    def transitions(self, names: Sequence[str]) -> Transitions:
        """All steps, with the columns of these fields only; in the first episode the robot is at rest (zero action)."""
        rows = [episode.subset(names) for episode in self.episodes]
        return Transitions(
            states=np.concatenate([row[:-1] for row in rows]),
            actions=np.concatenate([episode.actions for episode in self.episodes]),
            next_states=np.concatenate([row[1:] for row in rows]),
            starts=np.concatenate([np.arange(episode.length) == 0 for episode in self.episodes]),
            falls=any(score.fell for score in self.scores),
            hurries=any(score.success and score.terminated for score in self.scores),
            succeed=self.succeed,
        )


def record_reference_episodes(task: TaskSpec, table: FieldTable) -> ReferenceEpisodes:
    """Record about thirty short episodes and those of experts; they are the same for the same task.

    :raises EnvironmentFault: the environment fails, or gives a number that is not finite.
    """
    simulator = get_simulator(task.simulator)
    environment = StateRecorder(open_environment(task), table)
    seconds = step_length(task, environment)
    size = len(table.actions)
    scripts = choosers(size) if table.discrete else controllers(size, seconds)
    plans = [(controller, STEPS) for _, controller in scripts]
    kinds = [kind for kind, _ in scripts]
    for expert in simulator.experts(environment):
        shown = expert_controllers(expert, size, table.discrete)
        plans += [(controller, task.horizon) for controller in shown]
        kinds += [EXPERT] * EXPERT_EPISODES + ["expert that errs"] * (len(shown) - EXPERT_EPISODES)
    episodes = _record_all(environment, plans, task.horizon, seconds)
    scores = score_episodes(task, table, episodes)
    done = next((e for e, k, s in zip(episodes, kinds, scores, strict=True) if k == EXPERT and s.success), None)
    stops = () if done is None else tuple(stopped(done, step) for step in stop_steps(done.length))
    stop_fitness = tuple(score.fitness for score in score_episodes(task, table, stops)) if stops else ()
    lasts = bool(getattr(environment.unwrapped, LASTS, False))
    return ReferenceEpisodes(
        tuple(episodes), tuple(scores), len(plans) - len(scripts), tuple(kinds), stops, stop_fitness, lasts
    )


def stop_steps(length: int) -> list[int]:
    """Steps at which an episode could have stood still, the first and the last among them."""
    return sorted({round(share * length) for share in np.linspace(0.0, 1.0, STOPS)})


def stopped(episode: Episode, step: int) -> Episode:
    """The episode, had everything stood still from a step on: to its horizon, unless it ended by itself."""
    still = (episode.length if episode.terminated else episode.horizon) - step
    rows = np.concatenate([episode.rows[: step + 1], np.repeat(episode.rows[[step]], still, axis=0)])
    actions = np.concatenate([episode.actions[:step], np.zeros((still, episode.actions.shape[1]))])
    return replace(episode, rows=rows, actions=actions)


def record_full_length(task: TaskSpec, table: FieldTable) -> list[Episode]:
    """Record three full-length episodes: at rest, and with random actions of two kinds."""
    environment = StateRecorder(open_environment(task), table)
    seconds, size = step_length(task, environment), len(table.actions)
    generator = np.random.default_rng(SEED)
    scripts: list[Controller] = [
        lambda step: np.zeros(size),
        lambda step: generator.uniform(-1.0, 1.0, size),
        _held(lambda: generator.uniform(-1.0, 1.0, size)),
    ]
    return _record_all(environment, [(script, task.horizon) for script in scripts], task.horizon, seconds)


def _held(draw: Callable[[], FloatArray]) -> Controller:
    """A random action that is held for some steps, because shaking alone does not move far."""
    held: list[FloatArray] = []

    def act(step: int) -> FloatArray:
        if step % HELD_STEPS == 0:
            held[:] = [draw()]
        return held[0]

    return act


def _record_all(
    environment: StateRecorder, plans: Sequence[tuple[Controller, int]], horizon: int, seconds: float
) -> list[Episode]:
    """Record an episode per controller, limited to its steps and with its own seed; closes the environment."""
    episodes = [
        record_episode(environment, controller, steps, SEED + number, horizon, seconds)
        for number, (controller, steps) in enumerate(plans)
    ]
    environment.close()
    return episodes


def scaled_actions(table: FieldTable, wanted: FloatArray) -> FloatArray:
    """Actions (…, A) in [-1, 1] per element as those of the environment; for discrete ones, one-hot vectors."""
    if table.discrete:
        wanted = 2.0 * np.eye(len(table.actions))[np.argmax(wanted, axis=-1)] - 1.0
    low = np.array([action.low for action in table.actions])
    high = np.array([action.high for action in table.actions])
    scaled: FloatArray = low + (np.clip(wanted, -1.0, 1.0) + 1.0) / 2.0 * (high - low)
    return scaled


def wanted_actions(table: FieldTable, actions: FloatArray) -> FloatArray:
    """The inverse of :func:`scaled_actions`, of actions (…, A) that the environment took."""
    low = np.array([action.low for action in table.actions])
    high = np.array([action.high for action in table.actions])
    wanted: FloatArray = 2.0 * (actions - low) / (high - low) - 1.0
    return wanted


def action_type(environment: StateRecorder) -> np.dtype[Any]:
    """The type in which the environment takes actions."""
    return np.dtype(np.float32 if environment.table.discrete else environment.action_space.dtype)


def record_episode(
    environment: StateRecorder, controller: Controller, steps: int, seed: int, horizon: int, seconds: float
) -> Episode:
    """One episode of at most ``steps`` steps, and at least one."""
    table = environment.table
    _, info = environment.reset(seed=seed)
    rows: list[FloatArray] = [info["next_state"]]
    actions: list[FloatArray] = []
    terminated = truncated = False
    while len(actions) < steps and not (terminated or truncated):
        wanted = controller(len(actions))
        if wanted is None:
            break
        scaled = scaled_actions(table, wanted)
        observed, _, terminated, truncated, info = environment.step(scaled.astype(action_type(environment)))
        require_finite(environment, observed, info["next_state"][None])
        rows.append(info["next_state"])
        actions.append(scaled)
    return Episode(
        layout=table.layout(),
        rows=np.stack(rows),
        actions=np.stack(actions),
        dt=seconds,
        horizon=horizon,
        seed=seed,
        terminated=terminated,
    )


def expert_controllers(expert: Expert, size: int, discrete: bool = False) -> list[Controller]:
    """The expert unchanged, with noise, and giving up early."""
    generator = np.random.default_rng(SEED)

    def whole(step: int) -> FloatArray | None:
        return expert()

    scripts: list[Controller] = [whole] * EXPERT_EPISODES
    tremble = _blundering if discrete else _trembling
    scripts += [tremble(expert, generator, size, noise) for noise in EXPERT_NOISE]
    return scripts + [_giving_up(expert, size, steps) for steps in EXPERT_CUTS]


def _trembling(expert: Expert, generator: np.random.Generator, size: int, noise: float) -> Controller:
    def act(step: int) -> FloatArray | None:
        action = expert()
        return None if action is None else action + generator.normal(0.0, noise, size)

    return act


def _blundering(expert: Expert, generator: np.random.Generator, size: int, share: float) -> Controller:
    def act(step: int) -> FloatArray | None:
        action = expert()
        return action if action is None or generator.random() >= share else generator.uniform(-1.0, 1.0, size)

    return act


def _giving_up(expert: Expert, size: int, steps: int) -> Controller:
    return lambda step: expert() if step < steps else np.zeros(size)


def controllers(size: int, seconds: float) -> list[tuple[str, Controller]]:
    """The scripts with their kinds: rest, steady pushes in both directions, swings with random phases, and noise."""
    generator = np.random.default_rng(SEED)
    scripts: list[tuple[str, Controller]] = [(REST, lambda step: np.zeros(size))]
    scripts += [("push", _steady(np.full(size, level))) for level in (-0.5, 0.5)]
    scripts += [("push", _steady(generator.uniform(-1, 1, size))) for _ in range(4)]
    for _ in range(16):
        frequency, phase = generator.uniform(0.5, 3.0), generator.uniform(0, 2 * np.pi, size)
        scripts.append(("swing", _swing(generator.uniform(0.3, 1.0, size), frequency * seconds, phase)))
    for smoothness in (0.0, 0.0, 0.8, 0.8, 0.95, 0.95, 0.98, 0.98):
        scripts.append(("slow noise" if smoothness else "random", _noise(generator, size, smoothness)))
    return scripts


def choosers(size: int) -> list[tuple[str, Controller]]:
    """The scripts for discrete actions: rest, any of the actions, and a few of them for some steps each."""
    generator = np.random.default_rng(SEED)
    scripts: list[tuple[str, Controller]] = [(REST, lambda step: np.zeros(size))]
    for few, longest in [(size, 1)] * 6 + [(4, 1)] * 8 + [(4, 6)] * 8 + [(6, 3)] * 8:
        kind = "random" if few == size else "a few actions"
        scripts.append((kind, _chooser(generator, size, min(few, size), longest)))
    return scripts


def _chooser(generator: np.random.Generator, size: int, few: int, longest: int) -> Controller:
    liked = generator.choice(size, few, replace=False)
    runs = [np.full(generator.integers(1, longest + 1), generator.choice(liked)) for _ in range(STEPS)]
    chosen = np.concatenate(runs)[:STEPS]
    return lambda step: np.eye(size)[chosen[step]]


def _steady(action: FloatArray) -> Controller:
    return lambda step: action


def _swing(amplitude: FloatArray, cycles_per_step: float, phase: FloatArray) -> Controller:
    return lambda step: amplitude * np.sin(2 * np.pi * cycles_per_step * step + phase)


def _noise(generator: np.random.Generator, size: int, smoothness: float) -> Controller:
    noise = np.zeros((STEPS, size))
    value = np.zeros(size)
    for step in range(STEPS):
        value = smoothness * value + np.sqrt(1 - smoothness**2) * generator.normal(0, 0.6, size)
        noise[step] = value
    return lambda step: noise[step]
