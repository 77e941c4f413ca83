"""A task that a recorded reward solves within seconds, and the answers of a model that wrote it."""

from __future__ import annotations

from pathlib import Path

from benchmarks.recorded import recorded_rewards

SOLVES = next(
    reward.source
    for reward in recorded_rewards("inverted_pendulum_balance")
    if any(trained.success == 1.0 for trained in reward.trained)
)
"""A reward with which a search solved the whole task, of which this one is the beginning."""
ANSWER = f"Here it is.\n\n```python\n{SOLVES}```\n"
REVIEW = '{"verdict": "pass", "findings": []}'
TASK = """
name: gym/stand_for_a_while
goal: keep the pole up for a while
simulator: gym
environment: {id: InvertedPendulum-v5}
horizon: 70
# Without control it falls within 60 steps.
success: episode.length == episode.horizon and not episode.terminated
fitness: float(episode.length)
fitness_unit: steps
training: {learner: ppo, preset: balance, steps: 16000}
evaluation: {episodes: 8}
"""


def task_file(folder: Path) -> Path:
    path = folder / "stand.yaml"
    path.write_text(TASK)
    return path
