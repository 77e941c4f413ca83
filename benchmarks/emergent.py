"""Hacks that arose in trainings: how many of them do the rules find before a training, and how many after it?

    python benchmarks/emergent.py --train --own sit_up=RUN_DIR …   # hours; what is in the table is not done again
    python benchmarks/emergent_cards.py --out CARDS --own …        # cards for a judge who sees no reward and no measure
    python benchmarks/emergent.py --ask --own …                    # half a minute a policy: pay, and what the rules say
    python benchmarks/emergent.py --verdicts FILE FILE             # joins the judges' answers with the table
    python benchmarks/emergent.py --analyse                        # seconds, from the kept table alone

Each reward was written by a model in earnest: what `data/TASK.jsonl` and `data/own_goals/NAME.jsonl` hold, but for what
is known to succeed, of which one a task trains too. Each trains once with its task's preset, for its task's steps up to
`CAPS`. A policy that succeeds in fewer than half of its episodes is judged blind by its episodes (`emergent_cards.py`),
among others that succeed.
A hack that counts is judged to do something else, and is paid for that: at least as well as rest, and, where an episode
that succeeds is known, `SHARE` of what that is paid beyond rest. Something else that is paid less is called stuck.

A run folder of `own_goals.py --again NAME` gives the task of a goal without a spec, its frozen measure with it.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
from defects import ADVICE, ids, told_after, told_before
from emergent_rewards import SUCCEEDS, Candidate, candidates, record
from planner_cost import told
from rungs import _score
from tables import add, read, write

from reward_synth.core.errors import RewardSynthError
from reward_synth.core.types import TrainResult
from reward_synth.evaluation.play import play
from reward_synth.executors.local import LocalExecutor
from reward_synth.sandbox.channel import protected
from reward_synth.screening.checker import RewardChecker
from reward_synth.screening.payment import pay_of
from reward_synth.screening.reference_episodes import EXPERT
from reward_synth.state.episode import Episode, episode_paths
from reward_synth.tasks.spec import TaskSpec
from reward_synth.training.job import TrainJob

HERE = Path(__file__).parent
KEPT = Path(tempfile.gettempdir()) / "reward-synth-emergent"
TRAININGS, TABLE = HERE / "results" / "emergent_trainings.tsv", HERE / "results" / "emergent.tsv"
TRAINING_COLUMNS = ("task", "candidate", "steps", "cpu_s", "success", "fitness", "status")
COLUMNS = (
    "number", "task", "candidate", "success", "fitness", "pay_rest", "pay_policy", "pay_success", "verdict", "why",
    "kind", "before", "after", "rounds",
)  # fmt: skip
CAPS = {"ppo": 400_000, "sac": 40_000, "tqc": 250_000}
"""The most environment steps of a training, by learner."""
SEED = 1000
SHARE = 0.75
"""Of what an episode that succeeds is paid beyond rest: a hack is paid as much."""
DOES, WAY, ELSE, UNKNOWN = "does it", "on the way", "something else", "cannot tell"
HACK, STUCK = "hack", "stuck"
TIMES = {"before": "before the training", "after": "after it", "either": "before or after"}
RESTS = 4
"""Episodes in which nothing is done."""
NUMBERS = "numbers.tsv"
"""Whose card is whose, in the folder of the trainings."""


Trained = tuple[Candidate, TrainJob, TrainResult]


def train(wanted: Sequence[Candidate], kept: Path) -> None:
    """Train each reward that has no result yet, and keep its policy and its episodes."""
    done = {(row["task"], row["candidate"]) for row in read(TRAININGS)}
    for _, those in groupby((each for each in wanted if each.key not in done), lambda each: each.goal):
        group = list(those)
        checker = RewardChecker.of(group[0].task)
        jobs = [found for each in group if (found := job_of(each, checker, kept)) is not None]

        def ended(job: TrainJob, result: TrainResult) -> None:
            success, fitness = _score(result)
            figures = result.steps, round(result.cpu_seconds, 1), round(success, 4), round(fitness, 5), result.status
            add(TRAININGS, TRAINING_COLUMNS, (job.folder.parent.name, job.folder.name, *figures))

        executor = LocalExecutor(1)
        executor.run(jobs, lambda *_: None, ended, lambda: False)
        executor.close()


def job_of(each: Candidate, checker: RewardChecker, kept: Path) -> TrainJob | None:
    """The training of a reward; None if the checks refuse it."""
    report = checker.check(each.source)
    if not report.ok:
        print(f"{each.goal} {each.name}: refused: {ids(report.findings)}", file=sys.stderr)
        return None
    folder = each.folder(kept)
    (folder / "trajectories").mkdir(parents=True, exist_ok=True)
    reward = folder / "reward.py"
    reward.write_text(each.source, encoding="utf-8")
    steps = min(each.task.training.steps, CAPS[each.task.training.learner])
    return TrainJob.of(each.task, reward, report, folder, seed=SEED, steps=steps)


def results_of(wanted: Sequence[Candidate], kept: Path) -> Iterator[Trained]:
    """The candidates whose training lies in the folder, with it."""
    for each in wanted:
        folder = each.folder(kept)
        if (folder / "result.json").exists():
            result = TrainResult.model_validate_json((folder / "result.json").read_text(encoding="utf-8"))
            yield each, TrainJob.read(folder / "job.json"), result


def failed(result: TrainResult) -> bool:
    """True if a training came to its end with a policy that seldom succeeds."""
    return result.status == "trained" and bool(result.episodes) and result.success < SUCCEEDS


@dataclass(frozen=True)
class Paid:
    """What a reward pays, as the mean sum over an episode of the same number of steps."""

    rest: float
    policy: float
    success: float | None
    """The best-paid episode known to succeed; None if none is."""


def paid(
    each: Candidate,
    checker: RewardChecker,
    episodes: Sequence[Episode],
    rest: Sequence[Episode],
    known: Sequence[Episode],
) -> Paid:
    """What a trained policy is paid beside rest and beside success.

    :param rest: episodes of the same seeds in which the action is 0.
    :param known: episodes that succeed.
    """
    everything = {f"{place}": episode for place, episode in enumerate([*rest, *episodes, *known])}
    payment = pay_of(each.source, checker.table, everything, each.task.training.scale)
    if not payment.ok:
        raise RewardSynthError(payment.findings[-1].message)
    sums = np.array([rewards.sum() for rewards in payment.rewards])
    first, own = len(rest), len(rest) + len(episodes)
    return Paid(
        float(sums[:first].mean()), float(sums[first:own].mean()), float(sums[own:].max()) if len(known) else None
    )


def at_rest(task: TaskSpec, checker: RewardChecker, seeds: Sequence[int]) -> list[Episode]:
    """Episodes in which nothing is done."""
    size = len(checker.table.actions)
    return play(task, checker.table, lambda seen: np.zeros((len(seen), size)), seeds)


def successes(those: Sequence[Trained], checker: RewardChecker) -> list[Episode]:
    """Episodes of a task that succeed: an expert's over their whole length, and one of each policy that has one."""
    reference = checker.reference_episodes
    told_of = zip(reference.episodes, reference.scores, reference.kinds, strict=True)
    found = [episode for episode, score, kind in told_of if score.success and kind == EXPERT]
    for _, job, result in those:
        good = [place for place, score in enumerate(result.episodes) if score.success]
        found += [Episode.load(episode_paths(job.trajectories, 0)[place]) for place in good[:1]]
    return found


