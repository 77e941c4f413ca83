"""How many planted defects are found before a training and after it, and how often is a sound reward blamed?

    python benchmarks/defects.py                 # a quarter of a minute a reward; kept rows are not done again
    python benchmarks/defects.py --train         # hours; trains each reward once on a share of its task's budget
    python benchmarks/defects.py --analyse       # seconds, from the kept tables alone
    python benchmarks/defects.py --file other.jsonl --half kept

`data/defects.jsonl` holds rewards with one known defect each, and sound ones for the same tasks, written by somebody
who had not seen the detectors. Of each it is asked before a training what lint, probe, screen and attack say with
the task's measure, and what these and the audit's questions say without it: then nobody judges the episodes, and what
was planned for fitness is left out. One plan serves both, so the second view begins where one for fitness may have led.
"""

from __future__ import annotations

import argparse
import json
import pickle
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

import cloudpickle
from planner_cost import PLAN_SECONDS, told
from predictors import BUDGETS, FIRST, train_rewards
from rungs import _score
from tables import add, read

from reward_synth.audit.environment import UNMEASURED
from reward_synth.audit.file import questions_of
from reward_synth.core.errors import RewardSynthError
from reward_synth.core.types import CheckReport, EpisodeScore, Finding, TrainResult
from reward_synth.diagnosis.summary import summarize
from reward_synth.evaluation.conditions import conditions_held
from reward_synth.reward.contract import RewardError
from reward_synth.sandbox.channel import protected
from reward_synth.screening.attack import case_of
from reward_synth.screening.case import Case
from reward_synth.screening.checker import RewardChecker
from reward_synth.screening.played import BEST
from reward_synth.screening.reference_episodes import ReferenceEpisodes
from reward_synth.screening.terms import episode_terms
from reward_synth.state.episode import Episode, episode_paths
from reward_synth.tasks.spec import TaskSpec, load_task
from reward_synth.training.job import TrainJob
from reward_synth.training.presets import preset_for

HERE = Path(__file__).parent
FILE = HERE / "data" / "defects.jsonl"
TABLE, TRAINED = HERE / "results" / "defects.tsv", HERE / "results" / "defects_trained.tsv"
COLUMNS = ("half", "task", "name", "kind", "class", "with_measure", "without_measure", "rounds", "plan_s")
TRAINED_COLUMNS = ("half", "task", "name", "kind", "class", "steps", "cpu_s", "success", "fitness", "status", "after")
SHARES = {"gym": 0.2, "dmcontrol": 0.2, "metaworld": 0.12, "maniskill": 0.2, "crafter": 0.15}
"""Of a task's budget, for tasks of which `predictors.py` has none."""
SOUND = "sound"
NOBODY = EpisodeScore(success=False, success_any=False, fitness=0.0, length=1, terminated=False)
"""The score of an episode that nobody judges."""
OWN: Mapping[str, tuple[str, ...]] = {
    "pays-for-something-else": (
        "screen/pays-for-something-else", "screen/beside-the-goal", "screen/drowned", "screen/either-way-pays",
        "screen/paid-again", "lint/one-way-progress",
        "training/reward-up-fitness-flat", "training/reward-up-fitness-down", "training/dominant-term",
        "training/misaligned-term",
    ),
    "wrong-sign": (
        "screen/wrong-sign", "screen/misaligned", "lint/signed-action", "training/wrong-direction",
        "training/reward-up-fitness-down", "training/misaligned-term",
    ),
    "early-end-pays": ("screen/early-end-pays", "screen/ending-pays", "training/falls-early"),
    "nothing-beyond-rest": (
        "screen/nothing-beyond-rest", "screen/best-below-rest", "screen/expert-below-rest", "audit/rest-pays-most",
        "training/stands-still", "training/no-learning",
    ),
    "unreachable-bonus": ("screen/unreachable-bonus", "probe/dead-term", "training/dead-term"),
    "success-below-rest": (
        "screen/expert-below-rest", "screen/best-below-rest", "audit/rest-pays-most", "screen/misaligned",
        "training/stands-still", "training/success-lost",
    ),
    "hidden-quantity": ("screen/hidden-field", "probe/fixed-position", "training/no-learning"),
}  # fmt: skip
"""The rules that name a defect of each class."""
ADVICE = (
    "probe/slow", "lint/may-be-undefined", "lint/set-order", "lint/bare-except", "lint/division-by-norm",
    "lint/matrix-norm", "lint/inverse-distance", "lint/unused-value", "audit/falls-on-the-way",
    "training/still-improving", "training/seed-variance", "training/action-saturation", "training/jitter",
)  # fmt: skip
"""Rules that do not say that a reward pays for the wrong thing: their findings count neither way."""
VIEWS = ("with_measure", "without_measure", "after", "before or after")


