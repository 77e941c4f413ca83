"""Crafter's environments: upstream's rules step by step, seeds that reproduce, and fields that tell what is so."""

from __future__ import annotations

import collections
import functools
import hashlib
import inspect
import subprocess
import sys
from pathlib import Path
from typing import Any

import crafter
import gymnasium
import numpy as np
import pytest
from crafter import constants, engine, objects, worldgen
from gymnasium.utils.env_checker import check_env
from opensimplex import OpenSimplex

from reward_synth.core.errors import RewardSynthError
from reward_synth.simulators import describe_environment, environments, get_simulator, simulator_of
from reward_synth.simulators.crafter.kinds import ACTIONS, KINDS
from reward_synth.simulators.crafter.noise import Noise
from reward_synth.simulators.crafter.sight import OBSERVED, OUT_OF_VIEW, Explored
from reward_synth.simulators.crafter.tasks import TASKS
from reward_synth.simulators.crafter.world import Cow, InOrder, Zombie, draw_terrain
from reward_synth.state.recorder import StateRecorder
from reward_synth.state.table import FieldTable

SIMULATOR = get_simulator("crafter")
NUMBERS = {name: number for number, name in enumerate(ACTIONS)}
TOOLS = {"wood": 9, "stone": 9, "coal": 9, "iron": 9, "sapling": 9, "wood_pickaxe": 1, "stone_pickaxe": 1}


@functools.cache
def table() -> FieldTable:
    return SIMULATOR.fields(SIMULATOR.make("crafter-open-world", {}))


class Field:
    """Reads fields of a live environment by name."""

    def __init__(self, env: gymnasium.Env) -> None:
        self.env = env.unwrapped

    def __getattr__(self, name: str) -> Any:
        field = table().get(name)
        assert field is not None, name
        return field.read(self.env)


def upstream(env: Any) -> Any:
    """Upstream's own game in the same state: its classes, its step, with creatures in order and no picture."""

    class Upstream(crafter.Env):
        def render(self, size: Any = None) -> np.ndarray:
            return np.zeros(1)

    theirs = Upstream(seed=0)
    theirs._world.reset(0)
    theirs._world._chunks = collections.defaultdict(InOrder)
    theirs._world._mat_map[:] = env.world._mat_map
    theirs._player = objects.Player(theirs._world, env.start)
    theirs._world.add(theirs._player)
    for creature in env.world.objects[1:]:
        kind = getattr(objects, type(creature).__name__)
        arguments = () if kind is objects.Cow else (theirs._player,)
        theirs._world.add(kind(theirs._world, creature.cell, *arguments))
    theirs._step, theirs._last_health, theirs._unlocked = 0, 9, set()
    theirs._world.random.set_state(env.world.random.get_state())
    return theirs


def creatures(world: Any) -> list[Any]:
    return [(type(each).__name__, *map(int, each.pos), each.health) for each in world.objects]


@pytest.mark.parametrize("seed", range(4))
def test_each_step_is_upstreams(seed: int) -> None:
    env: Any = SIMULATOR.make("crafter-open-world", {}).unwrapped
    env.reset(seed=seed)
    theirs = upstream(env)
    generator = np.random.default_rng(seed)
    for step in range(400):
        if step % 40 == 0:  # so that the rarer rules come up, too
            for player in (env.player, theirs._player):
                player.inventory.update(health=9, food=9, drink=9, energy=5, **TOOLS)
        action = int(generator.choice([1, 2, 3, 4, 5, int(generator.integers(len(ACTIONS)))]))
        _, reward, terminated, truncated, _ = env.step(action)
        _, _, died, info = theirs.step(action)
        assert (reward, terminated, truncated) == (0.0, died, False)
        np.testing.assert_array_equal(env.world._mat_map, theirs._world._mat_map)
        assert creatures(env.world) == creatures(theirs._world)
        assert env.player.inventory == theirs._player.inventory
        assert env.player.achievements == theirs._player.achievements
        assert env.world.daylight == pytest.approx(theirs._world.daylight, abs=1e-12)
        seen = np.where(info["semantic"] > 13, info["semantic"] - 1, info["semantic"])
        ours = env.world.seen[4:-4, 3:-3].copy()
        ours[env.player.cell] = seen[env.player.cell] = 0
        np.testing.assert_array_equal(ours, seen)
        if terminated:
            break
    assert step > 60 and sum(count > 0 for count in env.player.achievements.values()) >= 4


