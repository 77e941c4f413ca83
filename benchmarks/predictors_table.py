"""What `results/predictors.tsv` says: how well each score ranks rewards by what they trained.

The table has one row per reward. `fitness` and `success` hold a figure per training, in the order of `seeds`. A cell is
empty where a score cannot speak: no native reward, no plan, no episode that succeeds.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
TABLE = Path(__file__).parent / "results" / "predictors.tsv"
SCORES = {
    "alignment": "rank correlation of reward per step with fitness, over reference episodes",
    "alignment_sum": "the same with the reward of whole episodes",
    "preference": "CARD's: share of pairs of a better and a worse episode that the summed reward orders rightly",
    "tac": "Kendall's tau-b of discounted returns with fitness, over reference episodes",
    "planned": "fitness of the planned episode that the reward pays most",
    "sound": "the attack found nothing (1) or something (0)",
    "dwell": "what dwelling in the goal is paid above rest",
    "statue": "what the best-paid behaviour is paid above a statue in the start state",
    "first": "written earlier by the model",
    "short": "shorter code",
}
"""All are meant so that a higher one is better."""
ORACLES = {
    "native_steps": "Pearson correlation with the environment's own reward over steps",
    "native_returns": "Pearson correlation with the environment's own reward over episodes",
    "epic": "Pearson correlation with the environment's own reward over steps, after linear potentials are taken out",
}
"""What only somebody can know who has a good reward already."""
COMBINED, CHANCE = "combined", "chance"
RIDGE = 1.0
"""Chosen before the first look; each task's ranks have a mean square of about a third."""
FEWEST = 4
"""Rewards of a task below which it is left out."""
NEARLY = 0.1
"""Share of the way from the task's best fitness to its worst that is as good as the best."""
DRAWS = 1000
SAME = ("seeds", "fitness", "alignment", "tac")
"""What is equal of two rewards that differ in words only."""


@dataclass(frozen=True, eq=False)
class Field:
    """The rewards of one task. Arrays are (N,); a score that is unknown is NaN."""

    task: str
    simulator: str
    names: tuple[str, ...]
    writers: tuple[str, ...]
    trained: Floats
    """(N, S), the fitness of each reward in each of the series of trainings that the most rewards have."""
    again: Floats
    """(N, R), in all series of trainings; NaN where a reward has none."""
    scores: Mapping[str, Floats]

    @property
    def fitness(self) -> Floats:
        """Mean over trainings."""
        mean: Floats = self.trained.mean(axis=1)
        return mean

    def part(self, chosen: Sequence[int] | NDArray[np.intp]) -> Field:
        """Some of its rewards, in this order."""
        rows = np.asarray(chosen, dtype=int)
        return Field(
            self.task,
            self.simulator,
            tuple(self.names[n] for n in chosen),
            tuple(self.writers[n] for n in chosen),
            self.trained[rows],
            self.again[rows],
            {name: values[rows] for name, values in self.scores.items()},
        )


def fields_of(path: Path = TABLE) -> list[Field]:
    """The tasks with at least four trained rewards whose fitness differs, and the combined score of each reward."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    tasks = dict.fromkeys(row["task"] for row in rows)
    found = [field_of([row for row in rows if row["task"] == task and row["seeds"]]) for task in tasks]
    return with_combined([field for field in found if len(field.names) >= FEWEST and np.ptp(field.fitness) > 0.0])


def field_of(rows: Sequence[Mapping[str, str]]) -> Field:
    """The rewards of one task.

    Only trainings of one series can be compared, since they were made at one time with one program: the fitness is the
    mean over those series that the most rewards have, and rewards that are in none of these are left out. Rewards that
    order the reference episodes alike and trained to the same figures count once: they are one, written in other words.
    """
    rows = list({tuple(row[name] for name in SAME): row for row in reversed(rows)}.values())[::-1]
    known = [dict(zip(row["seeds"].split(), map(float, row["fitness"].split()), strict=True)) for row in rows]
    series = list(dict.fromkeys(seed for each in known for seed in each))
    held = {seed: sum(seed in each for each in known) for seed in series}
    full = [seed for seed in series if held[seed] == max(held.values())]
    kept = [n for n, each in enumerate(known) if all(seed in each for seed in full)]
    those = [rows[n] for n in kept]
    return Field(
        those[0]["task"] if those else "",
        those[0]["simulator"] if those else "",
        tuple(row["candidate"] for row in those),
        tuple(row["candidate"].partition("-")[0] for row in those),
        np.array([[known[n][seed] for seed in full] for n in kept]).reshape(len(kept), len(full)),
        np.array([[known[n].get(seed, np.nan) for seed in series] for n in kept]).reshape(len(kept), len(series)),
        {CHANCE: np.zeros(len(those))}
        | {name: np.array([float(row[name] or "nan") for row in those]) for name in (*SCORES, *ORACLES)},
    )


def ranks(values: Floats) -> Floats:
    """Ranks from -1 to 1 along the last axis; ties share theirs, and what is unknown (NaN) is in the middle, at 0."""
    known = ~np.isnan(values)
    filled = np.where(known, values, np.nan)
    below = (filled[..., :, None] > filled[..., None, :]).sum(axis=-1)
    above = (filled[..., :, None] < filled[..., None, :]).sum(axis=-1)
    result: Floats = np.where(known, below - above, 0) / np.maximum(known.sum(axis=-1, keepdims=True) - 1, 1)
    return result


def spearman(first: Floats, second: Floats) -> Floats:
    """Spearman's rank correlation along the last axis; 0 where either does not vary, since it orders nothing then."""
    one, other = ranks(first), ranks(second)
    size = np.sqrt((one**2).sum(axis=-1) * (other**2).sum(axis=-1))
    result: Floats = (one * other).sum(axis=-1) / np.where(size > 0.0, size, 1.0)
    return result


