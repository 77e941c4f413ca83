from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest

from reward_synth.core.errors import RewardSynthError
from reward_synth.export.standalone import export
from reward_synth.export.wrapper import RewardWrapper
from reward_synth.reward.contract import RewardError, load_reward
from reward_synth.reward.lint import lint
from reward_synth.sandbox.process import RewardProcess
from reward_synth.simulators import get_simulator
from reward_synth.state.view import column_indices, sublayout

STEPS = 60

REWARD = '''\
from __future__ import annotations
import numpy as np

BACK = 2.0


def lean(s):
    return -abs(s.torso_pitch)


def compute_reward(state, action, next_state, memory):
    """Hop backwards."""
    memory["n"] = memory.get("n", 0) + 1
    return {
        "backward": -BACK * next_state.x_velocity,
        "upright": lean(next_state) - lean(state),
        "calm": -0.01 * float(np.linalg.norm(next_state.foot_velocity)),
        "effort": -0.001 * float(np.sum(action**2)),
        "time": 0.001 * memory["n"],
    }
'''

ROLLOUT = """\
import json, sys
sys.path = [p for p in sys.path if p not in ("", ".")]
sys.path.append(sys.argv[2])
import importlib.util
class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "reward_synth":
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Hidden())
spec = importlib.util.spec_from_file_location("exported", sys.argv[1])
module = importlib.util.module_from_spec(spec)
sys.modules["exported"] = module
spec.loader.exec_module(module)
import numpy as np
env = module.make()
generator = np.random.default_rng(3)
rewards, terms = [], []
env.reset(seed=5)
for step in range(int(sys.argv[3])):
    _, reward, terminated, truncated, info = env.step(generator.uniform(-1, 1, 3).astype(np.float32))
    rewards.append(reward)
    terms.append(info["reward_terms"])
    if terminated or truncated:
        env.reset(seed=6)
print(json.dumps({"rewards": rewards, "terms": terms, "horizon": env.spec.max_episode_steps}))
"""


def through_the_process() -> tuple[list[float], list[dict[str, float]]]:
    """Rewards of the same rollout as training computes them."""
    simulator = get_simulator("gym")
    env = simulator.make("Hopper-v5", {"terminate_when_unhealthy": False}, 25)
    table = simulator.fields(env)
    report = lint(REWARD, table.layout())
    assert report.ok
    read, chosen = table.reader(env), column_indices(table.layout(), report.fields)
    generator = np.random.default_rng(3)
    rewards, terms = [], []
    env.reset(seed=5)
    before, start = read(), True
    with RewardProcess(REWARD, sublayout(table.layout(), report.fields), 3) as process:
        for _ in range(STEPS):
            action = generator.uniform(-1, 1, 3).astype(np.float32)
            _, _, terminated, truncated, _ = env.step(action)
            after = read()
            batch = process.evaluate(before[None, chosen], action[None], after[None, chosen], [start])
            rewards.append(float(batch.rewards[0]))
            terms.append(dict(zip(process.terms, batch.terms[0].tolist(), strict=True)))
            before, start = after, False
            if terminated or truncated:
                env.reset(seed=6)
                before, start = read(), True
    return rewards, terms


def exported(arguments: dict[str, object] | None = None, source: str = REWARD) -> str:
    simulator = get_simulator("gym")
    table = simulator.fields(simulator.make("Hopper-v5", {}))
    return export(source, "Hopper-v5", arguments or {}, 25, table, "hop backwards\nsmoothly")


