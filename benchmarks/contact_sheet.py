"""A picture of each shipped task, and small films: `docs/contact-sheet.png` and `docs/films/`.

    python benchmarks/contact_sheet.py --kept /tmp/kept          # the sheet; minutes, as some policies are trained
    python benchmarks/contact_sheet.py --kept /tmp/kept --gif metaworld/drawer_open --gif crafter/collect_wood

Each task is shown by its simulator's scripted expert. Where there is none, a policy trains on the best recorded reward
(`data/`, or :data:`HAND`), for `--steps` at most; such a short training need not succeed. Where there is no reward
either, the best of the task's reference episodes stands, which are aimless. Episodes are kept in the folder `--kept`.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
from native_rewards import BODIES
from PIL import Image, ImageDraw, ImageFont
from recorded import recorded_rewards

from reward_synth.core.errors import RewardSynthError
from reward_synth.evaluation.drawing import Pixels
from reward_synth.evaluation.play import field_table
from reward_synth.sandbox.channel import protected
from reward_synth.search.film_process import Filmer
from reward_synth.simulators.custom.files import file_of
from reward_synth.state.episode import Episode, episode_paths
from reward_synth.tasks.spec import TaskSpec, load_task
from reward_synth.training.worker.filmer import FilmJob, Take

ROOT = Path(__file__).resolve().parents[1]
TILE = 192, 144
"""Pixels of a task's picture."""
COLUMNS = 8
LINE = 14
"""Height of a task's name under its picture, in pixels."""
SHOWN_AT = {"expert": 0.75, "trained": 0.6, "aimless": 0.5}
"""The share of the episode at which its picture is taken."""
GIF_SIZE, GIF_FPS, GIF_PICTURES, GIF_COLORS = (320, 240), 20, 60, 48
GIF_PAUSE = 1000
"""Milliseconds for which a film's last picture stands, before it begins again."""

HAND = {
    "dmcontrol/cartpole_swingup": "float(next_state.up_alignment) - 0.1 * abs(float(next_state.cart_position))",
    "dmcontrol/cheetah_run": "float(next_state.x_velocity)",
    "dmcontrol/hopper_hop": "float(next_state.torso_height > 0.6) + float(np.clip(next_state.x_velocity, -1, 2))",
    "dmcontrol/reacher_easy": "-float(next_state.fingertip_to_target_distance)",
    "dmcontrol/walker_walk": "float(next_state.up_alignment) + float(np.clip(next_state.x_velocity, -1, 1))",
    "gym/hopper_front_flip": "float(next_state.torso_pitch_velocity)",
    "gym/hopper_hop_in_place": "2 * float(next_state.foot_height) - abs(float(next_state.x_position))",
    "gym/ant_walk_forward": "float(next_state.x_velocity) + 0.5 * float(next_state.up_alignment)",
}
"""Rewards of one term for tasks of which none is recorded."""

Kind = Literal["expert", "trained", "aimless"]


def task_names() -> list[str]:
    """All shipped tasks."""
    folder = ROOT / "task_specs"
    return sorted(f"{path.parent.name}/{path.stem}" for path in folder.glob("*/*.yaml"))


def episode_of(name: str, kept: Path, steps: int) -> tuple[Path, Kind]:
    """The file of an episode that shows the task, and whose it is."""
    folder = kept / name.replace("/", "-")
    for path in folder.glob("*.episode.npz"):
        return path, path.name.partition(".")[0]  # type: ignore[return-value]
    episode, kind = _made(load_task(name, typed=True), name, folder, steps)
    path = folder / f"{kind}.episode.npz"
    episode.save(path)
    return path, kind


