"""The loop's stages, each from the run folder to the run folder: what a resumed run finds there is not done again."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from reward_synth.core.errors import EnvironmentFault
from reward_synth.core.types import Candidate, CheckReport, Feedback, Outcome, TrainResult, candidate_id
from reward_synth.diagnosis.summary import Summary, summarize
from reward_synth.evaluation.select import best_candidate, is_solved, with_results
from reward_synth.methods.halving import Cut, Race
from reward_synth.methods.refine import Refined
from reward_synth.report.data import write_plots
from reward_synth.reward.contract import RewardError
from reward_synth.roles.brief import Attempt, Brief, Turn
from reward_synth.roles.examples import retrieve
from reward_synth.screening.ranking import episode_terms
from reward_synth.search.session import Parts
from reward_synth.settings.model import Settings
from reward_synth.simulators import describe_environment
from reward_synth.state.episode import Episode
from reward_synth.state.faults import BLAME
from reward_synth.state.fields import FieldTable, FloatArray
from reward_synth.tasks.matching import says_the_same
from reward_synth.tasks.spec import TaskSpec
from reward_synth.training.job import Progress, TrainJob, read_progress
from reward_synth.training.presets import describe, preset_for

Ask = Callable[[dict[str, Any]], Feedback]
"""Puts a feedback request before the person and returns the answer."""

ATTEMPTS_SHOWN = 2
TURNS_REMEMBERED = 4
FEEDBACK_POLL_SECONDS = 1.0


def design(parts: Parts, iteration: int) -> list[Candidate]:
    """This iteration's candidates: designed, checked, repaired; and those that a person edited."""
    store, samples = parts.store, parts.settings.samples
    earlier = [candidate for candidate in store.candidates() if candidate.iteration == iteration]
    if len(earlier) >= samples:
        return earlier
    brief = brief_for(parts, iteration)
    ids = [candidate_id(iteration, index) for index in range(samples)]
    parts.display.model_call("designer", samples)
    drafts = parts.designer.design(brief, samples, iteration, ids)
    refined = parts.refiner.refine(brief, drafts)
    parents = tuple(attempt.id for attempt in brief.attempts)
    known = {store.read_reward(c.id): c.id for c in store.candidates() if c.status != "rejected"}
    # Saved only when all are ready: a run that is cut off here designs again, from the cache of model calls.
    candidates = []
    for number, (name, item) in enumerate(zip(ids, refined, strict=True)):
        candidates.append(_candidate(name, iteration, item, parents, known))
        if item.ok:
            known.setdefault(item.draft.source, ids[number])
    items = list(zip(candidates, refined, strict=True)) + _edited(parts, iteration, samples)
    prices = _prices(parts)
    items = [(c.model_copy(update={"cost_usd": prices.get(c.id, 0.0)}), item) for c, item in items]
    for candidate, item in items:
        _save(parts, candidate, item)
    store.results_table()
    return [candidate for candidate, _ in items]


def _prices(parts: Parts) -> dict[str, float | None]:
    """Dollars spent on the model calls about each candidate; None where a price is unknown."""
    prices: dict[str, float | None] = {}
    for line in parts.store.costs():
        if line.candidate is not None:
            before = prices.get(line.candidate, 0.0)
            prices[line.candidate] = None if before is None or line.usd is None else before + line.usd
    return prices


def brief_for(parts: Parts, iteration: int) -> Brief:
    """What the designer is told in this iteration: the task, the best rewards so far, lessons, the person's words."""
    store, small = parts.store, parts.designer.model.small
    answers = store.answers()
    rejected = [c for c in store.candidates() if c.status in ("rejected", "crashed")]
    readings = store.read_iterations()
    dt = parts.inspector.behaviours.episodes[0].dt
    return replace(
        first_brief(parts.task, store.info.goal, parts.inspector.table, dt, parts.settings, small),
        attempts=_attempts(parts, answers, small),
        analysis=readings[max(readings)] if readings else "",
        feedback=tuple(text for answer in answers if (text := _words(answer))),
        findings=tuple(dict.fromkeys(c.reason for c in rejected if c.reason))[-3:],
    )


