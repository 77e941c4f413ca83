"""What the page costs: its first answer with many candidates and runs, and a live page beside a run.

    python benchmarks/page_speed.py [--json]

The runs are made up: only their size counts. Times are medians of nine requests to a server in this process; the live
page's share is the server's processor time while one browser follows a journal that gets a line a second.
"""

from __future__ import annotations

import argparse
import json
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

from reward_synth.core.types import Candidate, EpisodeScore, EvaluationPoint, TermStatistics, TrainResult
from reward_synth.events import model as events
from reward_synth.settings.model import Settings
from reward_synth.store import RunStore

CANDIDATES, RUNS, REQUESTS, LIVE_SECONDS = 200, 500, 9, 20
TASK = Path(__file__).parents[1] / "task_specs" / "gym" / "half_cheetah_run_backward.yaml"
REWARD = "def compute_reward(state, action, next_state):\n    return {'speed': -next_state.x_velocity}\n"
REASON = "stopped after 30% of its steps as number 3 of 4 (success 0%, fitness 0.238)"


def a_run(runs_dir: Path, candidates: int) -> RunStore:
    store = RunStore.create(
        runs_dir, "make the half-cheetah run backwards", Settings(), "gym/half_cheetah_run_backward"
    )
    store.write_task(TASK.read_text())
    points = tuple(
        EvaluationPoint(
            step=2000 * n, success=0.1 * n, success_any=0.1 * n, fitness=0.3 * n, episode_length=1000, reward=1
        )
        for n in range(1, 11)
    )
    episode = EpisodeScore(success=True, success_any=True, fitness=3.0, length=1000, terminated=False)
    curve = tuple(0.1 * n for n in range(10))
    terms = tuple(
        TermStatistics(name=name, minimum=curve, mean=curve, maximum=curve, share=curve) for name in ("speed", "effort")
    )
    result = TrainResult(
        status="trained", seed=1, steps=20_000, seconds=9, cpu_seconds=9, episodes=(episode,) * 16, evaluations=points,
        terms=terms,
    ).model_dump_json()  # fmt: skip
    for number in range(candidates):
        name = f"{number // 4 + 1:03d}-{'abcd'[number % 4]}"
        store.write_reward(name, REWARD)
        folder = store.train_dir(name, 0)
        folder.mkdir(parents=True)
        (folder / "result.json").write_text(result)
        candidate = Candidate(
            id=name, iteration=number // 4 + 1, status="trained", success=0.5, fitness=2, reason=REASON
        )
        store.save_candidate(candidate)
        for point in points:
            step = events.TrainingProgressed(
                candidate=name, seed=0, step=point.step, total_steps=20_000, evaluation=point
            )
            store.record(step)
        store.record(events.CandidateTrained(candidate=candidate))
    store.update(status="done", outcome="solved")
    return store


def served(runs_dir: Path) -> int:
    import uvicorn

    from reward_synth.viewer.app import make_app

    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(make_app(runs_dir), log_level="error"))
    threading.Thread(target=lambda: server.run(sockets=[listener]), daemon=True).start()
    port: int = listener.getsockname()[1]
    return port


def timed(address: str) -> tuple[float, int]:
    """The median time of a request, in s, and the answer's size in bytes."""
    times, size = [], 0
    for _ in range(REQUESTS):
        started = time.perf_counter()
        with urllib.request.urlopen(address) as answer:
            size = len(answer.read())
        times.append(time.perf_counter() - started)
    return statistics.median(times), size


def live_share(port: int, store: RunStore) -> float:
    """The processor time of this process a second while a page follows a run."""

    def follow() -> None:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/run/{store.id}/events?from=0") as stream:
            for _ in stream:
                pass

    threading.Thread(target=follow, daemon=True).start()
    time.sleep(2)
    before, started = time.process_time(), time.perf_counter()
    for second in range(LIVE_SECONDS):
        store.record(events.TrainingProgressed(candidate="051-a", seed=0, step=1000 * second, total_steps=100_000))
        time.sleep(1)
    return (time.process_time() - before) / (time.perf_counter() - started)


def ls_seconds(runs_dir: Path) -> float:
    """Processor and waiting time of the command that lists runs."""
    command = [sys.executable, "-m", "reward_synth", "ls", "--runs-dir", str(runs_dir)]
    times = []
    for _ in range(3):
        started = time.perf_counter()
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        one, many = Path(folder) / "one", Path(folder) / "many"
        store = a_run(one, CANDIDATES)
        for _ in range(RUNS):
            a_run(many, 0)
        port, other = served(one), served(many)
        time.sleep(1)
        page, size = timed(f"http://127.0.0.1:{port}/run/{store.id}")
        curves, curve_size = timed(f"http://127.0.0.1:{port}/run/{store.id}/curves")
        runs, _ = timed(f"http://127.0.0.1:{other}/")
        found = {
            f"page of {CANDIDATES} candidates, s": round(page, 3),
            "its size, kB": size // 1000,
            "its curves, s": round(curves, 3),
            "their size, kB": curve_size // 1000,
            f"page of {RUNS} runs, s": round(runs, 3),
            f"ls of {RUNS} runs, s": round(ls_seconds(many), 2),
            "live page, share of a processor": round(live_share(port, store), 4),
            "memory of the server, MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1000,
        }
    print(
        json.dumps(found, indent=1) if chosen.json else "\n".join(f"{name}: {value}" for name, value in found.items())
    )


if __name__ == "__main__":
    main()