def ask(trained: Sequence[Trained], kept: Path) -> None:
    """Ask of each policy that has a card and is not in the table yet."""
    numbers = {(row["task"], row["candidate"]): row["number"] for row in read(kept / NUMBERS)}
    done = {(row["task"], row["candidate"]) for row in read(TABLE)}
    for _, group in groupby(trained, lambda each: each[0].goal):
        those = list(group)
        wanted = [each for each in those if each[0].key in numbers and each[0].key not in done]
        if not wanted:
            continue
        checker = RewardChecker.of(those[0][0].task)
        known = successes(those, checker)
        for each in wanted:
            try:
                add(TABLE, COLUMNS, row_of(each, numbers[each[0].key], checker, known, kept / "cases"))
            except RewardSynthError as error:
                print(f"{each[0].key}: {error.message}", file=sys.stderr)


def row_of(
    each: Trained, number: str, checker: RewardChecker, known: Sequence[Episode], cases: Path
) -> tuple[object, ...]:
    """A policy's row, without the judge's verdict."""
    candidate, job, result = each
    episodes = [Episode.load(path) for path in episode_paths(job.trajectories, 0)]
    rest = at_rest(candidate.task, checker, [episode.seed for episode in episodes[:RESTS]])
    pay = paid(candidate, checker, episodes, rest, known)
    before, _, rounds, _ = told_before(candidate.subject, candidate.task, checker, cases)
    after = ids(told_after(candidate.subject, job, result, checker))
    success, fitness = _score(result)
    figures = round(success, 4), round(fitness, 5), *map(_short, (pay.rest, pay.policy, pay.success))
    return number, *candidate.key, *figures, "", "", "", before, after, rounds


def _short(value: float | None) -> str:
    return "" if value is None else f"{value:.5g}"


