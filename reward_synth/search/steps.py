"""The steps of the loop. Each reads and writes the run folder, so a resumed run does not repeat finished work.

A method decides what to propose, train and reflect on. The rules here hold for every method: each reward passes lint
and sandbox, only the frozen task's success and fitness decide, and a finished candidate never changes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from reward_synth.core.arrays import FloatArray
from reward_synth.core.errors import EnvironmentFault, RewardSynthError
from reward_synth.core.feedback import Feedback, FeedbackRequest
from reward_synth.core.types import Candidate, CheckReport, Outcome, TrainResult, candidate_id
from reward_synth.core.waiting import Deadline
from reward_synth.diagnosis.summary import Summary, summarize
from reward_synth.evaluation.conditions import conditions_held
from reward_synth.evaluation.select import best_candidate, with_results
from reward_synth.events import model as events
from reward_synth.methods.base import Checked, Reflection, Schedule
from reward_synth.methods.halving import SuccessiveHalving
from reward_synth.methods.refine import Refined
from reward_synth.preferences.agreements import updated_agreements
from reward_synth.report.data import write_plots
from reward_synth.reward.contract import RewardError
from reward_synth.reward.scale import file_header
from reward_synth.screening.terms import episode_terms
from reward_synth.search.candidates import edited, made, started_from
from reward_synth.search.continuing import beyond_parent, continued, drop_checkpoints, going_on, hand_over, repeated
from reward_synth.search.feedback import request_about, require_trained
from reward_synth.search.jobs import is_stale, training_jobs
from reward_synth.search.models import require_answers
from reward_synth.search.preset_race import is_open, race_presets, raced, solver
from reward_synth.search.session import SearchSession
from reward_synth.search.twins import as_twin, held_back
from reward_synth.state.faults import BLAME
from reward_synth.training.job import Progress, TrainJob, progress_event, read_progress

Ask = Callable[[FeedbackRequest], Feedback | None]
"""Shows a feedback request to the person and returns the answer; None if it was given elsewhere meanwhile."""

FEEDBACK_POLL_SECONDS = 1.0


# Design -----------------------------------------------------------------------------------------------


def design(session: SearchSession, iteration: int) -> list[Candidate]:
    """Make this iteration's candidates: proposed, checked and repaired ones, and those that a person edited."""
    store = session.store
    if earlier := _earlier(session, iteration):
        return earlier
    session.refiner.beside(store.planned_before(iteration) if session.settings.plan_seconds else ())
    proposals = session.method.propose(session.history(iteration))
    own = started_from(session, iteration, proposals.screen)
    ids = [candidate_id(iteration, index) for index in range(len(own), len(own) + proposals.count)]
    drafts = session.designer.design(
        proposals.brief,
        proposals.count,
        iteration,
        ids,
        conversation=proposals.conversation,
        spread=proposals.spread,
    )
    require_answers(store, session.designer.model.name, drafts)
    refined = session.refiner.refine(proposals.brief, drafts, screen=proposals.screen)
    # All are saved together: a run interrupted before that designs again, from the cache of model calls.
    items = own + [
        (made(name, iteration, item, proposals.parents), item) for name, item in zip(ids, refined, strict=True)
    ]
    items += edited(session, iteration, len(items), proposals.screen)
    items += continued(session, iteration, len(items), going_on(session, iteration))
    prices = store.prices_by_candidate()
    items = [(c.model_copy(update={"cost_usd": prices.get(c.id, 0.0)}), item) for c, item in items]
    return _saved(session, items)


def train_more(session: SearchSession, iteration: int, again: bool) -> list[Candidate]:
    """The candidates of a round without design: continued trainings, or rewards that train again."""
    if earlier := _earlier(session, iteration):
        return earlier
    if again:
        return _saved(session, repeated(session, iteration, session.method.again(session.history(iteration))))
    return _saved(session, continued(session, iteration, 0, going_on(session, iteration)))


