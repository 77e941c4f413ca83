"""Does a person's feedback help where the frozen measure lets through what the sentence does not mean?

    python benchmarks/does_feedback_help.py start FOLDER      # one iteration of each task of data/help/
    python benchmarks/does_feedback_help.py alone FOLDER      # two more without a person
    python benchmarks/does_feedback_help.py sheets FOLDER 1   # what the person sees of the first: FOLDER/sheets-1
    python benchmarks/does_feedback_help.py person FOLDER 1   # after `reward-synth feedback`: one more with it
    python benchmarks/does_feedback_help.py sheets FOLDER 2
    python benchmarks/does_feedback_help.py person FOLDER 2
    python benchmarks/does_feedback_help.py films FOLDER      # for the judge: fresh episodes under shuffled names
    python benchmarks/does_feedback_help.py table FOLDER      # FOLDER/judge/labels.tsv -> data/help/, results/
    python benchmarks/does_feedback_help.py table             # the table alone

`start`, `alone` and `person` wait for answers: each prompt lies in FOLDER/prompts/ARM as `TASK-NNN-role.prompt.md`,
and its answer belongs beside it as `.answer.md` (`next FOLDER/prompts/ARM` says which wait). The arms share the first
iteration. Each goes on with a copy of it, so settings, seeds and first rewards are the same, and only the person's
words differ. Every training takes all its steps. `notes` of a task say what the sentence means: the person and the
judge read them, and the designer does not.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import ascii_uppercase
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from reward_synth import Run
from reward_synth.core.types import Candidate
from reward_synth.evaluation.play import field_table, play
from reward_synth.evaluation.policy import load_policy
from reward_synth.evaluation.select import lower_bound
from reward_synth.preferences import Workbench
from reward_synth.sandbox.channel import protected
from reward_synth.search.film_process import Filmer
from reward_synth.state.episode import Episode
from reward_synth.tasks.spec import TaskSpec, load_task
from reward_synth.training.job import CHECKPOINT
from reward_synth.training.worker.filmer import FilmJob, Take
from reward_synth.viewer.pages.workbench import behaviours

HERE = Path(__file__).parent
DATA = HERE / "data" / "help"
LABELS, ANSWERS = DATA / "labels.jsonl", DATA / "answers.jsonl"
RESULTS = HERE / "results" / "does_feedback_help.tsv"
TASKS = ("cheetah_sit", "cheetah_jump", "hopper_hop", "cheetah_walk")
ARMS = ("start", "alone", "person")
ROUNDS = 2
"""After the first iteration."""
SETTINGS = (
    "--model=manual", "--no-critic", "--samples=2", "--seeds=1", "--rungs=1", "--keep-going", "--train-on=0",
    "--jobs=1", "--iterations=1", "--videos=none", "--display=plain",
)  # fmt: skip
FIRST_SEED = 90_000
"""No search, choice, confirmation or final training uses seeds from here on."""
FRESH = 3
"""Episodes of a policy that the judge sees."""
TILE, COLUMNS, CLOSE = (192, 144), 8, 0.1
"""Pixels of a picture; pictures in a row; seconds between those of the last row."""
LINE = 16
"""Height of a line of text, in pixels."""
VERDICTS = ("yes", "no", "unclear")
PATIENCE = 500.0
"""Seconds for which `next` waits."""


def folder_of(folder: Path, arm: str, task: str) -> Path:
    """Where an arm's run of a task lies; there is one."""
    return next((folder / arm / task).glob("*/run.json")).parent


def answer_of(prompt: Path) -> Path:
    """Where a prompt's answer belongs."""
    return prompt.with_name(prompt.name.replace(".prompt.md", ".answer.md"))


def open_prompts(folder: Path) -> list[Path]:
    """The prompts in a folder that have no answer."""
    return [path for path in sorted(folder.glob("*.prompt.md")) if not answer_of(path).exists()]


def carry(arm: Path, desk: Path, tasks: Sequence[str]) -> bool:
    """Copy prompts from the run folders to the desk, and answers back: who answers must not see the runs.

    The answers of one run are given to it once all of these runs wait, so that one of them computes at a time.

    :return: True if all of them wait.
    """
    waiting = {task: [path for run in (arm / task).glob("*/manual") for path in open_prompts(run)] for task in tasks}
    shown = {prompt: desk / f"{task}-{prompt.name}" for task, prompts in waiting.items() for prompt in prompts}
    for prompt, copy in shown.items():
        if not copy.exists():
            shutil.copy(prompt, copy)
    if not all(waiting.values()):
        return False
    for prompts in waiting.values():
        answers = [answer_of(shown[prompt]) for prompt in prompts]
        if all(path.exists() and path.read_text(encoding="utf-8").strip() for path in answers):
            for prompt, answer in zip(prompts, answers, strict=True):
                shutil.copy(answer, answer_of(prompt))
            return False
    return True


