"""What a film costs beside playing its episode and drawing its pictures, for each simulator.

    python benchmarks/film_seconds.py                     # prints a table
    python benchmarks/film_seconds.py --only crafter --repeats 5 --json

A film is what a run makes by itself: an episode of aimless actions over the task's horizon, in 150 pictures of 480x360
at most, with what the reward pays and what the measures say, drawn in a locked process, captioned and encoded. Beside
it another process plays the same episode and draws the same pictures, and does nothing else. Figures are processor
seconds, user and system, of the processes that are started, and of this one for the film; the two by turns, medians.
`loop` is the part of the second that follows its start: reset, steps and pictures.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from reward_synth.core.arrays import FloatArray
from reward_synth.core.types import Candidate, CheckReport, TrainResult
from reward_synth.evaluation.play import field_table, play
from reward_synth.evaluation.scoring import score_episodes
from reward_synth.sandbox.channel import protected
from reward_synth.search.filming import FPS, PICTURES
from reward_synth.search.films import film_candidate, film_of
from reward_synth.settings.model import Settings
from reward_synth.simulators.graphics import graphics
from reward_synth.state.episode import episode_name
from reward_synth.store import RunStore
from reward_synth.tasks.spec import TaskSpec, load_task, save_task
from reward_synth.training.worker.subprocess_stage import processor_seconds

ROOT = Path(__file__).resolve().parents[1]
SIZE = 480, 360
CASES = {
    "mujoco": ("a MuJoCo body, with surfaces and light", "gym/half_cheetah_run_backward"),
    "outlines": ("a MuJoCo body, as outlines", "gym/half_cheetah_run_backward"),
    "metaworld": ("MetaWorld, as outlines", "metaworld/drawer_open"),
    "maniskill": ("ManiSkill, as outlines", "maniskill/stack_cube"),
    "crafter": ("Crafter, by the game", "crafter/diamond_kit"),
    "dmcontrol": ("dm_control, as outlines", "dmcontrol/cheetah_run"),
    "own": ("an environment of one's own, by `rgb_array`", ""),
}
REWARD = """import numpy as np


def compute_reward(state, action, next_state):
    return {"effort": -0.05 * float(np.sum(np.square(action))), "alive": 1.0}
"""
OWN = '''
import gymnasium
import numpy as np


class Pointer(gymnasium.Env):
    """A pointer that is turned, drawn as a line on a disc."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": 20}

    def __init__(self, render_mode=None):
        self.render_mode = render_mode
        self.observation_space = gymnasium.spaces.Box(-9, 9, (2,), np.float64)
        self.action_space = gymnasium.spaces.Box(-1, 1, (1,), np.float32)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.angle, self.speed = self.np_random.uniform(-1, 1), 0.0
        return np.array([self.angle, self.speed]), {}

    def step(self, action):
        self.speed = float(np.clip(self.speed + 0.1 * action[0], -1, 1))
        self.angle = float(np.clip(self.angle + 0.05 * self.speed, -9, 9))
        return np.array([self.angle, self.speed]), 0.0, False, False, {}

    def render(self):
        y, x = np.mgrid[-1:1:360j, -1.333:1.333:480j]
        along = x * np.sin(self.angle) - y * np.cos(self.angle)
        across = np.abs(x * np.cos(self.angle) + y * np.sin(self.angle))
        line = (along > 0) & (along < 0.8) & (across < 0.02)
        disc = x**2 + y**2 < 0.8
        back = np.where(disc[..., None], (220, 225, 235), 255)
        return np.where(line[..., None], (200, 60, 40), back).astype(np.uint8)