def _made(task: TaskSpec, name: str, folder: Path, steps: int) -> tuple[Episode, Kind]:
    from reward_synth.screening.reference_episodes import record_reference_episodes

    table = field_table(task)
    reward = _reward(name)
    if reward is not None and task.simulator not in ("metaworld", "maniskill", "crafter"):
        return _trained(task, table, reward, folder, steps), "trained"
    references = record_reference_episodes(task, table)
    ranked = sorted(
        zip(references.scores, references.episodes, strict=True), key=lambda each: (each[0].success, each[0].fitness)
    )
    if references.experts:
        # The first ones are the expert's own, without noise.
        first = len(references.episodes) - references.experts
        own = zip(references.scores[first:], references.episodes[first:], strict=True)
        return next((episode for score, episode in own if score.success), ranked[-1][1]), "expert"
    return ranked[-1][1], "aimless"


def _reward(name: str) -> str | None:
    """The recorded reward that trained best, or one of those above; for a task's file, the one that lies beside it."""
    if name.endswith(".yaml"):
        return Path(name.removesuffix(".yaml") + "_reward.py").read_text()
    found = [
        (trained.success, reward.source)
        for reward in recorded_rewards(name)
        for trained in reward.trained
        if trained.success
    ]
    if found:
        return max(found, key=lambda each: each[0])[1]
    native = {f"gym/{body.task}": body.source for body in BODIES.values() if not body.fields}
    term = HAND.get(name)
    written = f"import numpy as np\n\n\ndef compute_reward(state, action, next_state):\n    return {{'r': {term}}}\n"
    return native.get(name, written if term else None)


