"""The one place that makes an environment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from reward_synth.simulators.registry import get_simulator, simulator_of

if TYPE_CHECKING:
    import gymnasium


class NamedEnvironment(Protocol):
    """An environment as a task names it."""

    @property
    def id(self) -> str:
        """The simulator's id for it."""

    @property
    def arguments(self) -> dict[str, Any]:
        """Keyword arguments for making it."""


class HasEnvironment(Protocol):
    """The parts of a task that are needed to make its environment."""

    @property
    def simulator(self) -> str:
        """Name of the simulator."""

    @property
    def environment(self) -> NamedEnvironment:
        """Id and arguments."""

    @property
    def horizon(self) -> int:
        """Steps until truncation."""


def open_environment(task: HasEnvironment, **arguments: Any) -> gymnasium.Env[Any, Any]:
    """A fresh environment of a task, time-limited to its horizon, not yet reset.

    :param arguments: keyword arguments besides the task's own, such as ``render_mode``.
    :raises RewardSynthError: as :meth:`~reward_synth.simulators.protocol.Simulator.make`.
    """
    named = task.environment
    return get_simulator(task.simulator).make(named.id, {**named.arguments, **arguments}, task.horizon)


def open_by_id(env_id: str) -> gymnasium.Env[Any, Any]:
    """A fresh environment by its id alone, with its simulator's defaults, not yet reset.

    :raises RewardSynthError: as :meth:`~reward_synth.simulators.protocol.Simulator.make`.
    """
    return get_simulator(simulator_of(env_id)).make(env_id, {})
