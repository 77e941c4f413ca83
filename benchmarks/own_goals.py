"""Twelve goals without a spec, written by somebody who did not write the code, and what became of them.

    reward-synth run "$SENTENCE" --env ID --model manual --yes …    # the sentences are in data/own_goals/goals.json
    python benchmarks/own_goals.py NAME=RUN_DIR …                   # two verdicts on each run: results/own_goals.tsv
    python benchmarks/own_goals.py --again NAME                     # search with the recorded answers, and judge that
    python benchmarks/own_goals.py --again sit_up --answers sit_up_again   # with those of a later search
    python benchmarks/own_goals.py --again sit_up --build ../before        # with a checkout that `make setup` made

The frozen measure says how many of twenty fresh episodes of the run's best policy reach the goal. So does a judge's
script (`data/own_goals/judges.py`). It was written from the sentence alone, before there was any measure, and reads the
simulator's raw positions, velocities and contacts and none of our fields.
"""

from __future__ import annotations

import argparse
import csv
import datetime
import importlib.util
import json
import os
import shlex
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from recorded_model import RecordedModel
from solved_per_hour import ADVICE

from reward_synth import Run
from reward_synth.evaluation.play import field_table, play
from reward_synth.evaluation.policy import load_policy
from reward_synth.evaluation.scoring import score_episodes
from reward_synth.simulators import open_environment
from reward_synth.simulators.custom.files import name_environment
from reward_synth.state.episode import Episode
from reward_synth.tasks.spec import TaskSpec

HERE = Path(__file__).parent
DATA = HERE / "data" / "own_goals"
RESULTS = HERE / "results" / "own_goals.tsv"
FIRST_SEED = 90_000
"""No search, choice, confirmation or final training uses seeds from here on."""
EPISODES = 20
EFFORT = ("date", "goal", "model", "outcome", "iterations", "trained_steps", "wall_minutes")
COLUMNS = (*EFFORT, "episodes", "measure", "judge", "agree")
STATE = ("qpos", "qvel", "xpos", "xquat", "geom_xpos")