def _earlier(session: SearchSession, iteration: int) -> list[Candidate]:
    """The iteration's candidates, if all were saved by an earlier process; else none, also not in the run folder.

    What is left of a cut-off saving would look like other rewards: an equal one would be its own twin, a training that
    goes on would have gone on already, and the prompt would be another one.
    """
    store = session.store
    earlier = [candidate for candidate in store.candidates() if candidate.iteration == iteration]
    # The first candidate is saved last (see _saved), so all were there if it is, or if one was trained since.
    if any(each.id == candidate_id(iteration, 0) or store.was_trained(each.id) for each in earlier):
        return earlier
    store.forget_unfinished(iteration)
    return []


def _saved(session: SearchSession, items: Sequence[tuple[Candidate, Refined]]) -> list[Candidate]:
    """Write an iteration's candidates. The first one is written last, and marks that all are there."""
    for candidate, item in reversed(items):
        _save(session, candidate, item)
    session.store.results_table()
    for candidate, item in items:
        session.emit(events.CandidateChecked(candidate=candidate, findings=item.report.findings))
    return [candidate for candidate, _ in items]


def _save(session: SearchSession, candidate: Candidate, item: Refined) -> None:
    store = session.store
    for exchange in item.draft.exchanges:
        store.write_exchange(candidate.id, exchange.role, exchange.prompt, exchange.answer)
    if item.draft.source:
        store.write_reward(candidate.id, item.draft.source)
    store.write_check(candidate.id, item.report)
    store.write_planned(candidate.id, item.planned)
    store.save_candidate(candidate)


# Training ---------------------------------------------------------------------------------------------


def train(session: SearchSession, candidates: Sequence[Candidate]) -> list[Candidate]:
    """Train the candidates that the method schedules, on every seed. Returns them with their results.

    Once one solves the task, the others are not trained to their end.
    """
    store = session.store
    session.films.rest()
    if is_open(session):
        race_presets(session, candidates)
    schedule = _scheduled(session, candidates)
    jobs = {name: training_jobs(store, session.task, session.settings, name) for name in schedule.order}
    for name in jobs:
        if store.candidate(name).status == "designed":
            hand_over(session, name)

    def progressed(job: TrainJob, progress: Progress) -> None:
        session.emit(progress_event(job.reward.parent.name, job, progress))

    def ended(name: str, results: list[TrainResult]) -> None:
        if (candidate := store.candidate(name)).status == "designed":
            full = sum(job.steps for job in jobs[name])
            _settle(session, beyond_parent(session, with_results(candidate, results, full)))

    def should_stop() -> bool:
        return session.finished or session.reason_to_stop() is not None or store.accepted() is not None

    # The learning speed of a drafted goal is unknown: a rung may come before anything was learnt.
    aimless = session.prepared.aimless_fitness if session.task.drafted else None

    def race(names: Sequence[str]) -> None:
        racing = {name: jobs[name] for name in names}
        free = [name for name in racing if not store.candidate(name).designed_anew]
        ahead = [name for name in (solver(session),) if name in racing]
        SuccessiveHalving(
            session.executor, racing, schedule.rungs, progressed, ended, session.emit, should_stop, free, aimless,
            ahead, raced(session),
        ).run()  # fmt: skip

    _race_but_twins(session, schedule.order, race)
    if session.finished:
        _spare_the_rest(session, jobs)
    drop_checkpoints(session)
    found = [store.candidate(candidate.id) for candidate in candidates]
    if jobs and all(candidate.status != "designed" for candidate in found):
        spent, saved = sum(c.steps for c in found), sum(c.steps_saved for c in found)
        text = f"trained {spent:,} steps, {saved:,} fewer than every candidate to its end"
        session.emit(events.StatusChanged(text=text))
    _refuse_broken_environment(session, found)
    return found


def _scheduled(session: SearchSession, candidates: Sequence[Candidate]) -> Schedule:
    """What the method trains of these. What it skips is settled."""
    store = session.store
    # Finished candidates are included: in a resumed run, the others are compared with them at earlier rungs.
    # But a finished candidate that was edited since is excluded: it never changes and is not trained again.
    checked = [
        Checked(candidate, store.read_check(candidate.id) or CheckReport())
        for candidate in candidates
        if candidate.status == "designed" or (candidate.status != "rejected" and not _is_stale(session, candidate.id))
    ]
    schedule = session.method.schedule(checked)
    for name, reason in schedule.skipped.items():
        if store.candidate(name).status == "designed":
            _settle(session, store.candidate(name).model_copy(update={"status": "rejected", "reason": reason}))
    return schedule


