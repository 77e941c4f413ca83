"""Public environment packages, tried with the command line as a new user would: which work, and what is to be typed.

    python benchmarks/environment_table.py                        # all of them; an hour or more, some GB of downloads
    python benchmarks/environment_table.py --package panda-gym    # the rows of one package anew
    python benchmarks/environment_table.py --page                 # the page alone, from the results

`data/environments/packages.yaml` names packages, exact versions, environments, and a task and a reward for each. Each
package is installed into an environment of its own that borrows the running one's packages: first as pip would with
our own requirements held as they are (`beside`: yes), then, where pip refuses, without its requirements and with those
that it needs in truth (`beside`: --no-deps). Then, for each of its environments:
- `fields`: how many `tasks fields` prints, and how many of them have no name of their own (`observation_7`).
- `task`: does `tasks new --yes` write the task?
- `training`: does `train` train it, in the locked process, and with how many steps a second? Rough: machines are busy.
A cell holds the error where something fails. The package's folder is removed afterwards, unless `--folder` keeps it.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import venv
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from importlib.metadata import requires, version
from pathlib import Path

from pydantic import Field

from reward_synth.core.types import Value
from reward_synth.core.yaml import read_yaml

HERE = Path(__file__).resolve().parent
DATA = HERE / "data" / "environments"
RESULTS = HERE / "results" / "environments.tsv"
PAGE = HERE.parent / "docs" / "reference" / "environments.md"
STEPS = 1_000
"""Steps of a training: enough to see that it runs, and too few to learn anything."""
PATIENCE = 540.0
"""Seconds that an installation or a command may take."""
NUMBERED = re.compile(r"(observation|action)_\d+|observation")
REWARD = "import numpy as np\n\n\ndef compute_reward(state, action, next_state):\n    return {}\n"
PAGE_HEAD = """# Public environments, tried

This page is made by `python benchmarks/environment_table.py` from
[results/environments.tsv](../../benchmarks/results/environments.tsv); the script's `--help` says how each cell is
found, and [packages.yaml](../../benchmarks/data/environments/packages.yaml) holds each task and reward, beside the
files that are named here. {conditions}

**beside us** says whether pip installs the package while our own requirements stay as they are; `--no-deps` means that
it refuses, and that the line that is shown installs it all the same. **fields** counts what a reward may read, and in
brackets those without a name of their own. **training** is the speed of {steps:,} steps in the locked process, its
start included: it shows that training runs, not that anything is learnt. How to bring any other:
[own-environment.md](../guide/own-environment.md).

{counts}

| package | environment | beside us | fields | task | training | what to type |
| --- | --- | --- | --- | --- | --- | --- |
"""


class Environment(Value):
    """One environment of a package."""

    id: str
    """As `--env` takes it; a file lies in `data/environments`."""
    success: str = ""
    """Empty: the fields are all that is tried, because no task can be written."""
    fitness: str = ""
    terms: str = ""
    """What the reward returns: a dict of terms over `state`, `action` and `next_state`."""
    options: tuple[str, ...] = ()
    """More options of `tasks new`."""
    remark: str = ""


class Package(Value):
    """One package, as it is typed behind `pip install`."""

    pip: tuple[str, ...]
    needs: tuple[str, ...] = ()
    """With `--no-deps`: what it cannot do without."""
    skip: str = ""
    """Why it is not even installed."""
    environments: tuple[Environment, ...]

    @property
    def name(self) -> str:
        """Its name without extras and version."""
        return re.split(r"[\[=<>]", self.pip[0])[0]


class Packages(Value):
    """The file `packages.yaml`."""

    packages: tuple[Package, ...] = Field(min_length=1)


@dataclass(frozen=True)
class Row:
    """One environment's row. What was not tried is empty."""

    date: str = ""
    package: str = ""
    version: str = ""
    environment: str = ""
    beside: str = ""
    fields: str = ""
    task: str = ""
    training: str = ""
    type: str = ""
    remark: str = ""
    conditions: str = ""


@dataclass(frozen=True)
class Answer:
    """What a command answered."""

    code: int
    out: str
    err: str
    seconds: float

    @property
    def sentence(self) -> str:
        """Its error in one line, with the hint; else the last line."""
        told = re.search(r"^error: .*?(?=^\S|\Z)(\n*hint: .*?(?=^\S|\Z))?", self.err, re.MULTILINE | re.DOTALL)
        lines = (told[0] if told else self.err.strip().rpartition("\n")[2]).split()
        return " ".join(lines)[:400] or f"exit {self.code}"