def first_brief(task: TaskSpec, goal: str, table: FieldTable, dt: float, settings: Settings, small: bool) -> Brief:
    """What the designer is told before anything was tried.

    :param goal: the person's sentence.
    :param dt: seconds of one step.
    """
    table = table.for_rewards()
    return Brief(
        goal=goal,
        environment=describe_environment(task.environment.id, task.environment.arguments),
        stub=table.stub(),
        short_stub=table.stub(short=True),
        fields=table.names,
        horizon=task.horizon,
        dt=dt,
        seconds=task.horizon * dt,
        examples=tuple(retrieve(goal, task.environment.id, settings.shots, task.name)),
        small=small,
        layout=table.layout(),
        action_size=len(table.actions),
        scale=task.training.scale,
        meaning="" if says_the_same(goal, task.goal) else task.goal,
        training=describe(preset_for(task, settings.learner), settings.steps or task.training.steps),
    )


def _attempts(parts: Parts, answers: Sequence[Feedback], small: bool) -> tuple[Attempt, ...]:
    """The best trained rewards, those that the person preferred before all others."""
    store = parts.store
    trained = [c for c in store.candidates() if c.status == "trained"]
    preferred = {answer.prefer: number for number, answer in enumerate(answers, start=1) if answer.prefer}
    ranked = sorted(trained, key=lambda c: (preferred.get(c.id, 0), c.score), reverse=True)
    shown = []
    for candidate in ranked[: 1 if small else ATTEMPTS_SHOWN]:
        summary = store.read_summary(candidate.id, short=small)
        shown.append(Attempt(candidate.id, store.read_reward(candidate.id), summary))
    return tuple(shown)


def _words(answer: Feedback) -> str:
    preference = f"I prefer the behaviour of {answer.prefer}." if answer.prefer else ""
    return "\n".join(text for text in (answer.note, preference) if text)


def _candidate(name: str, iteration: int, item: Refined, parents: tuple[str, ...], known: dict[str, str]) -> Candidate:
    twin = known.get(item.draft.source) if item.ok else None
    reason = f"the same code as {twin}" if twin else item.reason
    return Candidate(
        id=name,
        iteration=iteration,
        parents=parents,
        status="rejected" if reason else "designed",
        reason=reason,
        repairs=item.repairs,
        valid_at_first=item.valid_at_first,
        valid=item.valid,
        alignment=item.report.alignment.reward if item.report.alignment else None,
    )


def _edited(parts: Parts, iteration: int, first: int) -> list[tuple[Candidate, Refined]]:
    """The rewards that a person wrote and that are no candidates yet, as candidates of this iteration."""
    store = parts.store
    known = {store.read_reward(c.id) for c in store.candidates() if store.has_reward(c.id)}
    items: list[tuple[Candidate, Refined]] = []
    for answer in store.answers():
        if answer.edited and answer.edited not in known:
            item = parts.refiner.inspect(answer.edited)
            parents = (answer.edited_from,) if answer.edited_from else ()
            candidate = _candidate(candidate_id(iteration, first + len(items)), iteration, item, parents, {})
            items.append((candidate.model_copy(update={"author": "person"}), item))
    return items


def _save(parts: Parts, candidate: Candidate, item: Refined) -> None:
    store = parts.store
    for exchange in item.draft.exchanges:
        store.write_exchange(candidate.id, exchange.role, exchange.prompt, exchange.answer)
    if item.draft.source:
        store.write_reward(candidate.id, item.draft.source)
    store.write_check(candidate.id, item.report)
    store.save_candidate(candidate)
    store.event("designed", candidate=candidate.id, status=candidate.status, reason=candidate.reason)
    parts.display.candidate(candidate)
    parts.display.check(candidate.id, item.report.findings)


def solved(parts: Parts) -> bool:
    """True if the best candidate solves the task and the search is not told to go on all the same."""
    return not parts.settings.keep_going and is_solved(best_candidate(parts.store.candidates()), parts.task)