def judges() -> dict[str, Any]:
    """The judges by goal; they know nothing of this package."""
    spec = importlib.util.spec_from_file_location("own_goals_judges", DATA / "judges.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return dict(module.JUDGES)


def trajectory(task: TaskSpec, episode: Episode) -> dict[str, Any]:
    """An episode once more, by its seed and actions, with the simulator's raw state at every step."""
    with closing(open_environment(task)) as environment:
        observation, _ = environment.reset(seed=episode.seed)
        environment.action_space.seed(episode.seed)
        base: Any = environment.unwrapped
        has_model = hasattr(base, "model") and hasattr(base, "data")
        series: dict[str, list[Any]] = {name: [] for name in (*STATE, "observation")}
        contacts: list[set[tuple[str, str]]] = []
        for action in (None, *episode.actions):
            if action is not None:
                observation, *_ = environment.step(action.astype(environment.action_space.dtype))
            series["observation"].append(np.array(observation))
            if has_model:
                for name in STATE:
                    series[name].append(np.array(getattr(base.data, name)))
                pairs = (base.data.contact[index].geom for index in range(base.data.ncon))
                contacts.append({(_geom(base.model, int(a)), _geom(base.model, int(b))) for a, b in pairs})
        found: dict[str, Any] = {name: np.array(values) for name, values in series.items() if values}
        found |= {"action": episode.actions, "dt": episode.dt, "terminated": episode.terminated, "contacts": contacts}
        if has_model:
            found["body_names"] = [base.model.body(index).name or str(index) for index in range(base.model.nbody)]
            found["geom_names"] = [_geom(base.model, index) for index in range(base.model.ngeom)]
        return found


def _geom(model: Any, index: int) -> str:
    return str(model.geom(index).name or index)


def verdicts(goal: str, run: Run) -> tuple[list[bool], list[bool], list[str]]:
    """What the frozen measure and the judge say of each episode, and why the judge says so."""
    task, best = run.task, run.best
    assert best is not None
    policy = load_policy(run.store.train_dir(best.id, 0) / "policy.npz")
    table = field_table(task)
    episodes = play(task, table, policy, range(FIRST_SEED, FIRST_SEED + EPISODES), policy.repeat)
    measured = [score.success for score in score_episodes(task, table, episodes)]
    judge = judges()[goal]
    judged = [judge(trajectory(task, episode)) for episode in episodes]
    return measured, [bool(ok) for ok, _ in judged], [str(why) for _, why in judged]


def row(goal: str, run: Run) -> dict[str, Any]:
    """One run's outcome, effort and verdicts. Where nothing was trained, there are none."""
    found: dict[str, Any] = {
        "date": datetime.date.today().isoformat(),
        "goal": goal,
        "model": run.settings.model_for("designer") or "default",
        "outcome": run.info.outcome or run.info.status,
        "iterations": max((candidate.iteration for candidate in run.candidates), default=0),
        "trained_steps": sum(candidate.steps for candidate in run.candidates),
        "wall_minutes": round(run.seconds / 60, 1),
    }
    if run.best is None:
        return found
    measured, judged, reasons = verdicts(goal, run)
    for ok, seen, why in zip(measured, judged, reasons, strict=True):
        if ok != seen:
            print(f"  {goal}: the measure says {ok}, the judge {seen}: {why}", file=sys.stderr)
    same = sum(ok == seen for ok, seen in zip(measured, judged, strict=True))
    return found | {"episodes": EPISODES, "measure": sum(measured), "judge": sum(judged), "agree": same}


def search_again(goal: str, answers: str, runs_dir: Path, options: list[str], build: Path | None = None) -> Path:
    """Search for a goal once more with the answers that were recorded for it; returns the run folder.

    :param build: another checkout with an environment of its own, which searches instead of this one.
    """
    known = next(each for each in json.loads((DATA / "goals.json").read_text()) if each["name"] == goal)
    recorded: dict[str, list[str]] = {}
    for line in (DATA / f"{answers}.jsonl").read_text(encoding="utf-8").splitlines():
        exchange = json.loads(line)
        recorded.setdefault(exchange["role"], []).append(exchange["answer"])
    model = RecordedModel({"analyzer": [ADVICE], **recorded})
    environment = known["env"].replace("./", f"{DATA}/")
    python = build / ".venv" / "bin" / "python" if build is not None else sys.executable
    command = [str(python), "-m", "reward_synth", "run", known["goal"], "--env", environment, "--yes", *model.options]
    command += ["--runs-dir", str(runs_dir), "--display", "plain", *options]
    if build is None:  # An earlier build may know no films.
        command += ["--videos", "none"]
    before = set(runs_dir.glob("*/run.json"))
    subprocess.run(command, env=os.environ | {"OPENAI_API_KEY": "none"}, cwd=build, check=False)
    model.close()
    return next(iter(set(runs_dir.glob("*/run.json")) - before)).parent


def _commit(checkout: Path) -> str:
    command = ["git", "-C", str(checkout), "rev-parse", "--short", "HEAD"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="*", metavar="NAME=RUN_DIR")
    parser.add_argument("--again", metavar="NAME", help="search for this goal with its recorded answers first")
    parser.add_argument("--answers", metavar="FILE", help="of data/own_goals, without .jsonl; NAME if not given")
    parser.add_argument("--runs-dir", type=Path, default=Path("runs"), help="where --again puts its run")
    parser.add_argument("--options", default="", help="further options of reward-synth run, for --again")
    parser.add_argument(
        "--build", type=Path, metavar="CHECKOUT", help="what --again searches with; this one if not given"
    )
    parser.add_argument("--json", action="store_true", help="print the rows instead of keeping them")
    chosen = parser.parse_args()
    for goal in json.loads((DATA / "goals.json").read_text()):
        if goal["env"].startswith("./"):
            name_environment(f"{DATA / goal['env'].removeprefix('./')}")
    rows = []
    if chosen.again:
        found = search_again(
            chosen.again,
            chosen.answers or chosen.again,
            chosen.runs_dir.resolve(),
            shlex.split(chosen.options),
            chosen.build and chosen.build.resolve(),
        )
        chosen.runs.append(f"{chosen.again}={found}")
    for text in chosen.runs:
        goal, _, folder = text.partition("=")
        rows.append(
            row(goal, Run.open(folder)) | ({"model": f"recorded, {_commit(chosen.build)}"} if chosen.build else {})
        )
    if chosen.json:
        print(json.dumps(rows, indent=1))
        return
    kept = list(csv.DictReader(RESULTS.open(newline=""), delimiter="\t")) if RESULTS.exists() else []
    with RESULTS.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, delimiter="\t", lineterminator="\n")
        writer.writeheader()
        writer.writerows([*kept, *rows])


if __name__ == "__main__":
    main()
