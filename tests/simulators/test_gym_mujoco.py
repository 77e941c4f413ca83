"""Making environments, and how wrong ids and arguments are answered."""

from __future__ import annotations

import sys
from pathlib import Path

import gymnasium
import pytest

from reward_synth.core.errors import RewardSynthError
from reward_synth.simulators import describe_environment, get_simulator, simulator_names
from reward_synth.simulators.gym.adapter import GymMujoco

SIMULATOR = GymMujoco()


@pytest.mark.parametrize(
    ("env_id", "hint"),
    [
        ("HalfCheeta-v5", "did you mean HalfCheetah-v5"),
        ("half_cheetah", "HalfCheetah-v5"),
        ("Hopper-v7", "did you mean Hopper-v5?"),
        ("swimmer-v5", "did you mean Swimmer-v5?"),
        ("Spot-the-dog-v0", "installed: Ant-v5"),
        ("not an id", "installed: Ant-v5"),
        ("FetchReach-v4", "One that another package registers is named module:EnvId"),
    ],
)
def test_unknown_environment_names_the_nearest(env_id: str, hint: str) -> None:
    with pytest.raises(RewardSynthError, match="unknown environment") as error:
        SIMULATOR.make(env_id, {})
    assert repr(env_id) in error.value.message
    assert hint in error.value.hint


def test_a_retired_version_points_to_the_present_one() -> None:
    with pytest.raises(RewardSynthError, match="cannot be imported") as error:
        SIMULATOR.make("Hopper-v3", {})
    assert error.value.hint == "did you mean Hopper-v5?"


def test_missing_module_is_named() -> None:
    with pytest.raises(RewardSynthError, match="no_such_package") as error:
        SIMULATOR.make("no_such_package:Robot-v0", {})
    assert "no_such_package" in error.value.hint


def test_unknown_argument_lists_those_accepted() -> None:
    with pytest.raises(RewardSynthError, match="forward_weight") as error:
        SIMULATOR.make("Hopper-v5", {"forward_weight": 3})
    assert "terminate_when_unhealthy" in error.value.hint


def test_missing_model_file_is_a_user_error() -> None:
    with pytest.raises(RewardSynthError, match="does not exist"):
        SIMULATOR.make("Hopper-v5", {"xml_file": "/nowhere/robot.xml"})


@pytest.mark.parametrize("horizon", [0, -5])
def test_horizon_must_be_positive(horizon: int) -> None:
    with pytest.raises(RewardSynthError, match="at least 1 step"):
        SIMULATOR.make("Hopper-v5", {}, horizon)


def test_arguments_and_horizon_reach_the_environment() -> None:
    env = SIMULATOR.make("Hopper-v5", {"terminate_when_unhealthy": False, "frame_skip": 2}, horizon=7)
    env.reset(seed=0)
    ends = [env.step(env.action_space.high)[2:4] for _ in range(7)]
    assert ends == [(False, False)] * 6 + [(False, True)]
    assert SIMULATOR.seconds_per_step(env) == pytest.approx(0.004)
    assert SIMULATOR.make("Reacher-v5", {}).spec.max_episode_steps == 50


def test_environments_of_a_module_are_registered_by_importing_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my_robots.py").write_text(
        "import gymnasium\ngymnasium.register('MyHopper-v0', entry_point='gymnasium.envs.mujoco.hopper_v5:HopperEnv')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    env = SIMULATOR.make("my_robots:MyHopper-v0", {}, horizon=3)
    assert "torso_pitch" in SIMULATOR.fields(env).names
    gymnasium.registry.pop("MyHopper-v0")
    sys.modules.pop("my_robots")


def test_all_eleven_environments_are_described() -> None:
    environments = SIMULATOR.environments()
    assert len(environments) == 11
    assert all(env_id.endswith("-v5") and 20 < len(text) < 160 for env_id, text in environments.items())
    # A designer must know whether a fall ends the episode: it decides whether paying for survival means anything.
    assert all("ends" in text for text in environments.values())


def test_a_designer_is_told_which_episodes_end_early_in_this_very_task() -> None:
    for env_id in SIMULATOR.environments():
        told = describe_environment(env_id, {"terminate_when_unhealthy": False})
        falls = env_id in ("Ant-v5", "Hopper-v5", "Humanoid-v5", "Walker2d-v5")
        assert (told != describe_environment(env_id)) == falls
        assert not falls or ("ends the episode" not in told and "episode ends" not in told)


def test_tables_of_two_instances_are_equal() -> None:
    first, second = (SIMULATOR.fields(SIMULATOR.make("Walker2d-v5", {})) for _ in range(2))
    assert tuple(first) == tuple(second) and first.actions == second.actions


def test_simulators_by_name() -> None:
    assert simulator_names() == ("gym", "metaworld", "maniskill", "crafter", "dmcontrol")
    assert [get_simulator(name).name for name in simulator_names()] == list(simulator_names())
    with pytest.raises(RewardSynthError, match="unknown simulator 'gymm'") as error:
        get_simulator("gymm")
    assert error.value.hint == "did you mean gym?"


def test_the_standard_library_is_not_imported_for_an_environment(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(RewardSynthError, match="holds no environment"):
        GymMujoco().make("this:Foo-v0", {})
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "env_id",
    ["Ant-v5", "Hopper-v5", "Humanoid-v5", "Walker2d-v5", "InvertedPendulum-v5", "InvertedDoublePendulum-v5"],
)
def test_an_episode_ends_early_just_where_a_field_leaves_its_bounds(env_id: str) -> None:
    env = SIMULATOR.make(env_id, {})
    bounded = [field for field in SIMULATOR.fields(env) if field.healthy is not None]
    assert bounded
    env.action_space.seed(0)
    ended = 0
    for seed in range(8):
        env.reset(seed=seed)
        for _ in range(300):
            terminated = env.step(env.action_space.sample())[2]
            values = [(each.healthy, float(each.read(env.unwrapped))) for each in bounded]
            left = [value for bounds, value in values if bounds is not None and not bounds[0] < value < bounds[1]]
            assert bool(left) is terminated
            if terminated:
                ended += 1
                break
    assert ended >= 4


def test_where_no_fall_ends_an_episode_no_field_has_bounds() -> None:
    for env_id, arguments in (("Hopper-v5", {"terminate_when_unhealthy": False}), ("HalfCheetah-v5", {})):
        table = SIMULATOR.fields(SIMULATOR.make(env_id, arguments))
        assert not any(field.healthy for field in table)
    table = SIMULATOR.fields(SIMULATOR.make("Hopper-v5", {"healthy_z_range": (0.9, 2.0)}))
    assert {field.healthy for field in table if field.name == "torso_height"} == {(0.9, 2.0)}