def ask(command: list[str], folder: Path) -> Answer:
    """Run a command to its end; one that takes too long is ended with all that it started."""
    started = time.monotonic()
    with subprocess.Popen(
        command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        errors="replace", start_new_session=True,
    ) as process:  # fmt: skip
        try:
            out, err = process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            out, err = process.communicate()
            err += f"\nerror: not done after {PATIENCE:.0f} s\n"
    # The table is for everybody: it names no folder of this machine.
    out, err = (text.replace(f"{folder}{os.sep}", "").replace(str(Path.home()), "~") for text in (out, err))
    answer = Answer(process.returncode, out, err, time.monotonic() - started)
    with (folder / "log.txt").open("a", encoding="utf-8") as log:
        log.write(f"$ {' '.join(command)}\n{out}{err}[exit {answer.code}, {answer.seconds:.0f} s]\n\n")
    return answer


class Home:
    """A folder with an environment that borrows the running one's packages, and the files of the trial."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.python = folder / "venv" / "bin" / "python"
        shutil.copytree(DATA, folder, dirs_exist_ok=True)
        if not self.python.exists():
            venv.create(folder / "venv", with_pip=False, symlinks=True)
        (site,) = (folder / "venv" / "lib").glob("python*/site-packages")
        borrowed = [str(HERE.parent), *(path for path in sys.path if path.endswith("-packages"))]
        (site / "borrowed.pth").write_text("\n".join(borrowed) + "\n", encoding="utf-8")
        (folder / "ours.txt").write_text("\n".join(ours()) + "\n", encoding="utf-8")

    def pip(self, *arguments: str) -> Answer:
        """`pip install`, into this environment."""
        pip = [sys.executable, "-m", "pip", "--python", str(self.python), "--disable-pip-version-check", "install"]
        return ask([*pip, "--prefer-binary", "--progress-bar=off", *arguments], self.folder)

    def reward_synth(self, *arguments: str) -> Answer:
        """One of our own commands."""
        return ask([str(self.python), "-m", "reward_synth", *arguments], self.folder)


def ours() -> list[str]:
    """Our own requirements, each with the version that is installed here."""
    named = [re.split(r"[\[ ;<>=!~]", each)[0] for each in requires("reward-synth") or () if "extra ==" not in each]
    return [f"{name}=={version(name).partition('+')[0]}" for name in named if name != "torch"]


def install(home: Home, package: Package) -> tuple[str, str]:
    """Whether it installs beside us, and the line that installs it; the line is empty if nothing does."""
    first = home.pip(*package.pip, "-c", "ours.txt")
    if first.code == 0:
        return "yes", shell("pip install", *package.pip)
    reason = why(first)
    parts = ("--no-deps", *package.pip, *package.needs)
    if not package.needs or home.pip(*parts).code:
        return f"no: {reason}", ""
    return f"--no-deps: {reason}", shell("pip install", *parts)


def shell(*words: str) -> str:
    """Words as they are typed."""
    return " ".join(f'"{word}"' if re.search(r"[<>\[;]", word) else word for word in words)


def why(answer: Answer) -> str:
    """Why pip refused, in one line."""
    text = answer.err + answer.out
    clashes = re.findall(r"^    (\S.* depends on .+)$", text, re.MULTILINE)
    asked = re.findall(r"^    The user requested \(constraint\) (.+)$", text, re.MULTILINE)
    if clashes:
        return "; ".join([*clashes[:2], *(f"here {each}" for each in asked[:1])])
    errors = re.findall(r"^\s*(?:ERROR|error): (.+)$", text, re.MULTILINE)
    return errors[0][:200] if errors else answer.sentence


def fields_of(stub: str) -> str:
    """How many fields a stub has, and how many of them are only numbered."""
    names = re.findall(r"^    (\w+): ", stub, re.MULTILINE)
    numbered = sum(NUMBERED.fullmatch(name) is not None for name in names)
    return f"{len(names)} ({numbered})" if numbered else str(len(names))


def try_environment(home: Home, environment: Environment, row: Row) -> Row:
    """Fields, task and training, as far as it goes."""
    printed = home.reward_synth("tasks", "fields", environment.id)
    row = replace(row, fields=fields_of(printed.out) if printed.code == 0 else printed.sentence)
    if not environment.success:
        return row
    task, reward = home.folder / "task.yaml", home.folder / "reward.py"
    written = home.reward_synth(
        "tasks", "new", "--yes", "--env", environment.id, "--goal", f"Do what {environment.id} is made for.",
        "--name", "tried", "--success", environment.success, "--fitness", environment.fitness, "--fitness-unit",
        "as it says", "--out", str(task), *environment.options,
    )  # fmt: skip
    row = replace(row, task="yes" if written.code == 0 else written.sentence)
    if written.code:
        return row
    reward.write_text(REWARD.format(environment.terms), encoding="utf-8")
    options = ("--task", str(task), "--steps", str(STEPS), "--out", str(home.folder / "trained"), "--json")
    trained = home.reward_synth("train", str(reward), *options)
    if trained.code:
        return replace(row, training=trained.sentence)
    result = json.loads(trained.out)
    return replace(row, training=f"{result['steps'] / max(result['seconds'], 1e-3):.0f}")


def try_package(package: Package, folder: Path, only: str) -> list[Row]:
    """The rows of a package."""
    row = Row(datetime.now(UTC).date().isoformat(), package.name, exact(package), conditions=conditions())
    chosen = [each for each in package.environments if only in each.id]
    if package.skip:
        return [replace(row, environment=each.id, beside=f"not tried: {package.skip}") for each in chosen]
    home = Home(folder / package.name)
    beside, typed = install(home, package)
    row = replace(row, beside=beside, type=typed)
    rows = []
    for each in chosen:
        named = replace(row, environment=each.id, remark=each.remark)
        for name in ("task.yaml", "trained"):
            shutil.rmtree(home.folder / name, ignore_errors=True)
            (home.folder / name).unlink(missing_ok=True)
        rows.append(try_environment(home, each, named) if typed else named)
        print(*(f"{key.name}={getattr(rows[-1], key.name)}" for key in fields(Row)[1:-1]), sep="\n    ", flush=True)
    return rows


def exact(package: Package) -> str:
    """The version of a package as it is pinned."""
    return package.pip[0].partition("==")[2]


def conditions() -> str:
    """Versions, in one line."""
    named = ("numpy", "gymnasium", "mujoco", "stable-baselines3")
    return ", ".join([f"Python {sys.version.split()[0]}", *(f"{name} {version(name)}" for name in named)])


def page(rows: list[dict[str, str]]) -> str:
    """The table as docs/reference/environments.md shows it."""
    dates = sorted({row["date"] for row in rows})
    told = f"Made on {' to '.join(dict.fromkeys((dates[0], dates[-1])))} with {rows[0]['conditions']}."
    lines = []
    for row in rows:
        speed = f"{int(row['training']):,} a second" if row["training"].isdigit() else row["training"]
        typed = "; ".join(filter(None, (f"`{row['type']}`" if row["type"] else "", row["remark"])))
        cells = (
            f"{row['package']} {row['version']}",
            f"`{row['environment']}`",
            row["beside"],
            row["fields"],
            row["task"],
        )
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in (*cells, speed, typed)) + " |")
    trained = [row for row in rows if row["training"].isdigit()]
    counts = (
        f"Of {len({row['package'] for row in rows})} packages, {len({row['package'] for row in trained})} train; "
        f"of {len(rows)} environments, {len(trained)}."
    )
    return PAGE_HEAD.format(conditions=told, steps=STEPS, counts=counts) + "\n".join(lines) + "\n"


def read_results() -> list[dict[str, str]]:
    """The rows that are known."""
    if not RESULTS.exists():
        return []
    with RESULTS.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def write_results(rows: list[Row], packages: tuple[Package, ...]) -> None:
    """Table and page, with the other rows as they were, in the order of the list."""
    known = {(row["package"], row["environment"]): row for row in read_results()}
    for row in rows:
        values = {each.name: " ".join(str(getattr(row, each.name)).split()) for each in fields(Row)}
        known[row.package, row.environment] = values
    places = [(package.name, each.id) for package in packages for each in package.environments]
    table = [known[place] for place in places if place in known]
    lines = ["\t".join(each.name for each in fields(Row)), *("\t".join(row.values()) for row in table)]
    RESULTS.write_text("\n".join(lines) + "\n", encoding="utf-8")
    PAGE.write_text(page(table), encoding="utf-8")


def main() -> None:
    """Try the packages and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--package", action="append", help="only this one; may be given several times")
    parser.add_argument("--environment", default="", help="only those whose id contains this")
    parser.add_argument("--folder", type=Path, help="where packages are installed and kept; a kept one is used again")
    parser.add_argument("--page", action="store_true", help="write the page from the results, try nothing")
    arguments = parser.parse_args()
    packages = read_yaml(DATA / "packages.yaml", Packages, "list of packages").packages
    chosen = [each for each in packages if not arguments.package or each.name in arguments.package]
    if arguments.page:
        chosen = []
        write_results([], packages)
    for package in chosen:
        with tempfile.TemporaryDirectory(prefix="environments-") as folder:
            rows = try_package(package, (arguments.folder or Path(folder)).resolve(), arguments.environment)
            write_results(rows, packages)


if __name__ == "__main__":
    main()
