"""Crafter as a Gymnasium environment: upstream's rules, starts that fit a task, and numbers in place of a picture.

A step leaves out only what has no influence on the game: the picture, the native reward, and look-ups through small
arrays. This module needs the extra ``crafter``, so import it only where it is used.
"""

from __future__ import annotations

import functools
from collections import deque
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from reward_synth.core.errors import RewardSynthError
from reward_synth.simulators.crafter.kinds import ACTIONS, ITEMS, VIEW, VITALS, Cell
from reward_synth.simulators.crafter.sight import OBSERVED, Explored, Sight, observe
from reward_synth.simulators.crafter.starts import END_TESTS, find_start
from reward_synth.simulators.crafter.tasks import CrafterTask
from reward_synth.simulators.crafter.upstream import constants, engine
from reward_synth.simulators.crafter.world import Cow, Player, Skeleton, Terrain, World, Zombie, draw_terrain, populate

DRAWS = 300
"""Number of worlds that are tried for a start; many have no path near a diamond."""
REACH = 18
"""As in upstream, creatures at this distance from the player or farther do not move; in steps."""
REMEMBERED = 8
"""Number of earlier positions in the state."""
_NAMES = tuple(ACTIONS)


class CrafterEnv(gymnasium.Env[NDArray[np.float32], int]):
    """One player in a world.

    The observation, :data:`~reward_synth.simulators.crafter.sight.OBSERVED` numbers, is taken from what upstream's
    picture shows: see :func:`~reward_synth.simulators.crafter.sight.observe`.

    :param task: where episodes start and what ends them.
    :param side: width and height of the world in cells.
    :param worlds: number of different worlds; 0 draws a new one for each episode. The start and the random draws of the
        game differ in each episode in any case.
    :param distance: smallest and largest distance in steps, for tasks that start away from a target.

    :ivar world: the present world.
    :ivar player: upstream's player.
    :ivar steps: number of steps since the episode's start.
    :ivar start: cell that the episode started on.
    :ivar explored: the cells that the player has seen or visited.
    :ivar recent: cells before the present one, newest first.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 10}  # noqa: RUF012  (Gymnasium's name and kind)

    def __init__(
        self,
        task: CrafterTask,
        side: int,
        worlds: int,
        distance: tuple[int, int],
        render_mode: str | None = None,
    ) -> None:
        self.task = task
        self.render_mode = render_mode
        self.action_space = gymnasium.spaces.Discrete(len(_NAMES))
        self.observation_space = gymnasium.spaces.Box(-1.0, 1.0, (OBSERVED,), np.float32)
        self._side, self._worlds, self._distance = side, worlds, distance
        self.world = World((side, side))
        # After this reset, every field can be read before the first episode. Later unseeded resets are random.
        self.reset(seed=0)
        self._np_random = None

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Draw a world and a start, which depend on the seed alone."""
        super().reset(seed=seed)
        self._begin()
        return observe(self), {}

    def _begin(self) -> None:
        terrain, start = self._draw_start()
        self.world.reset(int(self.np_random.integers(2**31)))
        self.world.fill(terrain.materials)
        self.player = Player(self.world, start)
        self.player.inventory.update(self.task.kit)
        self.world.add(self.player)
        populate(self.world, terrain, self.player)
        self.steps = 0
        self.start = start
        self.explored = Explored(self._side, start)
        self.recent: deque[Cell] = deque([start] * REMEMBERED, REMEMBERED)
        self._sight: Sight | None = None
        self._set_daylight()

    def _draw_start(self) -> tuple[Terrain, Cell]:
        for _ in range(DRAWS):
            number = int(self.np_random.integers(self._worlds or 2**31 - 1))
            start = find_start(self.task.start, number, self._side, self._distance, self.np_random)
            if start is not None:
                return draw_terrain(number, self._side), start
        raise RewardSynthError(
            f"none of {DRAWS} worlds has a place to start from", "widen `distance`, or allow more `worlds`"
        )

    def step(self, action: int) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """One step of the game. The reward is always 0.0. The episode ends by death or at the task's end.

        :param action: number of one of :data:`~reward_synth.simulators.crafter.kinds.ACTIONS`.
        """
        player, before = self.player, self.player.cell
        self.steps += 1
        self._set_daylight()
        player.action = _NAMES[action]
        for creature in self.world.objects:
            x, y = creature.cell
            if abs(x - player.cell[0]) + abs(y - player.cell[1]) < REACH:
                creature.update()
        if self.steps % 10 == 0:
            for chunk, creatures in self.world.chunks.items():
                self._balance(chunk, creatures)
        self.recent.appendleft(before)
        self.explored.move_to(player.cell)
        self._sight = None
        ended = player.health <= 0 or END_TESTS[self.task.end](self)
        return observe(self), 0.0, ended, False, {}

    @property
    def sight(self) -> Sight:
        """What the player sees now."""
        if self._sight is None:
            self._sight = Sight(self.world.view(self.player.cell), self.player.facing)
        return self._sight

    @property
    def died_in_lava(self) -> bool:
        """True if the player is dead and stands in lava, which nobody survives."""
        return bool(self.player.health <= 0 and self.world[self.player.cell][0] == "lava")

    def map_distance(self, kind: str) -> int:
        """Steps, if nothing were in the way, to the nearest of the kind on the map; twice its side if there is none."""
        return self.world.distance(kind, self.player.cell)

    @property
    def time_of_day(self) -> float:
        """Time since the start of the day, as a share of its 300 steps."""
        return (self.steps / 300) % 1

    def _set_daylight(self) -> None:
        self.world.daylight = 1 - abs(float(np.cos(np.pi * (self.time_of_day + 0.3)))) ** 3

    def _balance(self, chunk: tuple[int, int, int, int], creatures: Any) -> None:
        """Spawn or remove creatures of a chunk, depending on light and room, as upstream does."""
        light = self.world.daylight
        grass, path = self.world.count_in(chunk, "grass"), self.world.count_in(chunk, "path")
        dark = 3.5 - 3 * light
        self._balance_kind(chunk, creatures, Zombie, "grass", (6, 0), (0.3, 0.4), (0 if grass < 50 else dark, dark))
        self._balance_kind(chunk, creatures, Skeleton, "path", (7, 7), (0.1, 0.1), (0 if path < 6 else 1, 2))
        self._balance_kind(chunk, creatures, Cow, "grass", (5, 5), (0.01, 0.1), (0 if grass < 30 else 1, 1.5 + light))

    def _balance_kind(
        self,
        chunk: tuple[int, int, int, int],
        creatures: Any,
        kind: type[Any],
        material: str,
        away: tuple[int, int],
        chances: tuple[float, float],
        range_: tuple[float, float],
    ) -> None:
        random = self.world.random
        found = [creature for creature in creatures if isinstance(creature, kind)]
        if len(found) < int(range_[0]) and random.uniform() < chances[0]:
            places = np.argwhere(self.world.mask(*chunk, material))
            x, y = (places[random.randint(0, len(places))] + (chunk[0], chunk[2])).tolist()
            if self.world[x, y][1] is None and self.player.distance((x, y)) >= away[0]:
                self.world.add(kind(self.world, (x, y)) if kind is Cow else kind(self.world, (x, y), self.player))
        elif len(found) > int(range_[1]) and random.uniform() < chances[1]:
            leaving = found[random.randint(0, len(found))]
            if self.player.distance(leaving) >= away[1]:
                self.world.remove(leaving)

    def render(self) -> NDArray[np.uint8] | None:
        """Upstream's picture, shape (360, 360, 3); None without ``render_mode``."""
        if self.render_mode is None:
            return None
        unit = np.array([40, 40])
        lots, self.world.random = self.world.random, np.random.RandomState(self.steps)
        try:  # The picture's noise at night must not change the random draws of the game.
            local = engine.LocalView(self.world, _textures(), list(VIEW))(self.player, unit)
        finally:
            self.world.random = lots
        items = engine.ItemView(_textures(), [VIEW[0], 2])(self.player.inventory, unit)
        picture: NDArray[np.uint8] = np.concatenate([local, items], axis=1).astype(np.uint8).transpose(1, 0, 2)
        return picture


@functools.cache
def _textures() -> Any:
    return engine.Textures(constants.root / "assets")


assert tuple(constants.actions) == _NAMES and set(constants.items) == {*VITALS, *ITEMS}
