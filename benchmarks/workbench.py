"""How long a redraw of the workbench takes: a text linted, run on recorded episodes, and compared with an order.

    python benchmarks/workbench.py            # prints a table
    python benchmarks/workbench.py --json     # prints it as JSON

100 made-up episodes of 1,000 steps with the fields of the half-cheetah, and a reward of five terms. Each text is new,
so that nothing is remembered. The last line is a request of the page about a text that is remembered, in a run of 200
candidates: what a redraw costs beside the payment. Figures are milliseconds of wall time: the least and the median.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from contextlib import closing
from pathlib import Path

import numpy as np
from page_speed import CANDIDATES, a_run
from starlette.testclient import TestClient

from reward_synth.core.types import EpisodeScore
from reward_synth.evaluation.play import field_table
from reward_synth.preferences import Judgement, Workbench
from reward_synth.preferences.episodes import StoredEpisode
from reward_synth.state.episode import Episode
from reward_synth.state.table import FieldTable
from reward_synth.store import RunStore
from reward_synth.tasks.spec import load_task
from reward_synth.viewer.app import make_app

EPISODES, STEPS = 100, 1000
PAUSE = 1.0
"""Seconds between redraws, as between two edits: the next process is started meanwhile."""
REWARD = """import numpy as np


def compute_reward(state, action, next_state):
    speed = {weight} * float(np.clip(next_state.x_velocity, -5.0, 5.0))
    upright = 1.0 if abs(next_state.torso_pitch) < 0.5 else -1.0
    height = -abs(next_state.torso_height - 0.6)
    feet = 0.1 * (next_state.back_foot_contact - state.back_foot_contact)
    effort = -0.05 * float(np.sum(np.square(action)))
    return {{"speed": speed, "upright": upright, "height": height, "feet": feet, "effort": effort}}
"""


def made_up(table: FieldTable) -> tuple[StoredEpisode, ...]:
    """Episodes of four kinds, with random rows."""
    generator, size = np.random.default_rng(0), len(table.actions)
    score = EpisodeScore(success=False, success_any=False, fitness=0.0, length=STEPS, terminated=False)
    found = []
    for number in range(EPISODES):
        rows = generator.normal(size=(STEPS + 1, table.width())) + number % 4
        actions = generator.uniform(-1.0, 1.0, (STEPS, size))
        episode = Episode(table.layout(), rows, actions, 0.05, STEPS, number, False)
        found.append(StoredEpisode(f"001-a/seed-0-episode-{number:03d}", "001-a", episode, score, Path()))
    return tuple(found)


def redraws(bench: Workbench, judgement: Judgement, count: int) -> list[float]:
    """Milliseconds of each redraw."""
    taken = []
    for number in range(count):
        time.sleep(PAUSE)
        begun = time.perf_counter()
        payment = bench.pay(REWARD.format(weight=1.0 + number))
        assert payment.ok, payment.findings
        bench.agreement(payment, judgement)
        taken.append(1e3 * (time.perf_counter() - begun))
    return taken


def requests(count: int) -> list[float]:
    """Milliseconds of a request whose payment is remembered, in a run of many candidates."""
    taken = []
    base = "http://127.0.0.1:8765"
    with tempfile.TemporaryDirectory() as folder:
        run = a_run(Path(folder), CANDIDATES)
        said = json.dumps({"source": REWARD.format(weight=1.0)})
        with TestClient(make_app(run.path.parent), base_url=base) as client:
            for _ in range(count + 1):
                begun = time.perf_counter()
                answer = client.post(f"/run/{run.id}/workbench/pay", content=said, headers={"origin": base})
                answer.raise_for_status()
                taken.append(1e3 * (time.perf_counter() - begun))
    return taken[1:]


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--repeats", type=int, default=8, help="redraws of each kind")
    options = parser.parse_args()
    task = load_task("gym/half_cheetah_run_backward")
    table = field_table(task)
    episodes = made_up(table)
    # The store is asked for answers only, and here the order is made up too.
    store = RunStore(Path())
    begun = time.perf_counter()
    groups = Workbench(store, task, table, episodes).behaviours.groups()
    figures: dict[str, dict[str, float]] = {"grouping": {"least": 1e3 * (time.perf_counter() - begun)}}
    judgement = Judgement(tuple(group.members for group in groups))
    for title, ahead in (("redraw, with the process's start", False), ("redraw, process started ahead", True)):
        with closing(Workbench(store, task, table, episodes, ahead)) as bench:
            taken = redraws(bench, judgement, options.repeats)
        figures[title] = {"least": min(taken), "median": statistics.median(taken)}
    taken = requests(4 * options.repeats)
    figures[f"request, {CANDIDATES} candidates"] = {"least": min(taken), "median": statistics.median(taken)}
    if options.json:
        print(json.dumps(figures, indent=2))
        return
    for title, row in figures.items():
        print(f"{title:<36}" + "  ".join(f"{name} {value:5.0f} ms" for name, value in row.items()))


if __name__ == "__main__":
    main()