def _race_but_twins(session: SearchSession, order: Sequence[str], race: Callable[[Sequence[str]], None]) -> None:
    """Train all but those that another one's training stands for; these train after it if it failed."""
    twins = held_back(session, order)
    race([name for name in order if name not in twins])
    for name, other in twins.items():
        if (twin := as_twin(session, name, other)) is not None:
            _settle(session, twin)
    if not session.finished and session.reason_to_stop() is None:
        race([name for name in twins if session.store.candidate(name).status == "designed"])


def _is_stale(session: SearchSession, candidate: str) -> bool:
    return is_stale(session.store, session.task, session.settings, candidate)


def _settle(session: SearchSession, candidate: Candidate) -> None:
    store = session.store
    store.save_candidate(candidate)
    store.results_table()
    session.emit(events.CandidateTrained(candidate=candidate))
    choose_best(session)


def choose_best(session: SearchSession) -> None:
    """Choose the best candidate so far, by what the person has said up to now if the person selects."""
    store = session.store
    told = session.agreements.warning if session.agreements else ""
    session.agreements = updated_agreements(store, session.task, session.prepared.table)
    if session.agreements and (warning := session.agreements.warning) not in ("", told):
        session.emit(events.Warned(text=warning))
    best = best_candidate(store.candidates(), session.agreed)
    # A resumed run may select in another way than before.
    if best is not None and (best != session.best or best.id != store.info.best):
        session.best = best
        _set_best(session, best.id)
        session.emit(events.BestChanged(candidate=best))


def replace_lost_best(session: SearchSession) -> None:
    """Choose the best candidate again if the folder of the one that was chosen is gone or damaged."""
    store = session.store
    if (best := store.info.best) is not None and store.known(best) is None:
        store.update(best=None, success=None, fitness=None)
        choose_best(session)


def _set_best(session: SearchSession, candidate: str) -> None:
    """Store the best candidate. The header of its file names the scale by which its terms were paid."""
    store, task = session.store, session.task
    header = file_header(candidate, store.id, store.info.goal, task.environment.id, task.training.scale)
    store.set_best(candidate, header)


def _spare_the_rest(session: SearchSession, jobs: dict[str, list[TrainJob]]) -> None:
    store = session.store
    for name, seeds in jobs.items():
        if store.candidate(name).status == "designed":
            steps = sum(read_progress(job.folder).step for job in seeds)
            changes = {
                "status": "stopped",
                "reason": "not trained to the end: another had solved the task",
                "steps": steps,
                "steps_saved": max(0, sum(job.steps for job in seeds) - steps),
            }
            store.save_candidate(beyond_parent(session, store.candidate(name).model_copy(update=changes)))
    store.results_table()


def _refuse_broken_environment(session: SearchSession, candidates: Sequence[Candidate]) -> None:
    """Stop if the environment failed in every training, because no other reward would help.

    :raises EnvironmentFault: the environment failed in every training of the iteration, and none of the run went well.
    """
    if any(candidate.status == "trained" for candidate in session.store.candidates()):
        return
    tried = [candidate for candidate in candidates if candidate.status != "rejected"]
    if tried and all(candidate.status == "crashed" and BLAME in candidate.reason for candidate in tried):
        raise EnvironmentFault(
            f"all {len(tried)} trainings of the iteration ended alike. {tried[0].reason}",
            "mend the environment, and start another run: what is finished in this one stays as it is",
        )


# Reflection -------------------------------------------------------------------------------------------


