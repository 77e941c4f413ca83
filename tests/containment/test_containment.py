"""Code that a model wrote can do nothing but compute numbers: every attack of both corpora against the lock alone.

`benchmarks/containment.py` measures the same in namespaces, with more arms, and with a host that has no protection.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from containment_arms import corpus, harmless, room, transitions
from containment_arms.corpus import ACTION_SIZE, LAYOUT, Attack

from reward_synth.reward.lint import lint
from tests.containment.conftest import listens, needs_seccomp, run_contained

ATTACKS = corpus.load()
LIVE_SAMPLE = (
    "LEAK-003", "LEAK-007", "FILE-014", "FILE-017", "NET-002", "NET-003", "ENV-004", "ENV-016", "MET-007",
    "MET-013", "MET-030", "MET-020", "PROC-006", "HANG-002", "OWN-LEAK-14", "OWN-CHANNEL-25",
)  # fmt: skip
"""Attacks that leave nothing on the machine but in their home."""
CLASS_AS_CONSTANTS = "OK-041"
"""A dataclass of weights may be refused, if the repair is said."""


@needs_seccomp
@pytest.mark.slow
@pytest.mark.timeout(900)
@listens
@pytest.mark.parametrize("kind", sorted({attack.kind for attack in ATTACKS}))
def test_no_attack_lands_with_the_lint_off(kind: str, tmp_path: Path) -> None:
    attacks = [attack for attack in ATTACKS if attack.kind == kind]
    results, surroundings = run_contained(attacks, tmp_path)
    landed = {name: (result["effects"], result["cause"]) for name, result in results.items() if result["effects"]}
    assert landed == {}
    assert surroundings == []
    assert results.keys() == {attack.id for attack in attacks}
    locked = [result["protection"] for result in results.values() if result["protection"]]
    assert locked
    assert all("seccomp" in protection for protection in locked)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the watch reads /proc")
@listens
@pytest.mark.parametrize("attack_id", LIVE_SAMPLE)
def test_the_detector_sees_attacks_land_without_protection(attack_id: str, tmp_path: Path) -> None:
    attack = next(attack for attack in ATTACKS if attack.id == attack_id)
    job = {"arm": "none", "corpus": attack.corpus, "source": attack.code, "naive_seconds": 2.0}
    assert room.Watch(job, tmp_path, alone=False).run()["effects"]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the watch reads /proc")
@listens
def test_the_detector_is_silent_about_a_harmless_reward(tmp_path: Path) -> None:
    for number, reward in enumerate(corpus.load_benign()[:3]):
        job = {"arm": "none", "corpus": "shared", "source": reward.code}
        assert room.Watch(job, tmp_path / str(number), alone=False).run()["effects"] == []


@pytest.mark.xdist_group("listening")
def test_one_process_has_all_tests_of_a_group(request: pytest.FixtureRequest) -> None:
    if not request.config.getoption("loadgroup", False):
        pytest.skip("the tests run in one process")
    assert request.node.nodeid.endswith("@listening")


@pytest.mark.parametrize("reward", corpus.load_benign(), ids=lambda reward: reward.id)
def test_a_harmless_reward_passes_the_lint(reward: Attack) -> None:
    errors = [f for f in lint(reward.lintable, LAYOUT, action_size=ACTION_SIZE).findings if f.severity == "error"]
    if reward.id == CLASS_AS_CONSTANTS:
        assert any("constants above the function" in finding.fix for finding in errors)
    else:
        assert errors == []


@needs_seccomp
@pytest.mark.parametrize("reward", corpus.load_benign(), ids=lambda reward: reward.id)
def test_a_harmless_reward_computes_the_same_in_the_process(reward: Attack) -> None:
    source = reward.lintable
    if reward.id == CLASS_AS_CONSTANTS:
        pytest.skip("refused by the lint: a class")
    real = transitions.some_transitions()
    contained = harmless.contained_rewards(source, LAYOUT, real, ACTION_SIZE)
    assert np.array_equal(contained, harmless.plain_rewards(source, LAYOUT, real))


@pytest.mark.parametrize(
    ("original", "adapted"),
    [
        ("return float(next_obs[0])", "return {'value': float(next_state.obs[0])}"),
        ("return info['x_velocity'] + info.get('dt', 0.0)", "return {'value': next_state.x_velocity + next_state.dt}"),
        ("return 1.0, {'a': obs[0]}", "return {'a': state.obs[0]}"),
        ("info['success'] = True", "next_state.success = True"),
        ("next_obs += 1.0", "next_state.obs += 1.0"),
        ("d = info", "d = next_state"),
    ],
)
def test_renaming_changes_names_only(original: str, adapted: str) -> None:
    text = corpus.renamed(f"def compute_reward(obs, action, next_obs, info):\n    {original}\n")
    assert text == f"def compute_reward(state, action, next_state):\n    {adapted}"


def test_a_new_variable_of_a_parameters_name_stays_one() -> None:
    text = corpus.renamed("def compute_reward(obs, action, next_obs, info):\n    obs = obs * 2\n    return obs[0]\n")
    assert text.splitlines()[1:] == ["    obs = state.obs", "    obs = obs * 2", "    return {'value': obs[0]}"]