def train(parts: Parts, candidates: Sequence[Candidate]) -> list[Candidate]:
    """Train what may be trained, on every seed; returns the candidates with their outcome.

    Those that rank the recorded behaviours best go first. After each rung the worst stop, and once one solves the task
    the rest need not be trained.
    """
    store, display = parts.store, parts.display
    # Also those that are done: where the run was resumed, they are the others' rivals in the rungs behind them.
    field = sorted((c for c in candidates if c.status != "rejected"), key=_promise, reverse=True)
    jobs = {candidate.id: training_jobs(parts, candidate) for candidate in field}

    def progressed(job: TrainJob, progress: Progress) -> None:
        name = job.reward.parent.name
        display.training(name, job.seed_index, progress.step, job.steps, progress.evaluation)

    def ended(name: str, results: list[TrainResult]) -> None:
        if store.candidate(name).status == "designed":
            full = sum(job.steps for job in jobs[name])
            _settle(parts, with_results(store.candidate(name), results, full))

    def decided(cut: Cut) -> None:
        store.event("rung", number=cut.number, share=cut.share, kept=cut.kept, stopped=cut.stopped)
        display.status(str(cut))

    def should_stop() -> bool:
        return solved(parts) or parts.reason_to_stop() is not None

    Race(parts.executor, jobs, parts.settings.rung_shares, progressed, ended, decided, should_stop).run()
    if solved(parts):
        for name, seeds in jobs.items():
            if store.candidate(name).status == "designed":
                store.save_candidate(_spared(store.candidate(name), seeds))
        store.results_table()
    found = [store.candidate(candidate.id) for candidate in candidates]
    if jobs and all(candidate.status != "designed" for candidate in found):
        spent, saved = sum(c.steps for c in found), sum(c.steps_saved for c in found)
        display.status(f"trained {spent:,} steps, {saved:,} fewer than every candidate to its end")
    _refuse_broken_environment(found)
    return found


def _refuse_broken_environment(candidates: Sequence[Candidate]) -> None:
    """Where the environment ended every training, no model need be paid for other rewards.

    :raises EnvironmentFault: see above.
    """
    tried = [candidate for candidate in candidates if candidate.status != "rejected"]
    if tried and all(candidate.status == "crashed" and BLAME in candidate.reason for candidate in tried):
        raise EnvironmentFault(
            f"all {len(tried)} trainings of the iteration ended alike. {tried[0].reason}",
            "mend the environment, and start another run: what is finished in this one stays as it is",
        )


def _spared(candidate: Candidate, jobs: Sequence[TrainJob]) -> Candidate:
    steps = sum(read_progress(job.folder).step for job in jobs)
    return candidate.model_copy(
        update={
            "status": "stopped",
            "reason": "not trained to the end: another had solved the task",
            "steps": steps,
            "steps_saved": max(0, sum(job.steps for job in jobs) - steps),
        }
    )


def _promise(candidate: Candidate) -> float:
    # In tenths: finer differences over thirty behaviours are chance, and then the model's first answer goes first.
    return 0.0 if candidate.alignment is None else round(candidate.alignment, 1)


def training_jobs(parts: Parts, candidate: Candidate) -> list[TrainJob]:
    """One job per seed; seeds follow from (run seed, candidate, seed index), so nothing random is kept."""
    store, task, settings = parts.store, parts.task, parts.settings
    report = store.read_check(candidate.id) or CheckReport()
    return [
        TrainJob(
            task=task,
            reward=store.reward_path(candidate.id).resolve(),
            fields=report.fields,
            terms=report.terms,
            preset=preset_for(task, settings.learner),
            steps=settings.steps or task.training.steps,
            seed=_seed(settings.seed, candidate.id, index),
            seed_index=index,
            folder=store.train_dir(candidate.id, index).resolve(),
            trajectories=store.trajectories_dir(candidate.id).resolve(),
            stop_when_solved=not settings.keep_going,
            sandbox=not settings.unsafe_no_sandbox,
        )
        for index in range(settings.seeds)
    ]


