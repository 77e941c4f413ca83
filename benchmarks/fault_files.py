"""Damages each file of a finished and of a half-finished run, and calls every command that reads a run.

Each file is halved, then emptied, in a copy. Then the reading commands are called, then ``doctor --repair`` if the run
cannot be read, then ``resume``. Files that differ in a number alone are damaged once.

Expected of each command: an answer in words, without the planted keys, which no file may hold either. Of the run: it
ends as a run that nobody disturbed (``same``); or what differs is told, and names the file or its candidate (``told``);
or it is refused, and the file is named (``refused``). No question that was answered before is asked again, unless its
answer is what was damaged.
"""

from __future__ import annotations

import contextlib
import io
import os
import random
import re
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from unittest.mock import patch

from fault_runs import CANARY, RUN, Row, SteadyModel, Watch, keys_in, outcome, start, whole_run

from reward_synth import Run
from reward_synth.cli.app import execute

READING = (
    ("show",), ("show", "001-a"), ("cost",), ("logs",), ("ls",), ("doctor",), ("diff", "001-a", "002-a"), ("export",),
)  # fmt: skip
REFUSED = ("settings.toml", "task.yaml")
"""Files that nothing else in a run repeats."""
TOLD = re.compile(r"candidates/[^/]+/(candidate\.json|reward\.py|train/[^/]+/result\.json)")
"""Without these, a candidate is lost, or a finished one has lost its results."""


def half_run(model: SteadyModel, folder: Path) -> Run:
    """A run that was killed after its last training."""
    arguments = [*RUN, "--jobs=1", "--videos=none", f"--runs-dir={folder}", *model.options]
    process = start(arguments, folder, folder.with_suffix(".txt"))
    watch = Watch(process)
    while not list(folder.glob("20*/candidates/002-*/train/seed-0/episodes.json")):
        assert process.poll() is None
        watch.look()
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert watch.left() == []
    return Run.open("latest", folder)


def kinds(folder: Path) -> list[Path]:
    """One file of each kind, below the folder."""
    found: dict[str, Path] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name not in ("lock", "command.txt"):
            name = str(path.relative_to(folder))
            kind = re.sub(r"[0-9a-f]{32,}|\d+", "0", re.sub(r"^prompts/.*", "prompts", name))
            found.setdefault(re.sub(r"000-[a-z]|0-[a-z]", "0-a", kind), path.relative_to(folder))
    return list(found.values())


def answered(arguments: list[str]) -> tuple[int, str]:
    """A command's exit code, and what it says."""
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
        code = execute(arguments)
    return code, said.getvalue()


def told_of(path: Path, said: str) -> bool:
    """Whether a text names the file, or says that its candidate is gone."""
    return "/".join(path.parts[-2:]) in said or f"{path.parts[-2:][0]} is gone" in said


def expected(path: Path) -> str:
    """What a run without this file is expected to become."""
    if str(path) in REFUSED:
        return "refused"
    return "same or told" if TOLD.fullmatch(str(path)) else "same"


def seen(run: Path, path: Path, model: SteadyModel, paid: frozenset[str], undisturbed: dict[str, Any]) -> str:
    """What became of a run whose file was damaged.

    :param paid: the questions that were answered before.
    """
    model.forget()
    faults, texts = [], []
    for command in READING:
        where = ["--runs-dir", str(run.parent)] if command[0] == "ls" else [str(run)]
        code, said = answered([command[0], *where, *command[1:]])
        texts.append(said)
        if "unexpected" in said or "Traceback" in said or code not in (0, 1, 2):
            faults.append(f"{command[0]} {code}: {said[:200]}")
    if answered(["show", str(run)])[0] == 2:
        texts.append(answered(["doctor", str(run), "--repair"])[1])
    code, said = answered(["resume", str(run), "--display=plain", *model.options[:1]])
    texts.append(said)
    if "unexpected" in said or "Traceback" in said or code not in (0, 1, 2):
        faults.append(f"resume {code}: {said[:200]}")
    faults += keys_in(run, *texts)
    if path.parts[0] != "calls" and (again := paid & model.asked.keys()):
        faults.append(f"{len(again)} answers paid twice")
    if faults:
        return "; ".join(faults)
    told = told_of(path, "".join(texts))
    if code == 2:
        return "refused" if told_of(path, said) else f"refused without its name: {said[:200]}"
    found = outcome(Run.open(run))
    found["readings"].pop(path.name, None)
    differ = [part for part, value in found.items() if value != {**undisturbed, "readings": {
        name: text for name, text in undisturbed["readings"].items() if name != path.name}}[part]]  # fmt: skip
    if not differ:
        return "same"
    return "told" if told else f"silent: other {', '.join(differ)}"


MADE = {"finished": whole_run, "half-finished": half_run}


def damages(which: int | None, rng: random.Random, runs: Sequence[str] = tuple(MADE)) -> Iterator[Row]:
    """Rows of the second table, one for each file and size.

    :param which: so many files of each run, chosen at random; None: all.
    """
    model = SteadyModel()
    keys = {"REWARD_SYNTH_API_KEY": CANARY, "OPENAI_API_KEY": f"openai-{CANARY}"}
    with tempfile.TemporaryDirectory() as name, patch.dict(os.environ, keys):
        for what in runs:
            model.forget()
            run = MADE[what](model, Path(name) / what)
            paid = frozenset(model.asked)
            copy = shutil.copytree(run.path, Path(name) / "undisturbed" / run.path.name)
            answered(["resume", str(copy), "--display=plain", *model.options[:1]])
            undisturbed = outcome(Run.open(copy))
            paths = kinds(run.path)
            for path in paths if which is None else rng.sample(paths, which):
                for size, word in ((0.5, "halved"), (0.0, "emptied")):
                    damaged = shutil.copytree(run.path, Path(name) / "damaged" / run.path.name)
                    content = (damaged / path).read_bytes()
                    (damaged / path).write_bytes(content[: int(len(content) * size)])
                    became = seen(damaged, path, model, paid, undisturbed)
                    wanted = expected(path)
                    row = f"{what}, {word}: {path}"
                    yield row, 1, wanted, wanted if became in wanted else became
                    print(f"# {row}: {became}", file=sys.stderr, flush=True)
                    shutil.rmtree(damaged.parent)