'''
OWN_TASK = """name: gym/pointer
goal: Point upwards.
environment: {id: "./pointer.py:Pointer"}
horizon: 500
success: "def success(episode):\\n    return bool(abs(episode.observation_0[-1]) < 0.1)\\n"
fitness: "def fitness(episode):\\n    return -float(np.mean(np.abs(episode.observation_0)))\\n"
fitness_unit: rad
"""
ALONE = """
import json, os, sys
from pathlib import Path
from reward_synth.evaluation.render import open_painted
from reward_synth.simulators.custom.files import name_environment
from reward_synth.state.episode import Episode
from reward_synth.tasks.spec import TaskSpec

job = json.loads(sys.stdin.read())
if job["own"]:
    name_environment(job["own"])
task, episode, shown = TaskSpec.model_validate(job["task"]), Episode.load(Path(job["episode"])), set(job["steps"])
environment, paint, _ = open_painted(task, *job["size"])
begun = sum(os.times()[:2])
environment.reset(seed=episode.seed)
for step in range(episode.length + 1):
    if step:
        action = episode.actions[step - 1].astype(environment.action_space.dtype)
        environment.step(int(action.argmax()) if hasattr(environment.action_space, "n") else action)
    if step in shown:
        paint()
print(sum(os.times()[:2]) - begun)
"""
"""Plays an episode and draws some of its steps, and prints the processor seconds after the start."""


def a_run(folder: Path, task: TaskSpec) -> RunStore:
    """A run with one candidate, whose policy was aimless."""
    store = RunStore.create(folder / "runs", task.goal, Settings(), task.name)
    save_task(task, store.task_path)
    table, generator = field_table(task), np.random.default_rng(0)

    def aimless(seen: FloatArray) -> FloatArray:
        return generator.uniform(-1, 1, (len(seen), len(table.actions))).astype(np.float32)

    episode = play(task, table, aimless, [1])[0]
    store.write_reward("001-a", REWARD)
    store.write_check("001-a", CheckReport(terms=("effort", "alive")))
    result = TrainResult(
        status="trained", seed=1, steps=1, seconds=1.0, cpu_seconds=1.0,
        episodes=tuple(score_episodes(task, table, [episode])),
    )  # fmt: skip
    folders = store.train_dir("001-a", 0), store.trajectories_dir("001-a")
    for each in folders:
        each.mkdir(parents=True)
    episode.save(folders[1] / episode_name(0, 0))
    (folders[0] / "result.json").write_text(result.model_dump_json())
    store.save_candidate(Candidate(id="001-a", iteration=1, status="trained", success=0.0, fitness=0.0))
    return store


def measure(name: str, repeats: int) -> dict[str, float] | None:
    """The figures of a simulator; None where its pictures cannot be made here."""
    if name == "mujoco" and not graphics().variables.get("MUJOCO_GL"):
        return None
    variables = {"MUJOCO_GL": os.environ.get("MUJOCO_GL", "")} if name == "mujoco" else {"MUJOCO_GL": ""}
    os.environ |= variables
    graphics.cache_clear()
    films, others, loops = [], [], []
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        own, file = "", CASES[name][1]
        if name == "own":
            (folder / "pointer.py").write_text(OWN)
            (folder / "pointer.yaml").write_text(OWN_TASK)
            own, file = f"{folder / 'pointer.py'}:Pointer", str(folder / "pointer.yaml")
        task = load_task(file, typed=True)
        store = a_run(folder, task)
        path = store.film_path("001-a", "median")
        job = {"task": task.model_dump(mode="json"), "own": own, "size": SIZE}
        for _ in range(repeats):
            begun = processor_seconds()
            film_candidate(store, task, "001-a", ["median"], fps=FPS, most=PICTURES, size=SIZE)
            middle = processor_seconds()
            film = film_of(path)
            job["episode"] = str(store.trajectories_dir("001-a") / film.episode)
            job["steps"] = [frame.step for frame in film.frames]
            loops.append(
                float(subprocess.check_output([sys.executable, "-c", ALONE], input=json.dumps(job), text=True))
            )
            films.append(middle - begun)
            others.append(processor_seconds() - middle)
    figures = {"film": films, "alone": others, "loop": loops}
    found = {key: round(statistics.median(each), 2) for key, each in figures.items()}
    ratio = statistics.median(one / other for one, other in zip(films, others, strict=True))
    return found | {"ratio": round(ratio, 2), "pictures": len(film.frames), "steps": film.frames[-1].step}


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", choices=list(CASES), help="only these")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found: dict[str, dict[str, float] | None] = {}
    with protected():
        for name in options.only or CASES:
            begun = time.monotonic()
            found[name] = measure(name, options.repeats)
            print(f"{name}: {found[name]} ({time.monotonic() - begun:.0f} s)", file=sys.stderr)
    if options.json:
        print(json.dumps(found, indent=1))
        return
    print("| what | steps | pictures | film, s | playing and drawing, s | of it after the start, s | ratio |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for name, row in found.items():
        if row is not None:
            figures = " | ".join(f"{row[key]:g}" for key in ("steps", "pictures", "film", "alone", "loop", "ratio"))
            print(f"| {CASES[name][0]} | {figures} |")


if __name__ == "__main__":
    main()