def work(folder: Path, arm: str, commands: dict[str, list[str]]) -> None:
    """Run `reward-synth` for all tasks, while somebody answers the prompts."""
    desk = folder / "prompts" / arm
    desk.mkdir(parents=True, exist_ok=True)
    left = list(commands.items())
    running: dict[str, subprocess.Popen[bytes]] = {}
    while left or running:
        running = {task: process for task, process in running.items() if process.poll() is None}
        if carry(folder / arm, desk, list(running)) and left:
            task, command = left.pop(0)
            log = (folder / f"{arm}-{task}.log").open("a")
            program = [sys.executable, "-m", "reward_synth", *command]
            running[task] = subprocess.Popen(program, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        time.sleep(1.0)
    for task in commands:
        run = Run.open(folder_of(folder, arm, task))
        print(arm, task, run.status, [(each.id, each.status, each.success) for each in run.candidates], flush=True)


def start(folder: Path) -> None:
    """The iteration that both arms share."""
    commands = {
        task: ["run", "--task", str(DATA / f"{task}.yaml"), "--runs-dir", str(folder / "start" / task), *SETTINGS]
        for task in TASKS
    }
    work(folder, "start", commands)


def branch(folder: Path, arm: str) -> None:
    """Begin an arm with copies of the first iteration's runs, if it has none."""
    for task in TASKS:
        if not (folder / arm / task).exists():
            shutil.copytree(folder / "start" / task, folder / arm / task)


def go_on(folder: Path, arm: str, iterations: int) -> None:
    """Resume an arm up to so many iterations.

    Checkpoints are deleted first, so that no training is continued: each policy has had the same steps.
    """
    branch(folder, arm)
    commands = {}
    for task in TASKS:
        run = folder_of(folder, arm, task)
        for path in run.rglob(CHECKPOINT):
            path.unlink()
        commands[task] = ["resume", str(run), f"--iterations={iterations}", "--display=plain"]
    work(folder, arm, commands)


def waits(desk: Path) -> list[Path]:
    """The prompts without an answer; waits for one for some minutes."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and not (desk / "DONE").exists():
        if found := open_prompts(desk):
            return found
        time.sleep(1.0)
    return []


@dataclass(frozen=True)
class Strip:
    """An episode that is to be drawn as a strip: two rows of pictures of all of it, and one of its middle."""

    episode: Path
    title: str
    target: Path

    def steps(self, episode: Episode) -> list[int]:
        """The states that are drawn, in the order of their places."""
        whole = [round(episode.length * part / (2 * COLUMNS - 1)) for part in range(2 * COLUMNS)]
        stride = max(1, round(CLOSE / episode.dt))
        first = max(0, (episode.length - stride * (COLUMNS - 1)) // 2)
        return [*whole, *(min(first + stride * number, episode.length) for number in range(COLUMNS))]


def draw(task: TaskSpec, strips: Sequence[Strip]) -> None:
    """Draw strips, all in one process."""
    episodes = [Episode.load(strip.episode) for strip in strips]
    places = [strip.steps(episode) for strip, episode in zip(strips, episodes, strict=True)]
    drawn = [tuple(sorted(set(steps))) for steps in places]
    takes = (Take(episode=strip.episode.resolve(), steps=steps) for strip, steps in zip(strips, drawn, strict=True))
    width, height = 8 * TILE[0] // 3, 8 * TILE[1] // 3
    job = FilmJob(task=task, environment_file=None, takes=tuple(takes), width=width, height=height)
    with Filmer(job, 3000.0, lambda: False) as filmer:
        for strip, episode, steps, order in zip(strips, episodes, places, drawn, strict=True):
            pictures = {step: _nearer(Image.fromarray(next(filmer))) for step in order}
            strip.target.parent.mkdir(parents=True, exist_ok=True)
            _page(strip.title, episode, [(step, pictures[step]) for step in steps]).save(strip.target)


def _page(title: str, episode: Episode, pictures: Sequence[tuple[int, Image.Image]]) -> Image.Image:
    ended = " The environment ended it here: a fall." if episode.terminated else ""
    page = Image.new("RGB", (COLUMNS * TILE[0], LINE + 3 * (TILE[1] + LINE)), "white")
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(12)
    words = f"{title}: {episode.length * episode.dt:.2f} s of {episode.horizon * episode.dt:.2f} s.{ended}"
    draw.text((4, 1), f"{words} Rows 1 and 2: all of it. Row 3: its middle, closer.", fill="black", font=font)
    for place, (step, picture) in enumerate(pictures):
        left, top = place % COLUMNS * TILE[0], LINE + place // COLUMNS * (TILE[1] + LINE)
        page.paste(picture, (left, top))
        draw.text((left + 4, top + TILE[1]), f"{step * episode.dt:.2f} s", fill="black", font=font)
    return page.quantize(64, dither=Image.Dither.NONE)


def _nearer(picture: Image.Image) -> Image.Image:
    """The part of a picture in which the camera keeps the body, as large as a tile."""
    width, height = picture.size
    return picture.crop((width // 8, height // 4, width - width // 8, height)).resize(TILE, Image.Resampling.LANCZOS)


def sheets(folder: Path, round_number: int) -> None:
    """What the person sees after an iteration: films of each new policy as strips, and the workbench's groups."""
    branch(folder, "person")
    for name in TASKS:
        run, strips = Run.open(folder_of(folder, "person", name)), []
        shown = folder / f"sheets-{round_number}" / name
        for candidate in _trained(run, round_number):
            ranked = sorted(zip(run.results(candidate.id)[0].episodes, _paths(run, candidate), strict=True), key=_rank)
            for which, place in (("best", -1), ("median", len(ranked) // 2), ("worst", 0)):
                title = f"{candidate.id}, {which} episode"
                strips.append(Strip(ranked[place][1], title, shown / f"{candidate.id}-{which}.png"))
        bench = Workbench.open(run.store)
        lines = [f"goal: {run.goal}", f"run: {run.path}", ""]
        groups = json.loads(bytes(behaviours(run, bench).body))["groups"]
        for letter, group in zip(ascii_uppercase, groups, strict=False):
            path, members = bench.episode(group["typical"]).path, ", ".join(group["members"])
            strips.append(Strip(path, f"group {letter}", shown / f"group-{letter}.png"))
            rank = "not judged yet" if group["rank"] is None else f"your rank {group['rank'] + 1}"
            lines += [
                f"group {letter} ({rank}): {group['words']}",
                f"  typical: {group['typical']}",
                f"  all: {members}",
            ]
        draw(run.task, strips)
        (shown / "workbench.txt").write_text("\n".join(lines), encoding="utf-8")
        print(shown, flush=True)


def _trained(run: Run, iteration: int) -> list[Candidate]:
    return [each for each in run.candidates if each.iteration == iteration and each.status == "trained"]


def _paths(run: Run, candidate: Candidate) -> list[Path]:
    return sorted(run.store.trajectories_dir(candidate.id).glob("*.npz"))


def _rank(scored: tuple[Any, Path]) -> tuple[bool, float]:
    return scored[0].success, scored[0].fitness


def policies(folder: Path) -> Iterator[tuple[dict[str, Any], Run]]:
    """Every trained policy of the study with its task, arm and round; the first iteration's once."""
    for task in TASKS:
        runs = {arm: Run.open(folder_of(folder, arm, task)) for arm in ARMS}
        best = {arm: runs[arm].info.best for arm in ARMS[1:]}
        for arm, run in runs.items():
            for iteration in (1,) if arm == "start" else range(2, 2 + ROUNDS):
                for each in _trained(run, iteration):
                    best_of = [name for name in best if best[name] == each.id and arm in ("start", name)]
                    about = {"task": task, "arm": arm, "round": iteration - 1, "candidate": each.id, "best_of": best_of}
                    yield about | {"success": each.success, "fitness": each.fitness}, run


def films(folder: Path) -> None:
    """For the judge: fresh episodes of each policy under a name that says nothing. The key lies elsewhere."""
    found = list(policies(folder))
    random.Random(os.urandom(8)).shuffle(found)
    judge, key = folder / "judge", []
    shutil.rmtree(judge, ignore_errors=True)
    strips: dict[str, list[Strip]] = {name: [] for name in TASKS}
    for number, (about, run) in enumerate(found, start=1):
        name, task = f"{about['task']}-{number:02d}", run.task
        policy = load_policy(run.store.train_dir(about["candidate"], 0) / "policy.npz")
        seeds = range(FIRST_SEED, FIRST_SEED + FRESH)
        for place, episode in enumerate(play(task, field_table(task), policy, seeds, policy.repeat), start=1):
            path = folder / "fresh" / f"{name}-{place}.npz"
            path.parent.mkdir(exist_ok=True)
            episode.save(path)
            target = judge / about["task"] / f"{name}-episode-{place}.png"
            strips[about["task"]].append(Strip(path, f"{name}, episode {place}", target))
        key.append({"name": name, **about})
    for name, wanted in strips.items():
        draw(load_task(str(DATA / f"{name}.yaml")), wanted)
    (folder / "key.json").write_text(json.dumps(key, indent=1), encoding="utf-8")
    meant = (f"{task}\n{load_task(str(DATA / f'{task}.yaml')).notes.strip()}\n" for task in TASKS)
    (judge / "meant.txt").write_text("\n".join(meant), encoding="utf-8")
    names = sorted(each["name"] for each in key)
    (judge / "labels.tsv").write_text("name\tverdict\treason\n" + "".join(f"{name}\t\t\n" for name in names))


def keep(folder: Path) -> None:
    """Copy the judge's verdicts, the person's words and the models' answers to data/help/."""
    rows = csv.DictReader(
        (folder / "judge" / "labels.tsv").open(encoding="utf-8"), delimiter="\t", quoting=csv.QUOTE_NONE
    )
    said = {row["name"]: row for row in rows}
    key = json.loads((folder / "key.json").read_text(encoding="utf-8"))
    labels = [about | {field: said[about["name"]][field] for field in ("verdict", "reason")} for about in key]
    if wrong := [each["name"] for each in labels if each["verdict"] not in VERDICTS]:
        raise SystemExit(f"no verdict of {', '.join(VERDICTS)} for {', '.join(wrong)}")
    labels.sort(key=lambda each: (TASKS.index(each["task"]), ARMS.index(each["arm"]), each["candidate"]))
    answers: list[dict[str, Any]] = []
    for arm in ARMS:
        for path in sorted((folder / "prompts" / arm).glob("*.answer.md")):
            task, number, role = path.name.removesuffix(".answer.md").rsplit("-", 2)
            answers.append({"arm": arm, "task": task, "number": int(number), "role": role, "answer": path.read_text()})
    for task in TASKS:
        for each in Run.open(folder_of(folder, "person", task)).store.answers():
            answers.append({"arm": "person", "task": task, "role": "person", **each.model_dump(mode="json")})
    for path, lines in ((LABELS, labels), (ANSWERS, answers)):
        path.write_text("".join(json.dumps(each, ensure_ascii=False) + "\n" for each in lines), encoding="utf-8")


def row(labels: Sequence[dict[str, Any]], task: str, arm: str, round_number: int | str) -> dict[str, Any]:
    """How many of these policies do what is meant. An unclear one does not."""
    right, count = sum(each["verdict"] == "yes" for each in labels), len(labels)
    solved = sum((each["success"] or 0.0) >= 0.9 for each in labels)
    low, high = lower_bound(right, count, 0.975), 1.0 - lower_bound(count - right, count, 0.975)
    return {
        "task": task, "arm": arm, "round": round_number, "policies": count, "pass_measure": solved, "right": right,
        "share": f"{right / count:.2f}", "low": f"{low:.2f}", "high": f"{high:.2f}",
    }  # fmt: skip


def table() -> list[dict[str, Any]]:
    """A row per task, arm and round, then over all tasks, then of each arm's best policies by the measure."""
    labels = [json.loads(line) for line in LABELS.read_text(encoding="utf-8").splitlines()]
    rounds = [("start", 0), *((arm, number) for arm in ARMS[1:] for number in range(1, ROUNDS + 1))]
    rows = []
    for task in (*TASKS, "all"):
        for arm, number in rounds:
            chosen = [e for e in labels if task in (e["task"], "all") and (e["arm"], e["round"]) == (arm, number)]
            if chosen:
                rows.append(row(chosen, task, arm, number))
    for arm in ARMS[1:]:
        best = [e for e in labels if arm in e["best_of"]]
        rows.append(row(best, "all", arm, "best"))
    return rows


def write_table(rows: Sequence[dict[str, Any]]) -> None:
    """Keep the table, and print it."""
    with RESULTS.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0].keys(), delimiter="\t", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    print(RESULTS.read_text(encoding="utf-8"), end="")


def main() -> None:
    """One step of the study."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("step", choices=("start", "alone", "sheets", "person", "films", "table", "next"))
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("round", nargs="?", type=int, choices=(1, 2), default=1)
    chosen = parser.parse_args()
    step, folder, number = chosen.step, chosen.folder and chosen.folder.resolve(), chosen.round
    if folder is None and step != "table":
        parser.error("a folder is needed")
    with protected():
        if step == "start":
            start(folder)
        elif step == "alone":
            go_on(folder, "alone", 1 + ROUNDS)
        elif step == "person":
            go_on(folder, "person", 1 + number)
        elif step == "sheets":
            sheets(folder, number)
        elif step == "films":
            films(folder)
        elif step == "next":
            print(
                "\n".join(map(str, waits(folder)))
                or ("done" if (folder / "DONE").exists() else "nothing yet: ask again")
            )
        else:
            if folder is not None:
                keep(folder)
            write_table(table())
    if step in ("start", "alone") or (step, number) == ("person", ROUNDS):
        (folder / "prompts" / step / "DONE").touch()


if __name__ == "__main__":
    main()