def test_the_exported_file_runs_alone_and_gives_the_same_rewards(tmp_path: Path) -> None:
    file = tmp_path / "best_reward.py"
    file.write_text(exported({"terminate_when_unhealthy": False}), encoding="utf-8")
    packages = str(Path(np.__file__).parent.parent)
    answer = subprocess.run(
        [sys.executable, "-I", "-c", ROLLOUT, str(file), packages, str(STEPS)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert answer.returncode == 0, answer.stderr
    told = json.loads(answer.stdout)
    rewards, terms = through_the_process()
    np.testing.assert_allclose(told["rewards"], rewards, rtol=0, atol=1e-12)
    assert [list(t) for t in told["terms"]] == [list(t) for t in terms]
    for name in terms[0]:
        np.testing.assert_array_equal([t[name] for t in told["terms"]], [t[name] for t in terms])
    assert told["horizon"] == 25
    assert len({t["time"] for t in terms}) == 25, "memory must begin anew with each episode"


class Chase(gymnasium.Env[Any, Any]):
    """A goal environment: what is to be reached is a part of the observation alone."""

    observation_space = gymnasium.spaces.Dict(
        observation=gymnasium.spaces.Box(-9.0, 9.0, (2,)), desired_goal=gymnasium.spaces.Box(-9.0, 9.0, (2,))
    )
    action_space = gymnasium.spaces.Discrete(3)

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.place, self.goal = self.np_random.uniform(-1.0, 1.0, (2, 2))
        return self._seen(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.place = self.place + np.array([0.1, -0.2]) * (action - 1)
        return self._seen(), 0.0, False, False, {}

    def _seen(self) -> Any:
        return {"observation": self.place.astype(np.float32), "desired_goal": self.goal.astype(np.float32)}


@pytest.mark.parametrize(
    ("env_id", "terms"),
    [
        ("CartPole-v1", "'up': -abs(next_state.pole_angle), 'slow': state.cart_velocity, 'right': 2.0 * action[1]"),
        ("Chase-v0", "'near': -float(np.sum(next_state.desired_goal - state.desired_goal / 3)), 'middle': action[1]"),
    ],
)
def test_a_file_for_an_environment_that_is_known_by_its_observation(env_id: str, terms: str, tmp_path: Path) -> None:
    gymnasium.register("Chase-v0", Chase)
    try:
        simulator, file = get_simulator("gym"), tmp_path / "reward.py"
        source = f"import numpy as np\n\n\ndef compute_reward(state, action, next_state):\n    return {{{terms}}}\n"
        file.write_text(source, encoding="utf-8")
        text = export(source, env_id, {}, 20, simulator.fields(simulator.make(env_id, {})))
        assert "mujoco" not in text
        names: dict[str, Any] = {"__name__": "exported"}
        exec(compile(text, "exported.py", "exec"), names)
        own, known = names["make"](), RewardWrapper(gymnasium.make(env_id, max_episode_steps=20), str(file))
        for seed in (1, 2):
            own.reset(seed=seed)
            known.reset(seed=seed)
            own.action_space.seed(seed)
            for _ in range(9):
                action = own.action_space.sample()
                mine, theirs = own.step(action), known.step(action)
                assert mine[1] == pytest.approx(theirs[1], abs=1e-6) and mine[1] != 0.0
                assert mine[4]["reward_terms"] == pytest.approx(theirs[4]["reward_terms"], abs=1e-6)
    finally:
        gymnasium.registry.pop("Chase-v0")


def test_the_file_says_what_it_is_and_holds_the_code_as_it_was() -> None:
    text = exported()
    assert "# Goal: hop backwards smoothly\n" in text
    assert "reward-synth" in text
    assert REWARD.partition("\n")[2].strip() in text
    assert "Unit: m/s" in text
    compile(text, "best_reward.py", "exec")


def test_what_cannot_be_exported_is_refused_with_the_reason() -> None:
    with pytest.raises(RewardSynthError, match="unknown field"):
        exported(source=REWARD.replace("torso_pitch", "torso_pich"))
    for name in ("make", "TermsWrapper", "_fixed", "mujoco"):
        with pytest.raises(RewardSynthError, match=f"defines {name}"):
            exported(source=REWARD.replace("lean", name))
    table = get_simulator("gym").fields(get_simulator("gym").make("Hopper-v5", {}))
    import dataclasses

    unreadable = [dataclasses.replace(field, code="") for field in table]
    with pytest.raises(RewardSynthError, match="stand-alone"):
        export(REWARD, "Hopper-v5", {}, None, unreadable)


def test_the_wrapper_gives_the_same_rewards_in_your_own_code(tmp_path: Path) -> None:
    file = tmp_path / "reward.py"
    file.write_text(REWARD, encoding="utf-8")
    env = RewardWrapper(gymnasium.make("Hopper-v5", terminate_when_unhealthy=False, max_episode_steps=25), str(file))
    generator = np.random.default_rng(3)
    rewards = []
    env.reset(seed=5)
    for _ in range(STEPS):
        _, reward, terminated, truncated, info = env.step(generator.uniform(-1, 1, 3).astype(np.float32))
        assert reward == sum(info["reward_terms"].values())
        rewards.append(reward)
        if terminated or truncated:
            env.reset(seed=6)
    np.testing.assert_allclose(rewards, through_the_process()[0], rtol=0, atol=1e-12)


def test_the_wrapper_refuses_a_reward_with_errors() -> None:
    with pytest.raises(RewardSynthError, match="did you mean"):
        RewardWrapper(gymnasium.make("Hopper-v5"), REWARD.replace("x_velocity", "x_velocty"))
    with pytest.raises(RewardSynthError, match="cannot be loaded"):
        RewardWrapper(gymnasium.make("Hopper-v5"), REWARD.replace("BACK = 2.0", "BACK = 2.0 / 0.0"))


def test_loading_a_reward_for_ones_own_use(tmp_path: Path) -> None:
    file = tmp_path / "reward.py"
    file.write_text("def compute_reward(state, action, next_state):\n    return {'a': 1.0}\n", encoding="utf-8")
    assert load_reward(file)(None, None, None) == {"a": 1.0}
    assert load_reward(str(file))(None, None, None) == {"a": 1.0}
    assert load_reward(file.read_text())(None, None, None) == {"a": 1.0}
    for broken in ("x = = 1\n\n", "x = 1\ny = 2\n", "x = 1 / 0\ny = 1\n"):
        with pytest.raises(RewardError):
            load_reward(broken)
    with pytest.raises(OSError):
        load_reward(tmp_path / "absent.py")