def with_combined(fields: Sequence[Field]) -> list[Field]:
    """Each task with the order of a ridge regression on ranks that never saw this task. Oracles are left out."""
    if len(fields) < 2:
        return list(fields)
    inputs = [np.stack([ranks(field.scores[name]) for name in SCORES], axis=1) for field in fields]
    # Each task counts the same, however many rewards it has.
    weighted = [(x / np.sqrt(len(x)), ranks(f.fitness) / np.sqrt(len(x))) for x, f in zip(inputs, fields, strict=True)]
    result = []
    for place, field in enumerate(fields):
        others = [pair for n, pair in enumerate(weighted) if n != place]
        x, y = np.concatenate([x for x, _ in others]), np.concatenate([y for _, y in others])
        weights = np.linalg.solve(x.T @ x + RIDGE * np.eye(x.shape[1]), x.T @ y)
        result.append(replace(field, scores={**field.scores, COMBINED: inputs[place] @ weights}))
    return result


def speaks(field: Field, name: str) -> bool:
    """True if a score is known for at least two of a task's rewards."""
    return int((~np.isnan(field.scores[name])).sum()) >= 2


class Ranked(NamedTuple):
    """How well a score ranks."""

    tasks: int
    """That it can speak about at all."""
    rewards: int
    rho: float
    """Mean over these tasks."""
    low: float
    high: float
    """95 % interval, by drawing tasks and rewards in them again."""
    chance: float
    """Share of random orders that rank at least as well, or as badly: two-sided."""


def ranked(fields: Sequence[Field], name: str, draws: int = DRAWS) -> Ranked | None:
    """Spearman's correlation of a score with trained fitness within tasks, and whether chance does the same."""
    those = [known(field, name) for field in fields if speaks(field, name)]
    if not those:
        return None
    generator = np.random.default_rng(0)
    rho = float(np.mean([spearman(*pair) for pair in those]))
    again, shuffled = [], []
    for score, fitness in those:
        rows = generator.integers(len(score), size=(draws, len(score)))
        again.append(spearman(score[rows], fitness[rows]))
        others = generator.permuted(np.tile(fitness, (draws, 1)), axis=1)
        shuffled.append(spearman(np.broadcast_to(score, others.shape), others))
    tasks, rows = (generator.integers(high, size=(draws, len(those))) for high in (len(those), draws))
    low, high = np.quantile(np.stack(again)[tasks, rows].mean(axis=1), (0.025, 0.975))
    extreme = (np.abs(np.mean(shuffled, axis=0)) >= abs(rho) - 1e-12).sum()
    rewards = sum(len(score) for score, _ in those)
    return Ranked(len(those), rewards, rho, float(low), float(high), float((extreme + 1) / (draws + 1)))


def known(field: Field, name: str) -> tuple[Floats, Floats]:
    """A score and the fitness of the rewards of which the score is known."""
    score = field.scores[name]
    return score[~np.isnan(score)], field.fitness[~np.isnan(score)]


def verdict(found: Ranked) -> str:
    """In words, by the interval and by chance. Of so many scores some pass by luck, so Bonferroni's share is asked."""
    if not (found.low > 0.0 or found.high < 0.0) or found.chance >= 0.05:
        return "no better than chance"
    which = "ranks" if found.rho > 0.0 else "ranks the wrong way round"
    return which if found.chance * (len(SCORES) + len(ORACLES) + 1) < 0.05 else f"{which}, or luck"


class Saved(NamedTuple):
    """What an order saves, as a mean over tasks."""

    trainings: float
    """Until one is as good as the task's best, as a share of what a random order takes."""
    kept: float
    """Best fitness after the lower half was cut, from 0 (the task's worst) to 1 (its best)."""
    best_kept: float
    """Share of tasks in which the upper half holds one that is as good as the best."""