def _trained(task: TaskSpec, table: Any, source: str, folder: Path, steps: int) -> Episode:
    """The median evaluation episode of a short training."""
    from reward_synth.executors.local import LocalExecutor
    from reward_synth.screening.checker import RewardChecker
    from reward_synth.training.job import TrainJob

    reward = folder / "reward.py"
    reward.parent.mkdir(parents=True, exist_ok=True)
    reward.write_text(source)
    report = RewardChecker.of(task).check(source)
    job = TrainJob.of(task, reward, report, folder / "train", seed=1, steps=min(steps, task.training.steps))
    results = []
    executor = LocalExecutor(1)
    executor.run([job], lambda *_: None, lambda _, result: results.append(result), lambda: False)
    executor.close()
    scores = results[0].episodes
    if not scores:
        raise SystemExit(f"{task.name}: {results[0].reason}")
    print(f"{task.name}: {results[0].steps:,} steps, {np.mean([each.success for each in scores]):.0%}", file=sys.stderr)
    ranked = sorted(range(len(scores)), key=lambda index: (scores[index].success, scores[index].fitness))
    return Episode.load(episode_paths(job.trajectories, 0)[ranked[len(ranked) // 2]])


def pictures(name: str, episode: Path, steps: tuple[int, ...], size: tuple[int, int]) -> Iterator[Pixels]:
    """The states after these steps, drawn as films are."""
    return pictures_of(load_task(name, typed=True), episode, steps, size)


def pictures_of(task: TaskSpec, episode: Path, steps: tuple[int, ...], size: tuple[int, int]) -> Iterator[Pixels]:
    """As :func:`pictures`, for a task that was read before."""
    takes = (Take(episode=episode.resolve(), steps=steps),)
    file = file_of(task.environment.id)
    job = FilmJob(task=task, environment_file=file, takes=takes, width=size[0], height=size[1])
    with Filmer(job, 300.0, lambda: False) as filmer:
        yield from filmer
    if not filmer.same:
        print(f"{task.name}: the environment did not repeat the episode", file=sys.stderr)


def tile(name: str, kept: Path, steps: int) -> Image.Image:
    """A task's picture over its name, or the reason why there is none."""
    width, height = TILE
    page = Image.new("RGB", (width, height + LINE), "white")
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(11)
    path, kind = episode_of(name, kept, steps)
    length = Episode.load(path).length
    try:
        drawn = list(pictures(name, path, (round(SHOWN_AT[kind] * length),), (2 * width, 2 * height)))
        page.paste(Image.fromarray(drawn[0]).reduce(2), (0, 0))
    except RewardSynthError as error:
        draw.rectangle((0, 0, width, height), fill=(240, 240, 240))
        words = error.message.replace(":", ":\n", 1)
        draw.multiline_text((6, 6), "\n".join(words[at : at + 32] for at in range(0, 160, 32)), fill="gray", font=font)
    title = name.partition("/")[2] + {"expert": "", "trained": " *", "aimless": " (aimless)"}[kind]
    draw.text((3, height), title, fill=(30, 30, 30), font=font)
    return page


def sheet(names: list[str], kept: Path, steps: int) -> Image.Image:
    """All tasks, simulator by simulator."""
    width, height = TILE[0] + 4, TILE[1] + LINE + 4
    rows: list[tuple[str, list[str]]] = []
    for simulator in dict.fromkeys(name.partition("/")[0] for name in names):
        own = [name for name in names if name.startswith(simulator + "/")]
        rows += [(simulator if at == 0 else "", own[at : at + COLUMNS]) for at in range(0, len(own), COLUMNS)]
    head = 22
    tall = sum(height + (head if title else 0) for title, _ in rows)
    page = Image.new("RGB", (COLUMNS * width, tall), "white")
    top = 0
    for title, row in rows:
        if title:
            ImageDraw.Draw(page).text((3, top + 3), title, fill="black", font=ImageFont.load_default(15))
            top += head
        for column, name in enumerate(row):
            page.paste(tile(name, kept, steps), (column * width, top))
            print(name, file=sys.stderr)
        top += height
    return page.quantize(96, dither=Image.Dither.NONE)


def gif(name: str, kept: Path, steps: int, path: Path) -> None:
    """A small film of a task's episode."""
    episode_path, _ = episode_of(name, kept, steps)
    episode = Episode.load(episode_path)
    slow = episode.dt >= 0.2
    stride = 1 if slow else max(1, round(1 / (GIF_FPS * episode.dt)))
    shown = tuple(range(0, episode.length + 1, stride))[:GIF_PICTURES]
    drawn = [Image.fromarray(each) for each in pictures(name, episode_path, shown, GIF_SIZE)]
    # One palette for all pictures: otherwise still parts flicker, and cost bytes.
    palette = Image.fromarray(np.concatenate([np.asarray(each) for each in drawn[:: max(1, len(drawn) // 6)]]))
    palette = palette.quantize(GIF_COLORS, dither=Image.Dither.NONE)
    plain = [each.quantize(palette=palette, dither=Image.Dither.NONE) for each in drawn]
    pauses = [200 if slow else max(20, round(1000 * stride * episode.dt))] * len(plain)
    pauses[-1] += GIF_PAUSE
    path.parent.mkdir(parents=True, exist_ok=True)
    plain[0].save(path, save_all=True, append_images=plain[1:], duration=pauses, loop=0, optimize=True)
    print(f"{path}: {len(plain)} pictures, {path.stat().st_size / 1024:.0f} KiB")


def main() -> None:
    """Make the sheet, or films."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kept", type=Path, default=Path(tempfile.gettempdir()) / "reward-synth-contact-sheet")
    parser.add_argument("--steps", type=int, default=30_000, help="of a training, at most")
    parser.add_argument("--task", action="append", help="only these tasks on the sheet")
    parser.add_argument(
        "--gif", action="append", default=[], help="a film of this task, or task file, instead of the sheet"
    )
    parser.add_argument("--out", type=Path, default=ROOT / "docs")
    arguments = parser.parse_args()
    with protected():
        for name in arguments.gif:
            gif(name, arguments.kept, arguments.steps, arguments.out / "films" / f"{Path(name).stem}.gif")
        if not arguments.gif:
            path = arguments.out / "contact-sheet.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            sheet(arguments.task or task_names(), arguments.kept, arguments.steps).save(path, optimize=True)
            print(f"{path}: {path.stat().st_size / 1024:.0f} KiB")


if __name__ == "__main__":
    main()
