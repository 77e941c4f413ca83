"""The interface of simulators: :class:`Simulator` lists all that the package reads of one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal, Protocol

from reward_synth.core.errors import RewardSynthError

if TYPE_CHECKING:
    import gymnasium

    from reward_synth.core.arrays import FloatArray
    from reward_synth.state.table import FieldTable

Expert = Callable[[], "FloatArray | None"]
"""The next action, in [-1, 1] per dimension, for the present state of the environment that it was made for; None
once it is done."""


LASTS = "lasts_to_its_horizon"
"""Attribute of an unwrapped environment: True if nothing but time can end its episodes."""


class Simulator(Protocol):
    """One family of environments. An adapter derives from this class. It has no state; environments hold the state.

    An adapter must define ``name``, ``trial``, ``make``, ``fields``, ``seconds_per_step``, ``environments``,
    ``describe`` and ``horizon``. The rest has a default. Of an environment that ``make`` made, the package uses
    Gymnasium's own interface, with one float vector as observation and one vector or one of n choices as action, and
    what the readers of ``fields`` read from ``env.unwrapped``. The reward that its ``step`` returns is never read.
    """

    name: str
    """``gym``, ``metaworld``, …: the folder under ``task_specs`` and the prefix of task names."""
    trial: str
    """Id of the environment that ``doctor`` steps to check that the simulator works."""
    install_line: str = ""
    """What to type to install it; empty if the package itself depends on it."""
    discrete_actions: bool = False
    """True if all of its environments have discrete actions."""
    ids_name_robots: bool = False
    """True if an id names the robot and not the task. Then a goal does not have to name the robot."""
    camera: str = "track"
    """The MuJoCo model's camera that films are seen from; its first one if there is none of this name."""
    planned_per_second: float = 5_000.0
    """Transitions that a planner tries for each second that it is given: what one core does, roughly. It is a constant,
    so that the same settings give the same plan."""
    exports: Literal["alone", "with_package", "never"] = "never"
    """Whether an exported file holds the environment ``alone`` (``gymnasium.make`` and fields that are expressions),
    makes it ``with_package``, or cannot hold it."""

    def knows(self, env_id: str) -> bool:
        """True if the id is one of its own, whether it is installed or not. Needs nothing installed."""
        return env_id in self.environments()

    def make(self, env_id: str, arguments: dict[str, Any], horizon: int | None = None) -> gymnasium.Env[Any, Any]:
        """A fresh environment, time-limited to ``horizon`` steps (None: its own), not yet reset.

        :param arguments: keyword arguments; ``render_mode="rgb_array"`` makes ``render`` return pictures.
        :raises RewardSynthError: with a hint, for an unknown id (the nearest ones) or argument, or a missing extra
            (the install line).
        """
        ...

    def with_own_reward(
        self, env_id: str, arguments: dict[str, Any], horizon: int | None = None
    ) -> gymnasium.Env[Any, Any]:
        """As :meth:`make`, but ``step`` gives upstream's own reward and info, and ends episodes where upstream does.

        It is for looking at that reward; no reward is trained in it.

        :raises RewardSynthError: as :meth:`make`, and if upstream's reward cannot be had here.
        """
        raise RewardSynthError(
            f"the own reward of {env_id} cannot be read: the simulator {self.name} has none here",
            "write it as a reward file, and name a task: reward-synth audit FILE --task NAME",
        )

    def fields(self, env: gymnasium.Env[Any, Any]) -> FieldTable:
        """The environment's field table; the same for every instance made with the same arguments."""
        ...

    def seconds_per_step(self, env: gymnasium.Env[Any, Any]) -> float:
        """Simulated seconds that one step takes. The environment may be reset and stepped, to measure them."""
        ...

    def doubt_about_time(self, env: gymnasium.Env[Any, Any]) -> str:
        """Which of several lengths of a step was taken, in a sentence; empty if there is no doubt."""
        return ""

    def environments(self) -> Mapping[str, str]:
        """Installed environment ids with a one-line description each, for the choice by goal; none if not installed."""
        ...

    def describe(self, env_id: str, arguments: Mapping[str, Any]) -> str:
        """What the environment made with these arguments is, for designers of rewards; the id if nothing is known."""
        ...

    def horizon(self, env_id: str) -> int:
        """Steps of an episode if no task sets them."""
        ...

    def robot(self, env_id: str) -> str:
        """Name of its body, by default one for all. What trains one task of a body well suits its other tasks."""
        return self.name

    def unseen(self, env: gymnasium.Env[Any, Any], table: FieldTable) -> tuple[str, ...]:
        """Known fields that a policy cannot infer from its observation; ``env`` must have been reset."""
        return ()

    def experts(self, env: gymnasium.Env[Any, Any]) -> list[Expert]:
        """Scripted controllers that solve what the environment was made for; most environments have none.

        They are used to test rewards and success on good behaviour, and are never shown to a model.
        """
        return []

    def snapshot(self, env: gymnasium.Env[Any, Any]) -> Callable[[], None]:
        """What puts the environment and its wrappers back into the present state; it may be called again and again.

        It may not know all that the environment holds, so see first that the environment then repeats itself.
        """
        from reward_synth.simulators.snapshots import snapshot

        return snapshot(env)

    def as_mujoco(self, env: gymnasium.Env[Any, Any]) -> Any | None:
        """The scene as an object with a MuJoCo ``model`` and ``data``, for pictures where ``render`` finds no device.

        ``data`` is up to date whenever it is read. None if there is no such likeness.
        """
        return None

    def pictures(self) -> tuple[str, str]:
        """Whether pictures can be made here, for ``doctor``: what to report, and a hint. Empty if it is not checked."""
        return "", ""