@dataclass(frozen=True)
class Subject:
    """A reward of the file."""

    half: str
    task: str
    name: str
    kind: str
    defect: str
    source: str

    @property
    def key(self) -> tuple[str, str, str]:
        """Unique in the tables."""
        return self.half, self.task, self.name

    @property
    def row(self) -> tuple[str, ...]:
        """The first columns of its rows."""
        return *self.key, self.kind, self.defect


def subjects(path: Path, task: str | None) -> list[Subject]:
    """The rewards of a file, by task."""
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]
    found = [
        Subject(
            each.get("half") or "open", each["task"], each["name"], SOUND if each["kind"] == SOUND else "defect",
            each.get("class") or "", each["source"],
        )
        for each in lines
    ]  # fmt: skip
    return sorted((each for each in found if task in (None, each.task, each.task.rpartition("/")[2])), key=_by_task)


def _by_task(subject: Subject) -> str:
    return subject.task


def case_for(subject: Subject, report: CheckReport, checker: RewardChecker, seconds: float, cases: Path | None) -> Case:
    """What is planned against a reward; or what was planned, if it is kept."""
    path = cases and cases / f"{'-'.join(subject.key).replace('/', '-').replace(' ', '-')}.pickle"
    if path and path.exists():
        # Findings that an earlier version kept with the case are not read.
        kept: Case = pickle.loads(path.read_bytes())
        return replace(kept)
    known, discount = checker.attacked_with(seconds), preset_for(checker.task).discount
    case = case_of(subject.source, report, checker.task, checker.table, known, seconds, discount)
    if path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(cloudpickle.dumps(case))
    return case


def told_before(subject: Subject, task: TaskSpec, checker: RewardChecker, cases: Path | None) -> tuple[object, ...]:
    """The last columns of a reward's row: what is said before a training."""
    report = checker.check(subject.source)
    plain = ids(report.findings)
    if not report.ok:
        return plain, plain, 0, 0.0
    seconds = PLAN_SECONDS[task.simulator]
    ranked = checker.screen(subject.source, report)
    try:
        case = case_for(subject, ranked, checker, seconds, cases)
    except RewardError as error:
        return ids([*ranked.findings, error.finding]), ids([*report.findings, error.finding]), 0, 0.0
    every = checker.hidden(subject.source, case.told(ranked), _known(case, measured=True))
    blind = checker.hidden(subject.source, report, _known(case, measured=False))
    stated = [each for each in ranked.findings if each.id == "screen/outside-stated-range"]
    without = [*blind.findings, *unmeasured(case, report), *stated]
    return ids(every.findings), ids(without), case.plan.finished, round(case.plan.seconds, 1)


def _known(case: Case, measured: bool) -> ReferenceEpisodes:
    """The recorded episodes with their scores; without the measure, the one that is paid best stands for the best."""
    shown = [each for each in case.recorded if measured or each.kind != BEST]
    scores = [each.score if measured else NOBODY.model_copy(update={"fitness": each.pay}) for each in shown]
    return ReferenceEpisodes(
        tuple(each.episode for each in shown), tuple(score for score in scores if score is not None)
    )


def unmeasured(case: Case, report: CheckReport) -> Iterator[Finding]:
    """What attack and audit say where nobody judges: no episode succeeds, and all are equally good."""
    played = [replace(each, score=each.score and NOBODY) for each in case.played if each.kind != BEST]
    blind = replace(case, played=played, measured=())
    yield from (each for each in blind.told(report).findings if each.source == "screen" and each.rule not in UNMEASURED)
    questions = questions_of(blind)
    unknown = tuple(replace(each, success=None, fitness=None) for each in questions.told)
    yield from replace(questions, told=unknown).answers()[0]


def ids(findings: Sequence[Finding]) -> str:
    """The rules with a finding."""
    return " ".join(sorted({each.id for each in findings}))


def ask(wanted: Sequence[Subject], cases: Path | None) -> None:
    """Ask of each reward that is not in the table yet."""
    done = {(row["half"], row["task"], row["name"]) for row in read(TABLE)}
    for name, those in groupby((each for each in wanted if each.key not in done), _by_task):
        task = load_task(name)
        checker = RewardChecker.of(task)
        for subject in those:
            try:
                add(TABLE, COLUMNS, (*subject.row, *told_before(subject, task, checker, cases)))
            except RewardSynthError as error:
                print(f"{task.name} {subject.name}: {error.message}", file=sys.stderr)