def saved(fields: Sequence[Field], name: str, nearly: float = NEARLY, ties: int = DRAWS) -> Saved:
    """Order the rewards of each task by a score, best first. Ties are broken at random, many times."""
    generator = np.random.default_rng(0)
    shares, kept, best_kept = [], [], []
    for field in fields:
        fitness = field.fitness
        best, worst, count = fitness.max(), fitness.min(), len(fitness)
        good = fitness >= best - nearly * (best - worst) - 1e-12
        noise = generator.random((ties, count))
        placed = np.argsort(-ranks(field.scores[name]) + 1e-6 * noise, axis=1)
        until = np.argmax(good[placed], axis=1) + 1
        half = placed[:, : (count + 1) // 2]
        shares.append(until.mean() / ((count + 1) / (good.sum() + 1)))
        kept.append((fitness[half].max(axis=1).mean() - worst) / (best - worst))
        best_kept.append(good[half].any(axis=1).mean())
    return Saved(float(np.mean(shares)), float(np.mean(kept)), float(np.mean(best_kept)))


def ceiling(fields: Sequence[Field]) -> list[tuple[str, int, float]]:
    """How well one training ranks another of the same rewards: task, rewards, and the mean over pairs of series."""
    found = []
    for field in fields:
        pairs = []
        for one in range(field.again.shape[1]):
            for other in range(one):
                both = ~np.isnan(field.again[:, [one, other]]).any(axis=1)
                if both.sum() >= FEWEST:
                    pairs.append((int(both.sum()), float(spearman(*field.again[both][:, [one, other]].T))))
        if pairs:
            found.append((field.task, max(count for count, _ in pairs), float(np.mean([rho for _, rho in pairs]))))
    return found


def one_writer(fields: Sequence[Field]) -> list[Field]:
    """The same, with each model's rewards apart: a score may only tell a strong writer from a weak one."""
    parts = []
    for field in fields:
        for writer in dict.fromkeys(field.writers):
            part = field.part([n for n, each in enumerate(field.writers) if each == writer])
            if len(part.names) >= FEWEST and np.ptp(part.fitness) > 0.0:
                parts.append(part)
    return parts


def summary(fields: Sequence[Field], draws: int = DRAWS) -> str:
    """The tables in Markdown."""
    rewards = sum(len(field.names) for field in fields)
    trainings = sum(int((~np.isnan(field.again)).sum()) for field in fields)
    simulators = len({field.simulator for field in fields})
    again = ceiling(fields)
    mean = float(np.mean([rho for *_, rho in again])) if again else float("nan")
    told = ", ".join(f"{task} {rho:+.2f} ({count})" for task, count, rho in again)
    lines = [
        f"{rewards} rewards, {trainings} trainings, {len(fields)} tasks, {simulators} simulators.",
        *("", *by_score(fields, draws)),
        *("", f"One training ranks another at {mean:+.2f}: {told}."),
        *("", *by_task(fields)),
    ]
    return "\n".join(lines) + "\n"


def by_score(fields: Sequence[Field], draws: int = DRAWS) -> list[str]:
    """How well each score ranks, and what it saves. In brackets: what chance comes to on the same tasks."""
    apart = one_writer(fields)
    lines = [
        "| score | tasks, rewards | ρ (95 % interval) | p | one writer | trainings | fitness kept | best kept | |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name in (*SCORES, COMBINED, *ORACLES):
        found, within = ranked(fields, name, draws), ranked(apart, name, draws)
        if found is None:
            continue
        where = [field for field in fields if speaks(field, name)]
        gain, chance = saved(where, name), saved(where, CHANCE)
        inner = f"{within.rho:+.2f} ({within.low:+.2f} to {within.high:+.2f})" if within else ""
        cells = (
            f"`{name}`",
            f"{found.tasks}, {found.rewards}",
            f"{found.rho:+.2f} ({found.low:+.2f} to {found.high:+.2f})",
            f"{found.chance:.3f}",
            inner,
            f"{gain.trainings:.2f}, {saved(where, name, 0.0).trainings:.2f}",
            f"{gain.kept:.2f} ({chance.kept:.2f})",
            f"{gain.best_kept:.0%} ({chance.best_kept:.0%})",
            verdict(found),
        )
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def by_task(fields: Sequence[Field]) -> list[str]:
    """The correlation of each score in each task."""
    names = (*SCORES, COMBINED, *ORACLES)
    lines = ["| task | rewards | " + " | ".join(names) + " |", "| --- | --- |" + " --- |" * len(names)]
    for field in fields:
        cells = [f"{spearman(field.scores[name], field.fitness):+.2f}" if speaks(field, name) else "" for name in names]
        lines.append(f"| {field.task} | {len(field.names)} | " + " | ".join(cells) + " |")
    return lines
