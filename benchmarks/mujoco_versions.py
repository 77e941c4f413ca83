"""From which step on do Gymnasium's MuJoCo bodies move in another way, under the same name, with another MuJoCo?

    python benchmarks/mujoco_versions.py record a.npz              # with one MuJoCo
    OTHER/bin/python benchmarks/mujoco_versions.py record b.npz    # with another one
    python benchmarks/mujoco_versions.py compare a.npz b.npz

Each body is played with the same random actions from the same seeds. It needs numpy, gymnasium and mujoco alone.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np

BODIES = (
    "InvertedPendulum-v5", "InvertedDoublePendulum-v5", "Reacher-v5", "Pusher-v5", "Swimmer-v5", "HalfCheetah-v5",
    "Hopper-v5", "Walker2d-v5", "Ant-v5", "Humanoid-v5", "HumanoidStandup-v5",
)  # fmt: skip
SEEDS, STEPS = 5, 500
SEEN = 1e-3
"""A difference of a coordinate, in metres or radians, that a figure can show."""


def play(env_id: str, seed: int) -> tuple[np.ndarray, int, float]:
    """Coordinates after each step (STEPS × nq), the first step with a contact (-1 for none), and the episode's return.

    The native reward is summed until the episode ends; the body moves on, so that there is something to compare.
    """
    import gymnasium

    env: Any = gymnasium.make(env_id, disable_env_checker=True).unwrapped
    env.reset(seed=seed)
    actions = np.random.default_rng(seed).uniform(env.action_space.low, env.action_space.high, (STEPS, env.model.nu))
    seen, touched, paid, over = np.zeros((STEPS, env.model.nq)), -1, 0.0, False
    for step, action in enumerate(actions):
        _, reward, ended, _, _ = env.step(action)
        paid += 0.0 if over else float(reward)
        over = over or ended
        seen[step] = env.data.qpos
        touched = step if touched < 0 and env.data.ncon else touched
    return seen, touched, paid


def record(file: Path) -> None:
    """Play all bodies and write what was seen."""
    import gymnasium
    import mujoco

    kept: dict[str, Any] = {"versions": f"mujoco {mujoco.__version__}, gymnasium {gymnasium.__version__}"}
    for env_id in BODIES:
        for seed in range(SEEDS):
            kept[f"{env_id}/{seed}/qpos"], *more = play(env_id, seed)
            kept[f"{env_id}/{seed}/more"] = np.array(more)
    np.savez_compressed(file, **kept)


def parted(one: np.ndarray, other: np.ndarray, more_than: float) -> str:
    """The first step at which a coordinate differs by more than that; an episode that stays the same has none."""
    differs = (np.abs(one - other) > more_than).any(axis=1)
    return str(int(differs.argmax())) if differs.any() else "–"


def compare(first: Path, second: Path) -> None:
    """Print a row per body, with a number per seed."""
    one, other = np.load(first), np.load(second)
    print(f"{one['versions']} beside {other['versions']}; {SEEDS} seeds, {STEPS} steps\n")
    print(f"| body | first contact | differs at all | by more than {SEEN:g} | native return: first | second |")
    print("| --- | --- | --- | --- | --- | --- |")
    for env_id in BODIES:
        pairs = [(one[f"{env_id}/{seed}/qpos"], other[f"{env_id}/{seed}/qpos"]) for seed in range(SEEDS)]
        told = [np.array([file[f"{env_id}/{seed}/more"] for seed in range(SEEDS)]) for file in (one, other)]
        touched = ", ".join("–" if step < 0 else f"{step:.0f}" for step in told[0][:, 0])
        steps = [", ".join(parted(*pair, more_than) for pair in pairs) for more_than in (0.0, SEEN)]
        print(f"| {env_id} | {touched} | {' | '.join(steps)} | {' | '.join(f'{t[:, 1].mean():.1f}' for t in told)} |")


def main(arguments: list[str]) -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("record").add_argument("file", type=Path)
    comparing = verbs.add_parser("compare")
    comparing.add_argument("first", type=Path)
    comparing.add_argument("second", type=Path)
    chosen = parser.parse_args(arguments)
    if chosen.verb == "record":
        record(chosen.file)
    else:
        compare(chosen.first, chosen.second)


if __name__ == "__main__":
    main(sys.argv[1:])
