"""Draw recorded episodes: ``python -I -m reward_synth.training.worker.filmer FILM.json``.

They are played again from their seeds and actions, in a process that is locked like an evaluator: the environment may
be a person's own. It holds no reward and no policy. To its output it writes a line of JSON, then the pictures as raw
bytes, then another line: see :data:`PICTURE`.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import BinaryIO

import numpy as np

from reward_synth.core.arrays import FloatArray
from reward_synth.core.errors import RewardSynthError
from reward_synth.core.types import Value
from reward_synth.evaluation.play import fields_of
from reward_synth.simulators.custom.files import name_environment
from reward_synth.state.episode import Episode
from reward_synth.state.recorder import StateRecorder
from reward_synth.state.table import FieldTable
from reward_synth.state.view import column_indices
from reward_synth.tasks.spec import TaskSpec
from reward_synth.training.worker.subprocess_stage import scratch, stay_with

GRAPHICS = (
    "/usr/share/glvnd", "/etc/glvnd", "/usr/share/drirc.d", "/usr/share/libdrm", "/sys/dev/char",
    "/sys/devices/pci0000:00",
)  # fmt: skip
"""What graphics drivers read, besides libraries."""
DEVICES = ("/dev/dri", "/dev/nvidiactl", "/dev/nvidia0")
"""What they open for writing."""


PICTURE, END = b"P", b"E"
"""Before each picture, and before the last line."""


class Take(Value):
    """One episode of a film."""

    episode: Path
    """Its states may be NaN, where they are not known."""
    steps: tuple[int, ...]
    """States to draw, in order: 0 is the reset's. One that stands there twice gives two pictures."""


class FilmJob(Value):
    """What to draw."""

    task: TaskSpec
    environment_file: Path | None
    takes: tuple[Take, ...]
    width: int
    height: int
    sandbox: bool = True


class Opening(Value):
    """The first line: how the pictures are drawn, or why there are none."""

    drawn: str = ""
    message: str = ""
    hint: str = ""


class Ending(Value):
    """The last line."""

    same: bool = True
    """True if the episodes went as they were recorded."""
    message: str = ""
    """Why the pictures end early, or nothing."""
    hint: str = ""


def main(arguments: Sequence[str]) -> int:
    """Draw what the file describes."""
    path, *parent = arguments
    if parent:
        stay_with(int(parent[0]))
    # Whatever else prints must not stand between the pictures.
    with os.fdopen(os.dup(1), "wb") as out:
        os.dup2(2, 1)
        folder = Path(path).parent
        with contextlib.suppress(BrokenPipeError), scratch(folder / "temporary"):  # nobody wants to see the rest
            _draw(FilmJob.model_validate_json(Path(path).read_bytes()), folder, out)
    return 0


def _draw(job: FilmJob, folder: Path, out: BinaryIO) -> None:
    from reward_synth.evaluation.render import open_painted
    from reward_synth.sandbox import lock
    from reward_synth.training.worker.worker_sandbox import environment_files, restrict_files

    def tell(line: Value) -> None:
        out.write(line.model_dump_json().encode() + b"\n")
        out.flush()

    try:
        if job.environment_file is not None:
            name_environment(f"{job.environment_file}:{job.task.environment.id.partition(':')[2]}")
        takes = [(Episode.load(take.episode), take.steps) for take in job.takes]
        if job.sandbox:
            graphics, devices = (GRAPHICS, DEVICES) if os.environ.get("MUJOCO_GL") else ((), ())
            files = environment_files(job.task.environment, job.takes[0].episode.parent)
            restrict_files([*files, *map(Path, graphics)], [folder, *map(Path, devices)])
        environment, paint, drawn = open_painted(job.task, job.width, job.height)
        table = fields_of(job.task, environment)
        if job.sandbox:
            lock.forbid_escape()
    except RewardSynthError as error:
        tell(Opening(message=error.message, hint=error.hint))
        return
    tell(Opening(drawn=drawn))

    def show() -> None:
        out.write(PICTURE)
        out.write(np.ascontiguousarray(paint()).data)

    ending = Ending()
    with closing(environment):
        recorder = StateRecorder(environment, table)
        try:
            same = [_play(recorder, *take, show) for take in takes]
            ending = Ending(same=all(same))
        except RewardSynthError as error:
            ending = Ending(message=error.message, hint=error.hint)
        except Exception as error:  # noqa: BLE001  (the process's edge: drivers and environments raise what they like)
            ending = Ending(message=f"drawing fails with {type(error).__name__}: {error}")
    out.write(END)
    tell(ending)


def _play(recorder: StateRecorder, episode: Episode, steps: Sequence[int], draw: Callable[[], object]) -> bool:
    """Play an episode to its end. True if its states are those that were recorded, as far as these are known."""
    _, info = recorder.reset(seed=episode.seed)
    recorder.action_space.seed(episode.seed)
    rows = [info["next_state"]]
    for step in range(episode.length + 1):
        if step > 0:
            action = episode.actions[step - 1].astype(recorder.action_space.dtype)
            *_, info = recorder.step(action)
            rows.append(info["next_state"])
        for _ in range(steps.count(step)):
            draw()
    return _same(np.stack(rows), episode, recorder.table)


def _same(rows: FloatArray, episode: Episode, table: FieldTable) -> bool:
    known = dict(table.layout())
    if any(known.get(name) != shape for name, shape in episode.layout):
        return False
    found = rows[:, column_indices(table.layout(), [name for name, _ in episode.layout])]
    kept = episode.rows[: len(rows)]
    return bool((np.isclose(found, kept, rtol=1e-6, atol=1e-6) | np.isnan(kept)).all())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
