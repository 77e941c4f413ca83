"""How long a large run takes to go on, and to be looked through.

    python benchmarks/large_run.py [--candidates 200] [--json]

A small real run is multiplied: its candidate with all files, its analysis and its events. `resume` counts from the
start of the command until the model is asked for the next reward: a program of the person's (``exec``), and a server,
whose client is OpenAI's package and takes a second to import. `doctor` counts until its end. All hold the start of
Python, and the best of five is told, in seconds of the clock and of the processor.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from fault_machines import ONE
from fault_runs import FIRST, LONGEST, SteadyModel, start, whole_run

from reward_synth import Run
from reward_synth.search.jobs import training_jobs

TRIES = 5


def multiply(run: Run, count: int) -> None:
    """Give a run of one candidate so many, one in each iteration, and let it go on after them."""
    first = run.store.candidate_dir("001-a")
    events, costs = run.store.events_path.read_text(), run.store.costs_path.read_text()
    for number in range(2, count + 1):
        name = f"{number:03d}-a"
        folder = shutil.copytree(first, first.with_name(name))
        path = folder / "candidate.json"
        facts = json.loads(path.read_text())
        path.write_text(json.dumps(facts | {"id": name, "iteration": number}))
        # The job that would have made the copy's result: one of another job is told as a reward that was changed.
        path = folder / "train/seed-0/result.json"
        digest = training_jobs(run.store, run.task, run.settings, name)[0].digest()
        path.write_text(json.dumps(json.loads(path.read_text()) | {"job": digest}))
        for ending in ("json", "md"):
            shutil.copy(run.path / f"iterations/001.{ending}", run.path / f"iterations/{number:03d}.{ending}")
    run.store.events_path.write_text(events * count)
    run.store.costs_path.write_text(costs * count)
    settings = run.path / "settings.toml"
    settings.write_text(settings.read_text().replace("iterations = 1\n", f"iterations = {count + 1}\n"))
    run.store.update(status="stopped", outcome="")


def best(work: Callable[[], float]) -> dict[str, float]:
    """The shortest of some tries, on the clock; and on the processor."""
    clock, processor = [], []
    for _ in range(TRIES):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        clock.append(work())
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        processor.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return {"clock": round(min(clock), 2), "processor": round(min(processor), 2)}


class Program:
    """A model that is a program. It leaves a file when it is asked, and answers only until :meth:`forget`."""

    def __init__(self, folder: Path) -> None:
        self._asked, self._silent = folder / "asked", folder / "silent"
        (folder / "reward.md").write_text(f"```python{FIRST}```")
        script = folder / "model.sh"
        script.write_text(
            f"""touch {self._asked}
test -e {self._silent} && exec sleep 999
case "$(cat)" in
  *'"causes"'*) echo '{{"causes": ["too short"], "suggestions": ["go on"]}}';;
  *) cat {folder}/reward.md;;
esac
"""
        )
        self.options = (f"--model=exec:sh {script}",)

    @property
    def refused(self) -> bool:
        """Whether it was asked."""
        return self._asked.exists()

    def forget(self) -> None:
        """It was not asked yet. An answer from now on would leave the next try nothing to ask."""
        self._silent.touch()
        self._asked.unlink(missing_ok=True)


def _resume(model: SteadyModel | Program, folder: Path, candidates: int) -> float:
    """Seconds until the model is asked; the run is made before the first try."""
    if not folder.exists():
        multiply(whole_run(model, folder, *ONE), candidates)
    run = Run.open("latest", folder)
    model.forget()
    begun = time.monotonic()
    options = [option for option in model.options if option.startswith("--base-url")]
    process = start(["resume", str(run.path), "--display=none", *options], folder, folder / "said.txt")
    while not model.refused:
        assert process.poll() is None, (folder / "said.txt").read_text()
        assert time.monotonic() - begun < LONGEST
        time.sleep(0.005)
    took = time.monotonic() - begun
    process.kill()
    process.wait()
    return took


def _doctor(folder: Path) -> float:
    begun = time.monotonic()
    command = [sys.executable, "-m", "reward_synth", "doctor", str(Run.open("latest", folder).path)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - begun


def main() -> int:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--candidates", type=int, default=200)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = {
            "resume, a program": best(partial(_resume, Program(folder), folder / "program", arguments.candidates)),
            "resume, a server": best(partial(_resume, SteadyModel(), folder / "server", arguments.candidates)),
            "doctor": best(partial(_doctor, folder / "server")),
        }
    if arguments.json:
        print(json.dumps({"candidates": arguments.candidates, **rows}))
    else:
        print("command", "seconds", "of the processor", sep="\t")
        for command, took in rows.items():
            print(command, took["clock"], took["processor"], sep="\t")
    return 0


if __name__ == "__main__":
    sys.exit(main())