def reflect(session: SearchSession, iteration: int, candidates: Sequence[Candidate]) -> None:
    """Summarise each training, let the method reflect on the iteration, and close it."""
    store = session.store
    for candidate in candidates:
        if candidate.status == "trained":
            summary = summarize_candidate(session, candidate)
            store.write_summary(candidate.id, summary.data, summary.text, summary.short)
            write_plots(store, candidate.id)
    if not any(candidate.status in ("trained", "crashed") for candidate in candidates):
        reasons = "; ".join(f"{c.id}: {c.reason}" for c in candidates if c.reason)
        store.write_iteration(iteration, f"No candidate could be trained. {reasons}")
        return
    if session.finished:
        # There is no next iteration that could use advice.
        solver = session.best.id if session.best else ""
        store.write_iteration(iteration, f"{solver} solves the task; nothing was analyzed.")
        return
    session.films.want(candidates)
    if not any(candidate.designed_anew for candidate in candidates):
        told = ", ".join(
            f"{c.repeats} trained again as {c.id}" if c.repeats else f"{c.continues} trained on as {c.id}"
            for c in candidates
        )
        store.write_iteration(iteration, f"No reward was designed: {told}.")
        return
    try:
        reflection = session.method.reflect(session.history(iteration))
    except RewardSynthError as error:
        # What the iteration trained is worth more than advice on it; the summaries are there without it.
        session.emit(events.Warned(text=f"nothing was analyzed: {error.message}"))
        reflection = Reflection("Nothing was analyzed.")
    if reflection.exchange is not None:
        said = reflection.exchange
        store.write_exchange(None, said.role, said.prompt, said.answer, iteration=iteration)
    store.write_iteration(iteration, reflection.text)
    session.emit(events.IterationReflected(iteration=iteration, text=reflection.text))


def summarize_candidate(session: SearchSession, candidate: Candidate) -> Summary:
    """Summarise a trained candidate from its files: numbers, findings and text."""
    store, table = session.store, session.prepared.table
    report = store.read_check(candidate.id) or CheckReport()
    results, episodes = [], []
    for index in range(session.settings.seeds):
        result = store.read_result(candidate.id, index)
        if result is not None:
            results.append(result)
            episodes += store.episodes(candidate.id, index)
    terms: list[dict[str, FloatArray]] | None
    try:
        values = episode_terms(store.read_reward(candidate.id), report, episodes)
        terms = [dict(zip(report.terms, steps.T, strict=True)) for steps in values]
    except RewardError as error:
        # The reward fails on its own policy's episodes, so the summary leaves its terms out.
        session.emit(events.RewardFailed(candidate=candidate.id, reason=error.finding.as_text()))
        terms = None
    falls = session.prepared.trial.falls
    return summarize(
        session.task, table, candidate.id, results, episodes, terms, fields=report.fields, falls=falls,
        conditions=conditions_held(session.task, table, episodes),
    )  # fmt: skip


# The person -------------------------------------------------------------------------------------------


def ask_person(session: SearchSession, iteration: int, ask: Ask | None) -> Outcome | None:
    """Ask the person, if feedback is wanted. Returns the outcome if the answer ends the search."""
    store, settings = session.store, session.settings
    if settings.feedback == "none":
        return None
    answer = store.read_answer(iteration)
    if answer is None:
        question = "Which behaviour is best, and what should change?"
        request = request_about(store, iteration, question, session.task.fitness_unit, session.films.wanted)
        path = store.write_request(request)
        if settings.feedback == "ask" and ask is not None:
            answer = ask(request)
            if answer is None:
                answer = store.read_answer(iteration)
            else:
                store.write_answer(iteration, answer)
        else:
            session.emit(events.FeedbackAsked(iteration=iteration, request=str(path)))
            answer = _wait_for_answer(session, iteration)
        if answer is not None:
            session.require_known_answers()
            session.emit(events.FeedbackAnswered(iteration=iteration, action=answer.action))
    if answer is not None:
        choose_best(session)
    if answer is not None and answer.action == "stop":
        return Outcome(status="waiting", best=answer.prefer, reason="the person will go on later")
    return accepted(session)


def accepted(session: SearchSession) -> Outcome | None:
    """The outcome if the person has accepted a reward, asked or unasked; else None."""
    answer = session.store.accepted()
    if answer is None:
        return None
    best = answer.prefer or (session.best.id if session.best else None)
    if best is not None:
        require_trained(session.store, best)
        _set_best(session, best)
    return Outcome(status="accepted", best=best, reason="accepted by the person")


def _wait_for_answer(session: SearchSession, iteration: int) -> Feedback | None:
    deadline = Deadline(session.settings.feedback_timeout)
    while (answer := session.store.read_answer(iteration)) is None and deadline.wait():
        if session.reason_to_stop():
            return None
        time.sleep(FEEDBACK_POLL_SECONDS)
    return answer
