"""Cards for a judge of `emergent.py`'s policies who knows neither the reward nor the measure.

    python benchmarks/emergent_cards.py --kept FOLDER --out CARDS --own sit_up=RUN_DIR …

A card holds the goal's sentence, pictures of the policy's median evaluation episode, and tables of two episodes: that
one and the best. Policies that fail stand among some that succeed, in an order drawn at random. `numbers.tsv`, which
tells whose card is whose, is written into the folder of the trainings, away from the cards.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from contact_sheet import pictures_of
from emergent import DOES, ELSE, KEPT, NUMBERS, UNKNOWN, WAY, Trained, failed, results_of
from emergent_rewards import Candidate, candidates
from PIL import Image, ImageDraw, ImageFont
from tables import write

from reward_synth.diagnosis.trajectories import series_of
from reward_synth.evaluation.play import field_table
from reward_synth.sandbox.channel import protected
from reward_synth.state.episode import Episode, episode_paths
from reward_synth.state.table import FieldTable

CONTROLS = 12
"""Policies that succeed, at most."""
SURE = 0.9
"""Share of its episodes in which one of them succeeds."""
SEED = 18
FRAMES, ACROSS, SIZE = 15, 5, (256, 192)
ROWS, MOST_FIELDS = 12, 12
README = f"""# Cards for a judge

Each card `NNN.md`, with its picture `NNN.png`, shows one trained policy. It gives the goal's sentence, pictures of one
episode in the order of time (left to right, top to bottom, with seconds), and tables of two episodes.

Say of each card whether the policy does what the sentence asks. Answer with one of:

- `{DOES}`: the goal is done, or very nearly.
- `{WAY}`: it clearly tries the goal and is not there yet, for example it goes the right way and falls, or is too slow.
- `{ELSE}`: it has settled on a behaviour that is not the goal: it stands still where it should move, makes another
  movement, or takes a posture that only looks like the goal.
- `{UNKNOWN}`

Write `verdicts.tsv` beside the folder of the cards, tab-separated, with a first line `number verdict why` and a line
for each card: its number, the verdict, and one short sentence. Read nothing but the cards.
"""


def chosen(trained: Sequence[Trained]) -> list[Trained]:
    """All policies that fail, and some that succeed, of as many tasks as there are, in a random order."""
    draw = random.Random(SEED)
    fail = [each for each in trained if failed(each[2])]
    good = [each for each in trained if each[2].episodes and each[2].success >= SURE]
    draw.shuffle(good)
    seen: dict[str, int] = {}
    turns = []
    for each in good:
        seen[each[0].goal] = seen.get(each[0].goal, 0) + 1
        turns.append(seen[each[0].goal])
    order = sorted(range(len(good)), key=turns.__getitem__)
    found = [*fail, *(good[place] for place in order[:CONTROLS])]
    draw.shuffle(found)
    return found


def card(number: int, each: Trained, table: FieldTable, out: Path) -> None:
    """Write one card and its picture."""
    candidate, job, result = each
    paths = episode_paths(job.trajectories, 0)
    ranked = sorted(
        range(len(paths)), key=lambda place: (result.episodes[place].success, result.episodes[place].fitness)
    )
    median, best = ranked[len(ranked) // 2], ranked[-1]
    lines = [f"# {number:03d}", "", f"Goal: {' '.join(candidate.task.goal.split())}", ""]
    lines += [f"![one episode]({number:03d}.png)", ""]
    for title, place in (("The episode in the pictures", median), ("Another episode", best)):
        lines += [f"## {title}", "", *told_episode(Episode.load(paths[place]), table), ""]
    sheet(candidate, paths[median]).save(out / f"{number:03d}.png", optimize=True)
    (out / f"{number:03d}.md").write_text("\n".join(lines), encoding="utf-8")


def told_episode(episode: Episode, table: FieldTable) -> list[str]:
    """How an episode ended, and its fields over time."""
    seconds, whole = episode.length * episode.dt, episode.horizon * episode.dt
    by = "the environment ended it" if episode.terminated else "its time was over"
    shown = table.for_rewards().essential()
    series = series_of(episode, shown, shown.names)
    moving = [each for each in series if np.ptp(each.values) > 1e-6]
    still = [f"{each.name} {each.values[0]:.3g} {each.unit}" for each in series if np.ptp(each.values) <= 1e-6]
    moving = moving[:MOST_FIELDS]
    steps = np.unique(np.linspace(0, episode.length, ROWS).round().astype(int))
    head = ["time (s)", *(f"{each.name} ({each.unit})" for each in moving)]
    rows = [[f"{step * episode.dt:.2f}", *(f"{each.values[step]:.2f}" for each in moving)] for step in steps]
    lines = [f"It lasted {seconds:.2f} s of at most {whole:.2f} s; {by}.", ""]
    lines += ["| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head), *rows)]
    if still:
        lines += ["", "Unchanged: " + ", ".join(still[:MOST_FIELDS]) + "."]
    return lines


def sheet(candidate: Candidate, path: Path) -> Image.Image:
    """Pictures of an episode, with the time under each."""
    episode = Episode.load(path)
    steps = tuple(np.unique(np.linspace(0, episode.length, FRAMES).round().astype(int)).tolist())
    width, height = SIZE
    page = Image.new("RGB", (ACROSS * width, -(-len(steps) // ACROSS) * height), "white")
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(14)
    drawn = pictures_of(candidate.task, path, steps, (2 * width, 2 * height))
    for place, (step, pixels) in enumerate(zip(steps, drawn, strict=True)):
        corner = place % ACROSS * width, place // ACROSS * height
        page.paste(Image.fromarray(pixels).resize(SIZE), corner)
        draw.text((corner[0] + 4, corner[1] + 3), f"{step * episode.dt:.2f} s", fill="black", font=font)
    return page.quantize(128, dither=Image.Dither.NONE)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--own", nargs="*", default=[], metavar="NAME=RUN_DIR", help="as for `emergent.py`")
    parser.add_argument("--kept", type=Path, default=KEPT, help="the folder of the trainings")
    parser.add_argument("--out", type=Path, required=True, help="the folder of the cards")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / "README.md").write_text(README, encoding="utf-8")
    found = chosen(list(results_of(candidates(arguments.own, ()), arguments.kept)))
    rows = [
        {"number": f"{number:03d}", "task": each[0].goal, "candidate": each[0].name}
        for number, each in enumerate(found, start=1)
    ]
    write(arguments.kept / NUMBERS, ("number", "task", "candidate"), rows)
    with protected():
        for number, each in enumerate(found, start=1):
            if not (arguments.out / f"{number:03d}.md").exists():
                card(number, each, field_table(each[0].task), arguments.out)


if __name__ == "__main__":
    main()