def _seed(run_seed: int, candidate: str, index: int) -> int:
    digest = hashlib.sha256(f"{run_seed}/{candidate}/{index}".encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1


def _settle(parts: Parts, candidate: Candidate) -> None:
    store = parts.store
    before = best_candidate(store.candidates())
    store.save_candidate(candidate)
    store.results_table()
    store.event("trained", candidate=candidate.id, status=candidate.status, success=candidate.success)
    parts.display.trained(candidate)
    best = best_candidate(store.candidates())
    if best is not None and (before is None or best.id != before.id):
        store.set_best(best.id)
        parts.display.best(best)


def analyze(parts: Parts, iteration: int, candidates: Sequence[Candidate]) -> None:
    """Summarise each training, have the analyzer read the summaries, and close the iteration."""
    store = parts.store
    small = parts.analyzer.model.small
    shown = []
    for candidate in candidates:
        if candidate.status == "trained":
            summary = summarize_candidate(parts, candidate)
            store.write_summary(candidate.id, summary.data, summary.text, summary.short)
            write_plots(store, candidate.id)
            text = summary.short if small else summary.text
            shown.append((candidate.id, store.read_reward(candidate.id), text))
        elif candidate.status == "crashed":
            shown.append((candidate.id, store.read_reward(candidate.id), candidate.reason))
    if not shown:
        reasons = "; ".join(f"{c.id}: {c.reason}" for c in candidates if c.reason)
        store.write_iteration(iteration, f"No candidate could be trained. {reasons}")
        return
    if solved(parts):
        # Nobody is going to read advice for a next iteration: there is none.
        best = best_candidate(store.candidates())
        store.write_iteration(iteration, f"{best.id if best else ''} solves the task; nothing was analyzed.")
        return
    parts.display.model_call("analyzer", 1)
    history = tuple(Turn(n, text) for n, text in sorted(store.read_iterations().items()))[-TURNS_REMEMBERED:]
    analysis = parts.analyzer.analyze(brief_for(parts, iteration), shown, history)
    exchange = analysis.exchange
    store.write_exchange(None, exchange.role, exchange.prompt, exchange.answer, iteration=iteration)
    store.write_iteration(iteration, analysis.text)
    parts.display.analysis(iteration, analysis.text)


def summarize_candidate(parts: Parts, candidate: Candidate) -> Summary:
    """Numbers, findings and text of a trained candidate, from its files."""
    store, table = parts.store, parts.inspector.table
    report = store.read_check(candidate.id) or CheckReport()
    results, episodes = [], []
    for index in range(parts.settings.seeds):
        result = store.read_result(candidate.id, index)
        if result is not None:
            results.append(result)
            paths = sorted(store.trajectories_dir(candidate.id).glob(f"seed-{index}-episode-*.npz"))
            episodes += [Episode.load(path) for path in paths]
    terms: list[dict[str, FloatArray]] | None
    try:
        values = episode_terms(store.read_reward(candidate.id), report, table, episodes)
        terms = [dict(zip(report.terms, steps.T, strict=True)) for steps in values]
    except RewardError as error:
        # It trained, yet fails on what its own policy does: the analyzer hears the rest without the terms.
        store.event("reward-failed-on-evaluation", candidate=candidate.id, reason=error.finding.as_text())
        terms = None
    return summarize(parts.task, table, candidate.id, results, episodes, terms, fields=report.fields)


def consult(parts: Parts, iteration: int, ask: Ask | None) -> Outcome | None:
    """Ask the person, if feedback is wanted; returns how the search ends if the answer ends it."""
    store, settings = parts.store, parts.settings
    if settings.feedback == "none":
        return None
    answer = store.read_answer(iteration)
    if answer is None:
        request = feedback_request(parts, iteration)
        path = store.write_request(iteration, request)
        if settings.feedback == "ask" and ask is not None:
            answer = ask(request)
            store.write_answer(iteration, answer)
        else:
            parts.display.feedback_wait(path)
            answer = _wait_for_answer(parts, iteration)
    if answer is None or answer.action in ("continue", "skip"):
        return None
    best = answer.prefer
    if answer.action == "accept":
        if best is None:
            found = best_candidate(store.candidates())
            best = found.id if found else None
        if best is not None:
            store.set_best(best)
        return Outcome(status="accepted", best=best, reason="accepted by the person")
    return Outcome(status="waiting", best=best, reason="the person will go on later")


def feedback_request(parts: Parts, iteration: int) -> dict[str, Any]:
    """What the person is shown: the iteration's candidates with figures and paths, and the analyzer's reading."""
    store = parts.store
    candidates = [c for c in store.candidates() if c.iteration == iteration]
    return {
        "iteration": iteration,
        "goal": store.info.goal,
        "question": "Which behaviour is best, and what should change?",
        "fitness_unit": parts.task.fitness_unit,
        "analysis": store.read_iterations().get(iteration, ""),
        "candidates": [
            {
                "id": c.id,
                "status": c.status,
                "reason": c.reason,
                "success": c.success,
                "fitness": c.fitness,
                "reward": str(store.reward_path(c.id)),
                "folder": str(store.candidate_dir(c.id)),
            }
            for c in candidates
        ],
    }


def _wait_for_answer(parts: Parts, iteration: int) -> Feedback | None:
    deadline = time.monotonic() + parts.settings.feedback_timeout
    while (answer := parts.store.read_answer(iteration)) is None and time.monotonic() < deadline:
        if parts.reason_to_stop():
            return None
        time.sleep(FEEDBACK_POLL_SECONDS)
    return answer