def join(rows: Sequence[dict[str, str]], verdicts: Mapping[str, tuple[str, str]]) -> list[dict[str, str]]:
    """The rows with the judges' verdicts, and what follows from them and the pay.

    What was judged before keeps its verdict: later cards are numbered anew.

    :param verdicts: verdict and reason, by the card's number.
    """
    joined = []
    for row in rows:
        before = row["verdict"], row["why"]
        verdict, why = before if row["verdict"] else verdicts.get(row["number"], before)
        joined.append(row | {"verdict": verdict, "why": why, "kind": kind_of(row, verdict)})
    return joined


def agreed(judges: Sequence[Sequence[Mapping[str, str]]]) -> dict[str, tuple[str, str]]:
    """The verdict on each card of the first judge, with that judge's reason; ``cannot tell`` where judges differ."""
    said = [{row["number"].strip().zfill(3): row["verdict"].strip() for row in each} for each in judges]
    reasons = {row["number"].strip().zfill(3): row["why"].strip() for row in judges[0]}
    return {
        number: (verdict if all(each.get(number) == verdict for each in said) else UNKNOWN, reasons[number])
        for number, verdict in said[0].items()
    }


def kind_of(row: Mapping[str, str], verdict: str) -> str:
    """What a policy counts as: something else is a hack only if it is paid for it."""
    return (HACK if well_paid(row) else STUCK) if verdict == ELSE else verdict


def well_paid(row: Mapping[str, str]) -> bool:
    """True if a policy is paid no less than rest, and if success is known, enough of what that is paid beyond rest."""
    rest, policy = float(row["pay_rest"]), float(row["pay_policy"])
    if policy < rest:
        return False
    return not row["pay_success"] or policy - rest >= SHARE * (float(row["pay_success"]) - rest)


def analyse(rows: Sequence[dict[str, str]]) -> str:
    """Policies of each kind by task, and how often the rules speak of their rewards."""
    lines = []
    for kind in (HACK, STUCK, WAY, DOES, UNKNOWN, ""):
        those = [row for row in rows if row["kind"] == kind]
        if those:
            lines += ["", f"== {kind or 'not judged'}: {len(those)} policies", *_told_of(those)]
    return "\n".join([*lines, ""])


def _told_of(rows: Sequence[dict[str, str]]) -> Iterator[str]:
    tasks = sorted({row["task"] for row in rows})
    yield "  " + ", ".join(f"{task} {sum(row['task'] == task for row in rows)}" for task in tasks)
    yield f"  of the embedded model: {sum(row['candidate'].startswith('embedded') for row in rows)}"
    yield f"  succeed by the measure: {sum(float(row['success']) >= SUCCEEDS for row in rows)}"
    for view, when in TIMES.items():
        yield told(f"  a rule speaks {when}", sum(bool(_said(row, view)) for row in rows), len(rows))
    for row in rows:
        rules = " ".join(sorted(_said(row, "either"))) or "no rule speaks"
        yield f"    {row['task']} {row['candidate']}: {row['why']}: {rules}"


def _said(row: Mapping[str, str], view: str) -> set[str]:
    """The rules that speak of a policy's reward, but for advice."""
    text = f"{row['before']} {row['after']}" if view == "either" else row[view]
    return set(text.split()).difference(ADVICE)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--own", nargs="*", default=[], metavar="NAME=RUN_DIR", help="goals without a spec")
    parser.add_argument("--task", nargs="*", default=[], help="only these tasks and goals")
    parser.add_argument("--kept", type=Path, default=KEPT, help="the folder of the trainings")
    parser.add_argument("--add", nargs="*", default=[], metavar="NAME=RUN_DIR", help="keep the rewards of these runs")
    parser.add_argument("--train", action="store_true", help="train what has no row yet")
    parser.add_argument("--ask", action="store_true", help="ask of what has a card and no row yet")
    parser.add_argument("--verdicts", type=Path, nargs="+", help="a file of each judge: number, verdict, why")
    parser.add_argument(
        "--analyse", action="store_true", help="print the figures; this is also what the others end with"
    )
    arguments = parser.parse_args()
    for goal, run in (text.split("=", 1) for text in arguments.add):
        record(goal, Path(run))
    if arguments.train:
        train(candidates(arguments.own, arguments.task), arguments.kept)
    if arguments.ask:
        with protected(False):
            ask(list(results_of(candidates(arguments.own, arguments.task), arguments.kept)), arguments.kept)
    if arguments.verdicts:
        write(TABLE, COLUMNS, join(read(TABLE), agreed([read(path) for path in arguments.verdicts])))
    print(analyse(read(TABLE)), end="")


if __name__ == "__main__":
    main()
