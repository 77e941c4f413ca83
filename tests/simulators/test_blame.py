"""Who is to blame where an environment cannot be had: an id, a version, a package that nobody imported, or itself."""

from __future__ import annotations

import sys
from pathlib import Path

import gymnasium
import pytest

from reward_synth.core.errors import EnvironmentFault, RewardSynthError
from reward_synth.simulators.custom.files import name_environment
from reward_synth.simulators.gym.adapter import GymMujoco

SIMULATOR = GymMujoco()


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two packages: one for a Gymnasium of long ago, and one that registers an environment."""

    def add(name: str, code: str, requires: str) -> None:
        (tmp_path / f"{name}.py").write_text(code)
        folder = tmp_path / f"{name}-1.0.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\nRequires-Dist: {requires}\n"
        )
        (folder / "top_level.txt").write_text(name)

    add("old_robots", "import gymnasium.wrappers.compatibility\n", "gymnasium (==0.28.1)")
    add("old_names", "from gymnasium.spaces import Bocks\n", "gymnasium[mujoco]<0.29; python_version > '3'")
    call = "gymnasium.register('HiddenReach-v3', entry_point='hidden_robots:Reach')"
    add("hidden_robots", f"import gymnasium\nprint('hello')\n{call}\n", "gymnasium>=1.0")
    code = "from nowhere_sim import Arm\n"
    add("needs_more", code, 'nowhere-sim==0.2\nRequires-Dist: numpy\nRequires-Dist: odd; python_version < "3"')
    add("asks_neighbour", "import needs_more\n", "needs-more")
    package = tmp_path / "robots_below"
    package.mkdir()
    (package / "__init__.py").write_text("")
    call = "gymnasium.register('DeepReach-v0', entry_point='robots_below.my_envs:Reach')"
    (package / "my_envs.py").write_text(f"import gymnasium\n{call}\n")
    (tmp_path / "robots_later.py").write_text("from gymnasium import register\ndef register_all():\n    pass\n")
    monkeypatch.syspath_prepend(str(tmp_path))


@pytest.mark.parametrize(
    ("env_id", "said"),
    [
        ("old_robots:Reach-v0", r"`old_robots` was written for another version of `gymnasium` \(it asks for "
         r"gymnasium==0.28.1, and [\d.]+ is installed\): No module named 'gymnasium.wrappers.compatibility'"),
        ("old_names:Reach-v0", r"another version of `gymnasium` \(it asks for gymnasium<0.29, and .* name 'Bocks'"),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("install")
def test_a_part_that_an_installed_package_no_longer_has(env_id: str, said: str) -> None:
    with pytest.raises(RewardSynthError, match=said) as error:
        SIMULATOR.make(env_id, {})
    assert "pip install what" not in error.value.hint


def test_so_it_is_in_a_file_and_where_a_registered_class_is_imported(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("import gymnasium.wrappers.compatibility\nclass A: pass\n")
    with pytest.raises(RewardSynthError, match=r"`mine` was written for another version of `gymnasium` \([\d.]+ is"):
        SIMULATOR.make(name_environment(f"{tmp_path}/mine.py:A"), {})
    gymnasium.register("Gone-v0", entry_point="gymnasium.envs.nowhere:Gone")
    with pytest.raises(RewardSynthError, match="'Gone-v0' cannot be imported: No module named"):
        SIMULATOR.make("Gone-v0", {})


@pytest.mark.usefixtures("install")
def test_an_id_that_an_installed_package_would_register_is_found() -> None:
    with pytest.raises(RewardSynthError, match="unknown environment 'hiddenreach-v3'") as error:
        SIMULATOR.make("hiddenreach-v3", {})
    assert "--env hidden_robots:HiddenReach-v3" in error.value.hint
    assert "hidden_robots" not in sys.modules


@pytest.mark.usefixtures("install")
def test_so_it_is_where_a_file_imports_the_package(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("import needs_more\nclass A: pass\n")
    with pytest.raises(RewardSynthError, match=r"^mine.py cannot be imported: No module named 'nowhere_sim'") as error:
        SIMULATOR.make(name_environment(f"{tmp_path}/mine.py:A"), {})
    assert error.value.hint == "needs_more asks for what is not installed: pip install nowhere-sim==0.2"


@pytest.mark.parametrize(
    ("env_id", "hint"),
    [
        ("needs_more:Arm-v0", "needs_more asks for what is not installed: pip install nowhere-sim==0.2"),
        ("asks_neighbour:Arm-v0", "needs_more asks for what is not installed: pip install nowhere-sim==0.2"),
        ("robots_below:DeepReach-v0", "another part of the package registers it: "
         "--env robots_below.my_envs:DeepReach-v0"),
        ("robots_later:Reach-v0", "it registers its environments in robots_later.register_all(): "
         "a file of your own can call that and return gymnasium.make(…)"),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("install")
def test_what_an_installed_package_still_needs_is_named(env_id: str, hint: str) -> None:
    with pytest.raises(RewardSynthError) as error:
        SIMULATOR.make(env_id, {})
    assert error.value.hint == hint
    assert "robots_below.my_envs" not in sys.modules


def _refuses() -> gymnasium.Env:
    raise gymnasium.error.InvalidBound("the bound of\n the arm is wrong")


def _breaks() -> gymnasium.Env:
    raise OSError("no licence server")


gymnasium.register("Refuses-v0", entry_point=_refuses)
gymnasium.register("Breaks-v0", entry_point=_breaks)
gymnasium.register("CallsWrongly-v0", entry_point=lambda: dict(1, 2))
gymnasium.register("Wants-v0", entry_point=lambda body: body)
gymnasium.register("NoEnvironment-v0", entry_point=dict)


def test_only_an_unknown_id_is_called_unknown() -> None:
    with pytest.raises(RewardSynthError, match="Refuses-v0 cannot be made: the bound of the arm is wrong") as error:
        SIMULATOR.make("Refuses-v0", {})
    assert error.value.hint == "it accepts no arguments"
    with pytest.raises(EnvironmentFault, match="Breaks-v0 cannot be made: OSError: no licence server"):
        SIMULATOR.make("Breaks-v0", {})
    with pytest.raises(EnvironmentFault, match="CallsWrongly-v0 cannot be made: TypeError: dict expected"):
        SIMULATOR.make("CallsWrongly-v0", {})
    with pytest.raises(RewardSynthError, match="missing 1 required positional argument: 'body'") as error:
        SIMULATOR.make("Wants-v0", {})
    assert error.value.hint == "it accepts: body"
    with pytest.raises(RewardSynthError, match=r"gymnasium\.Env") as error:
        SIMULATOR.make("NoEnvironment-v0", {})
    assert "through-a-wrapper" in error.value.hint