def train(wanted: Sequence[Subject]) -> None:
    """Train each reward that is not in the table yet once, and keep what is said of its training."""
    done = {(row["half"], row["task"], row["name"]) for row in read(TRAINED)}
    for name, those in groupby((each for each in wanted if each.key not in done), _by_task):
        task = load_task(name)
        checker = RewardChecker.of(task)
        usable = [each for each in those if checker.check(each.source).ok]
        by_name = {f"{place:03d}": subject for place, subject in enumerate(usable)}

        def ended(job: TrainJob, result: TrainResult) -> None:
            subject = by_name[job.folder.name]  # noqa: B023  (it is called before the next turn)
            success, fitness = _score(result)
            said = ids(told_after(subject, job, result, checker))  # noqa: B023
            figures = result.steps, round(result.cpu_seconds, 1), round(success, 4), round(fitness, 5), result.status
            add(TRAINED, TRAINED_COLUMNS, (*subject.row, *figures, said))

        share = next((each.share for each in BUDGETS if each.task == task.short_name), SHARES[task.simulator])
        sources = {name: subject.source for name, subject in by_name.items()}
        train_rewards(task, sources, share, FIRST, ended, points=10)


def told_after(subject: Subject, job: TrainJob, result: TrainResult, checker: RewardChecker) -> tuple[Finding, ...]:
    """What is said of a training."""
    episodes = [Episode.load(path) for path in episode_paths(job.trajectories, 0)]
    report = CheckReport(fields=job.fields, terms=job.terms)
    try:
        values = episode_terms(subject.source, report, episodes) if episodes else []
    except RewardError:
        values = []
    terms = [dict(zip(job.terms, steps.T, strict=True)) for steps in values] or None
    falls = any(score.fell for score in checker.reference_episodes.scores)
    held = conditions_held(job.task, checker.table, episodes)
    table, fields = checker.table, job.fields
    return summarize(
        job.task, table, subject.name, [result], episodes, terms, fields=fields, falls=falls, conditions=held
    ).findings


def analyse(half: str | None) -> None:
    """Recall by class, false alarms and precision, before and after, with the measure and without it."""
    after = {(row["half"], row["task"], row["name"]): row["after"] for row in read(TRAINED)}
    found = [row for row in read(TABLE) if half in (None, row["half"])]
    for row in found:
        row["after"] = after.get((row["half"], row["task"], row["name"]), "not trained")
        row["before or after"] = f"{row['with_measure']} {row['after']}"
    for view in VIEWS:
        those = [row for row in found if row["after"] != "not trained" or view in VIEWS[:2]]
        if those:
            print(f"\n== {view.replace('_', ' ')}: {len(those)} rewards")
            _recall(those, view)


def _recall(rows: Sequence[dict[str, str]], view: str) -> None:
    said = {id(row): set(row[view].split()).difference(ADVICE) for row in rows}
    defects = [row for row in rows if row["kind"] != SOUND]
    sound = [row for row in rows if row["kind"] == SOUND]
    hit = [row for row in defects if said[id(row)]]
    alarms = [row for row in sound if said[id(row)]]
    print(told("found, by any rule", len(hit), len(defects)))
    for name in [*OWN, *sorted({row["class"] for row in defects}.difference(OWN))]:
        those = [row for row in defects if row["class"] == name]
        own = sum(bool(said[id(row)].intersection(OWN.get(name, ()))) for row in those)
        right = [row for row in rows if said[id(row)].intersection(OWN.get(name, ()))]
        print(told(f"  {name}, by any rule", sum(bool(said[id(row)]) for row in those), len(those)))
        print(told("    by a rule of its own", own, len(those)))
        print(told("    its rules' findings that are of it", own, len(right)))
    print(told("false alarms on sound rewards", len(alarms), len(sound)))
    print(told("precision", len(hit), len(hit) + len(alarms)))
    for row in alarms:
        print(f"  alarm: {row['task']} {row['name']}: {' '.join(sorted(said[id(row)]))}")
    for row in defects:
        if not said[id(row)]:
            print(f"  missed: {row['task']} {row['name']} ({row['class']})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--file", type=Path, default=FILE, help="rewards to ask of, a line each")
    parser.add_argument("--task", help="only this one")
    parser.add_argument("--train", action="store_true", help="train what is not in the table yet, and ask afterwards")
    parser.add_argument("--analyse", action="store_true", help="print the figures; asks and trains nothing")
    parser.add_argument("--half", help="analyse only this one: open or kept")
    parser.add_argument("--again", action="store_true", help="begin the table of what is said before a training anew")
    parser.add_argument("--cases", type=Path, help="keep what is planned in this folder, and plan no kept one again")
    arguments = parser.parse_args()
    if arguments.again:
        TABLE.unlink(missing_ok=True)
    if not arguments.analyse:
        wanted = subjects(arguments.file, arguments.task)
        if arguments.train:
            train(wanted)
        else:
            with protected(False):
                ask(wanted, arguments.cases)
    analyse(arguments.half)
    sys.stdout.flush()


if __name__ == "__main__":
    main()