def test_noise_is_that_of_opensimplex() -> None:
    ours, theirs = Noise(7), OpenSimplex(7)
    x, y = np.random.default_rng(0).uniform(-30, 30, (2, 300))
    expected = np.array([theirs.noise3(*point, 3) for point in zip(x, y, strict=True)])
    assert np.ptp(expected) > 1.0
    np.testing.assert_allclose(ours(x, y, 3), expected, atol=3e-4)
    np.testing.assert_array_equal(ours(x[5:9], y[5:9], 3), ours(x, y, 3)[5:9])


@pytest.mark.parametrize(("seed", "side"), [(3, 64), (4, 40)])
def test_a_world_follows_upstreams_recipe(seed: int, side: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Upstream's own function, with our noise in place of the package's, draws the very same world."""

    class Pointwise:
        def __init__(self, seed: int) -> None:
            noise, whole = Noise(seed), np.arange(side, dtype=float)
            x, y = (grid.ravel() for grid in np.meshgrid(whole, whole, indexing="ij"))
            self.known: dict[Any, float] = {}
            for size, layer, along, across in (
                (3, 8, 1, 1), (15, 3, 1, 1), (5, 3, 1, 1), (15, 0, 1, 1), (5, 0, 1, 1), (7, 6, 1, 1), (3, 7, 2, 0.2),
                (3, 7, 0.2, 2), (8, 1, 1, 1), (6, 2, 1, 1), (5, 6, 1, 1), (9, 4, 1, 1), (7, 5, 1, 1),
            ):  # fmt: skip
                values = noise(x * along / size, y * across / size, layer)
                keys = np.round([x * along / size, y * across / size], 9).T.tolist()
                self.known |= {(*key, layer): value for key, value in zip(keys, values.tolist(), strict=True)}

        def noise3(self, x: float, y: float, z: float) -> float:
            return self.known[round(x, 9), round(y, 9), z]

    monkeypatch.setattr(worldgen.opensimplex, "OpenSimplex", Pointwise)
    world = engine.World((side, side), constants.materials, (12, 12))
    world.reset(seed)
    player = objects.Player(world, (side // 2, side // 2))
    world.add(player)
    worldgen.generate_world(world, player)
    terrain = draw_terrain(seed, side)
    np.testing.assert_array_equal(terrain.materials, world._mat_map)
    drawn = [(type(each).__name__.lower(), tuple(map(int, each.pos))) for each in world.objects[1:]]
    assert drawn == list(terrain.creatures) and len(drawn) > 5


def episode(env, seed: int, steps: int) -> str:
    """Digest of an episode of random actions."""
    generator, digest = np.random.default_rng(seed), hashlib.sha256()
    digest.update(env.reset(seed=seed)[0].tobytes())
    for _ in range(steps):
        observation, _, terminated, _, _ = env.step(int(generator.integers(1, 7)))
        digest.update(observation.tobytes() + env.unwrapped.world.seen.tobytes())
        if terminated:
            break
    return digest.hexdigest()


ELSEWHERE = """
import hashlib
import numpy as np
from reward_synth.simulators import get_simulator

@FUNCTION@

print(episode(get_simulator("crafter").make("crafter-attack-cow", {}), 5, 150))
"""


def test_a_seed_gives_the_same_episode_in_every_process() -> None:
    env = SIMULATOR.make("crafter-attack-cow", {})
    episode(env, 6, 40)  # what was before must not matter
    expected = episode(env, 5, 150)
    assert episode(SIMULATOR.make("crafter-attack-cow", {}), 5, 150) == expected
    assert episode(env, 6, 150) != expected
    for hash_seed in ("1", "2"):
        ran = subprocess.run(
            [sys.executable, "-c", ELSEWHERE.replace("@FUNCTION@", inspect.getsource(episode))],
            env={"PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
        assert ran.stdout.strip() == expected


def test_numba_is_left_alone(tmp_path: Path) -> None:
    """It would compile into a cache folder, which a locked worker has not."""
    broken = "def njit(*_, **__):\n    raise RuntimeError('no locator available')\n\n\nprange = range\n"
    (tmp_path / "numba.py").write_text(broken)
    code = "from reward_synth.simulators.crafter.env import CrafterEnv; import numba"
    for source, fails in ((code, False), ("import opensimplex", True)):
        ran = subprocess.run(
            [sys.executable, "-c", source],
            env={"PYTHONPATH": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert ("no locator available" in ran.stderr) == fails and (ran.returncode != 0) == fails, ran.stderr


def test_an_unseeded_reset_goes_on_drawing() -> None:
    one, other = (SIMULATOR.make("crafter-approach-tree", {}) for _ in range(2))
    first = one.reset(seed=3)[0]
    np.testing.assert_array_equal(first, other.reset(seed=3)[0])
    following = one.reset()[0]
    assert not np.array_equal(first, following)
    np.testing.assert_array_equal(following, other.reset()[0])
    fresh = [SIMULATOR.make("crafter-approach-tree", {}).reset()[0] for _ in range(2)]
    assert not np.array_equal(*fresh)


@pytest.mark.filterwarnings("ignore")
def test_gymnasium_finds_no_fault() -> None:
    check_env(SIMULATOR.make("crafter-open-world", {"side": 32}).unwrapped, skip_render_check=True)


# Fields


def meadow() -> Any:
    """The whole game, unwrapped, on grass as far as the world goes, with nobody but the player."""
    env: Any = SIMULATOR.make("crafter-open-world", {}).unwrapped
    env.reset(seed=0)
    for creature in env.world.objects[1:]:
        env.world.remove(creature)
    env.world.fill(np.full((64, 64), KINDS.index("grass") + 1, np.uint8))
    return env


def test_the_view_of_a_laid_out_world() -> None:
    env = meadow()
    x, y = env.player.cell
    env.world[x + 3, y - 2] = "tree"
    env.world[x + 4, y - 3] = "tree"
    env.world[x + 5, y] = "diamond"  # beyond the view
    env.world[x - 1, y] = "lava"
    cow = Cow(env.world, (x, y - 1))
    env.world.add(cow)
    env.step(NUMBERS["move_up"])  # the cow is in the way, so the player only turns
    fields = Field(env)
    if cow.cell != (x, y - 1):
        pytest.fail("choose a seed with which the cow stays")
    assert (fields.tree_visible, fields.tree_distance) == (1.0, 5.0)
    np.testing.assert_array_equal(fields.tree_offset, [3.0, -2.0])
    assert (fields.diamond_visible, fields.diamond_distance) == (0.0, OUT_OF_VIEW)
    np.testing.assert_array_equal(fields.diamond_offset, [0.0, 0.0])
    assert (fields.cow_faced, fields.cow_distance, fields.tree_faced) == (1.0, 1.0, 0.0)
    np.testing.assert_array_equal(fields.facing, [0.0, -1.0])
    assert (fields.diamond_map_distance, fields.tree_map_distance) == (5.0, 5.0)
    assert fields.lava_distance == 1.0
    assert (fields.visited_cells, fields.on_new_cell, fields.dead) == (1.0, 0.0, 0.0)
    env.step(NUMBERS["move_right"])
    assert (fields.on_new_cell, fields.visited_cells, fields.seen_cells) == (1.0, 2.0, 70.0)
    np.testing.assert_array_equal(fields.position, [1.0, 0.0])
    assert fields.diamond_visible == 1.0
    env.step(NUMBERS["noop"])
    assert (fields.on_new_cell, fields.visited_cells) == (0.0, 2.0)
    np.testing.assert_array_equal(fields.recent_positions[:3], [[1.0, 0.0], [0.0, 0.0], [0.0, 0.0]])
    env.step(NUMBERS["move_left"])
    assert fields.on_new_cell == 0.0
    _, _, terminated, _, _ = env.step(NUMBERS["move_left"])
    assert terminated and (fields.dead, fields.dead_in_lava, fields.health) == (1.0, 1.0, 0.0)


def test_a_meal_with_full_food_shows_to_judges_alone() -> None:
    env = meadow()
    fields, (x, y) = Field(env), env.player.cell
    cow = Cow(env.world, (x, y - 1))
    env.world.add(cow)
    env.player.facing = (0, -1)
    assert (fields.achieved_eat_cow, fields.food) == (0.0, 9.0)
    while not cow.removed:
        if cow.cell != (x, y - 1):  # It walks off now and then.
            env.world.move(cow, (x, y - 1))
        env.step(NUMBERS["do"])
        assert env.steps < 20
    assert (fields.achieved_eat_cow, fields.food) == (1.0, 9.0)
    # Its count is the success of a task, which no reward may read under whatever name.
    assert not any("eat" in name for name in table().for_rewards().names)


def test_death_by_a_zombie_is_no_death_in_lava() -> None:
    env: Any = SIMULATOR.make("crafter-open-world", {}).unwrapped
    env.reset(seed=0)
    x, y = env.player.cell
    env.world.add(Zombie(env.world, (x + 1, y), env.player))
    env.player.health = 1
    terminated = False
    for _ in range(20):
        if not terminated:
            _, _, terminated, _, _ = env.step(NUMBERS["noop"])
    fields = Field(env)
    assert terminated and (fields.dead, fields.dead_in_lava) == (1.0, 0.0)


def test_inventory_and_achievements_follow_the_game() -> None:
    env: Any = SIMULATOR.make("crafter-open-world", {}).unwrapped
    env.reset(seed=1)
    fields, (x, y) = Field(env), env.player.cell
    env.world[x, y + 1] = "tree"  # the player looks down at first
    env.step(NUMBERS["do"])
    assert (fields.wood, fields.achieved_collect_wood, fields.tree_faced) == (1.0, 1.0, 0.0)
    env.player.inventory["energy"] = 3
    env.step(NUMBERS["sleep"])
    assert fields.sleeping == 1.0
    assert fields.time_of_day == pytest.approx(2 / 300) and 0.5 < fields.daylight < 1.0


def test_each_field_lives_within_its_bounds() -> None:
    whole = table()
    env = StateRecorder(SIMULATOR.make("crafter-open-world", {}), whole)
    for field in whole:
        assert np.shape(field.read(env.unwrapped)) == field.shape
    generator, rows = np.random.default_rng(0), [env.reset(seed=2)[1]["next_state"]]
    for _ in range(150):
        rows.append(env.step(int(generator.integers(17)))[4]["next_state"])
        if rows[-1][whole.columns()["dead"]] > 0:
            break
    history = np.stack(rows)
    assert np.all(history >= whole.low) and np.all(history <= whole.high)
    moving = {name for name, place in whole.columns().items() if np.ptp(history[:, place], axis=0).any()}
    assert {"position", "recent_positions", "facing", "visited_cells", "daylight", "drink", "cow_offset"} <= moving


def test_what_would_be_a_sparse_reward_is_for_judges_alone() -> None:
    hidden = set(table().names) - set(table().for_rewards().names)
    assert {"achieved_eat_cow", "tree_map_distance", "diamond_map_distance"} <= hidden and len(hidden) == 25
    assert {"wood", "cow_faced", "dead"} <= set(table().essential().names) <= set(table().for_rewards().names)


def test_the_stub_says_that_an_action_is_a_choice() -> None:
    short, full = table().stub(short=True), table().stub()
    for text in (short, full):
        assert "shape (17,), 1.0 for the action that was chosen" in text and "achieved" not in text
    assert "action[5]: do  #" in full and "noop, move_left" in short


def test_the_observation_tells_the_view() -> None:
    env = SIMULATOR.make("crafter-collect-wood", {})
    observation, _ = env.reset(seed=4)
    assert observation.shape == (OBSERVED,) and env.observation_space.contains(observation)
    tree = 3 * KINDS.index("tree")
    offset = env.unwrapped.sight.offset("tree")
    if offset is None:
        assert not observation[tree : tree + 3].any()
    else:
        np.testing.assert_allclose(observation[tree : tree + 3], [1.0, offset[0] / 4, offset[1] / 3])
    turned = env.step(NUMBERS["move_up"])[0]
    np.testing.assert_array_equal(turned[-4:-2], [0.0, -1.0])


def test_the_policy_is_told_what_lies_around_and_where_it_has_been() -> None:
    env = meadow()
    start = env.player.cell
    env.world[start[0], start[1] - 1] = "lava"
    env.world[start[0] - 1, start[1]] = "water"
    observation = env.step(NUMBERS["move_right"])[0]
    ways, visited, seen = (part.copy() for part in np.split(observation[-4 - 25 - 2 * 63 : -4], [63, 126]))
    view = ways.reshape(9, 7)
    # The player, in the middle, has gone to the right: what was above and to the left of it is one further to the left.
    assert (view[4, 3], view[3, 2], view[2, 3], view[5, 3]) == (1.0, -1.0, 0.0, 1.0)
    assert {tuple(cell) for cell in np.argwhere(visited.reshape(9, 7))} == {(4, 3), (3, 3)}
    shares = seen.reshape(5, 5)
    np.testing.assert_allclose(shares[:, 2], [0.0, 1 / 9, 1.0, 0.0, 0.0], atol=1e-6)
    assert not shares[:, (0, 1, 3, 4)].any()
    np.testing.assert_allclose(observation[-4 - 25 - 2 * 63 - 2 : -4 - 25 - 2 * 63], [1 / 24, 0.0])


def test_cells_are_counted_once_and_only_within_the_world() -> None:
    explored = Explored(20, (10, 10))
    assert (explored.seen_cells, explored.visited_cells, explored.on_new_cell) == (63, 1, True)
    explored.move_to((10, 10))
    assert (explored.seen_cells, explored.visited_cells, explored.on_new_cell) == (63, 1, False)
    explored.move_to((11, 10))
    assert (explored.seen_cells, explored.visited_cells, explored.on_new_cell) == (70, 2, True)
    corner = Explored(20, (0, 0))
    assert corner.seen_cells == 5 * 4
    shares = corner.seen((0, 0))
    assert (shares[:2] == 1.0).all() and (shares[:, :2] == 1.0).all()
    assert shares[3, 3] == 0.0 and corner.visited((0, 0)).sum() == 1.0


def test_designers_are_told_how_far_it_is_and_what_the_policy_sees() -> None:
    text = describe_environment("crafter-diamond-kit", {"distance": [5, 9]})
    assert "5 to 9 steps" in text and "The policy sees" in text
    assert "7 to 30 steps" in describe_environment("crafter-approach-tree")
    assert "steps from the start" not in describe_environment("crafter-collect-wood")


def test_the_picture_takes_no_lots_from_the_game() -> None:
    seen, unseen = (
        SIMULATOR.make("crafter-open-world", {"render_mode": "rgb_array"}),
        SIMULATOR.make("crafter-open-world", {}),
    )
    for env in (seen, unseen):
        env.reset(seed=0)
        env.unwrapped.steps = 280  # night, when upstream's picture is noisy
        env.step(0)
    pictures = [seen.render(), seen.render()]
    np.testing.assert_array_equal(*pictures)
    assert pictures[0].shape == (360, 360, 3) and pictures[0].dtype == np.uint8 and np.ptp(pictures[0]) > 50
    assert str(seen.unwrapped.world.random.get_state()) == str(unseen.unwrapped.world.random.get_state())


# Starts


@pytest.mark.parametrize("env_id", ["crafter-approach-tree", "crafter-approach-cow", "crafter-diamond-kit"])
def test_episodes_start_where_the_task_says(env_id: str) -> None:
    env = SIMULATOR.make(env_id, {"worlds": 40})
    fields, sought = Field(env), env_id.split("-")[-1].replace("kit", "diamond")
    starts = set()
    for seed in range(25):
        env.reset(seed=seed)
        starts.add(env.unwrapped.start)
        far = getattr(fields, f"{sought}_map_distance")
        if sought == "diamond":
            assert 3 <= far <= 16 and fields.iron_pickaxe == 1.0
            assert env.unwrapped.world[env.unwrapped.start][0] == "path"
        else:
            assert getattr(fields, f"{sought}_visible") == 0.0 and {"tree": 7, "cow": 8}[sought] <= far <= 30
            assert env.unwrapped.world[env.unwrapped.start][0] == "grass"
        assert fields.dead == 0.0 and fields.visited_cells == 1.0
    assert len(starts) > 20


def test_worlds_are_as_many_as_asked_for() -> None:
    few = SIMULATOR.make("crafter-collect-wood", {"worlds": 2, "side": 32})
    layouts = {few.reset(seed=seed) and few.unwrapped.world._mat_map.tobytes() for seed in range(12)}
    assert len(layouts) == 2
    fresh = SIMULATOR.make("crafter-collect-wood", {"worlds": 0, "side": 32})
    assert len({fresh.reset(seed=seed) and fresh.unwrapped.world._mat_map.tobytes() for seed in range(5)}) == 5


def test_a_start_that_no_world_has_is_told() -> None:
    with pytest.raises(RewardSynthError, match="place to start") as caught:
        SIMULATOR.make("crafter-diamond-kit", {"distance": [400, 400], "worlds": 2, "side": 16})
    assert "distance" in caught.value.hint


@pytest.mark.parametrize(
    ("env_id", "arguments", "hint"),
    [
        ("crafter-collect-woods", {}, "crafter-collect-wood"),
        ("collect_wood", {}, "crafter-collect-wood"),
        ("crafter-collect-wood", {"reward": True}, "side"),
        ("crafter-collect-wood", {"side": 8}, "16 to 256"),
        ("crafter-collect-wood", {"worlds": True}, "whole number"),
        ("crafter-collect-wood", {"distance": [1, 2]}, "leave it out"),
        ("crafter-diamond-kit", {"distance": 3}, "[3, 16]"),
        ("crafter-diamond-kit", {"distance": [9, 3]}, "rise"),
        ("crafter-collect-wood", {"render_mode": "human"}, "rgb_array"),
    ],
)
def test_bad_input_gets_a_hint(env_id: str, arguments: dict[str, Any], hint: str) -> None:
    with pytest.raises(RewardSynthError) as caught:
        SIMULATOR.make(env_id, arguments)
    assert hint in caught.value.message + (caught.value.hint or "")


def test_ids_belong_to_this_simulator() -> None:
    assert {simulator_of(env_id) for env_id in TASKS} == {"crafter"}
    assert set(TASKS) <= set(environments())
    with pytest.raises(RewardSynthError, match="not made by"):
        SIMULATOR.fields(get_simulator("gym").make("InvertedPendulum-v5", {}))
