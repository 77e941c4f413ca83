"""The workbench: a person orders recorded behaviour, and sees at once how well each reward agrees.

The groups' films come first, without any figure of a reward: an order that follows the reward would say nothing of it.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import TypeAdapter, ValidationError
from starlette.responses import JSONResponse, Response

from reward_synth.api.run import Run
from reward_synth.core.agreement import Agreement
from reward_synth.core.errors import RewardSynthError
from reward_synth.core.feedback import Feedback, Moment, PairAnswer
from reward_synth.core.types import Finding, Value
from reward_synth.preferences import Group, Judgement, Workbench
from reward_synth.preferences.agreements import updated_agreements
from reward_synth.search.feedback import latest_request, parse_reward
from reward_synth.store import RunStore
from reward_synth.viewer.films import BlindFilms
from reward_synth.viewer.pages.rendering import page

OPEN = 3
"""Workbenches that stay open; each holds the episodes of one run and one waiting process."""
DISAGREEING = 6
"""Episodes shown on which reward and person disagree most."""


class Said(Value):
    """What the page sends: the person's order and pairs so far, and the text that they edit."""

    iteration: int | None = None
    order: tuple[tuple[str, ...], ...] | None = None
    """None if the person has not touched it."""
    pairs: tuple[PairAnswer, ...] = ()
    moments: tuple[Moment, ...] = ()
    source: str = ""
    note: str = ""
    edited_from: str | None = None
    members: tuple[str, ...] = ()
    """Of the group to split, or episodes whose films are wanted."""

    @property
    def judgement(self) -> Judgement:
        """The order and the pairs."""
        return Judgement(self.order or (), self.pairs)


class _Kept:
    """One run's workbench, if it is open."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.bench: Workbench | None = None
        self.trained: tuple[str, ...] = ()
        """The candidates whose episodes it holds."""
        self.stamp: object = None
        """Of the candidates' files when they were read last."""

    def close(self) -> None:
        with self.lock:
            if self.bench is not None:
                self.bench.close()
            self.bench = None


class Benches:
    """The open workbenches by run folder: the latest few, closed with the server."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.films = BlindFilms()
        self._open: OrderedDict[Path, _Kept] = OrderedDict()

    def known(self, folder: Path) -> Workbench | None:
        """The run's workbench, if it is open and no candidate was saved since. This reads no file."""
        kept = self._open.get(folder)
        if kept is None or (bench := kept.bench) is None:
            return None
        return bench if kept.stamp == bench.store.candidates_stamp() else None

    def of(self, store: RunStore) -> Workbench:
        """The run's workbench; a new one if candidates were trained since."""
        with self._lock:
            kept = self._open.setdefault(store.path, _Kept())
            self._open.move_to_end(store.path)
            old = [self._open.popitem(last=False)[1] for _ in range(len(self._open) - OPEN)]
        for each in old:
            each.close()
        # Only whoever wants this run waits while its episodes are read.
        with kept.lock:
            if (stamp := store.candidates_stamp()) != kept.stamp or kept.bench is None:
                trained = tuple(candidate.id for candidate in store.candidates() if candidate.status == "trained")
                if kept.bench is not None and kept.trained != trained:
                    kept.bench.close()
                    kept.bench = None
                kept.bench = kept.bench or Workbench.open(store, ahead=True)
                kept.stamp, kept.trained = stamp, trained
            return kept.bench

    def close(self) -> None:
        """End all waiting processes."""
        with self._lock:
            for kept in self._open.values():
                kept.close()
            self._open.clear()


def read_said(body: bytes) -> Said:
    """What the page sent; RewardSynthError if it is something else."""
    try:
        return TypeAdapter(Said).validate_json(body)
    except ValidationError as error:
        fault = error.errors(include_input=False, include_url=False)[0]
        raise RewardSynthError(
            f"the page sent something else: {fault['loc']}: {fault['msg']}", "load it anew"
        ) from error


def workbench_page(run: Run) -> Response:
    """The page without what takes time, which it asks for."""
    rewards = [candidate for candidate in run.candidates if run.store.has_reward(candidate.id)]
    if not rewards:
        raise RewardSynthError(f"{run.id} has no reward yet", "wait until one is designed")
    chosen = run.best or rewards[-1]
    return page("workbench.html.j2", run=run, rewards=rewards, chosen=chosen.id, unit=run.task.fitness_unit)


def behaviours(run: Run, bench: Workbench) -> Response:
    """The groups, the run's order and pairs so far, and the text of every reward."""
    judgement, store = bench.judgement(), run.store
    return JSONResponse(
        {
            "iteration": latest_request(store).iteration,
            "groups": [*_ranked(bench, judgement), *_unranked(bench, judgement)],
            "pairs": [pair.model_dump() for pair in judgement.pairs],
            "pair": next_pair(bench.groups, judgement),
            "episodes": len(bench.ids),
            "rewards": {each.id: store.read_reward(each.id) for each in run.candidates if store.has_reward(each.id)},
        }
    )


def _ranked(bench: Workbench, judgement: Judgement) -> list[dict[str, Any]]:
    """The ranks of an earlier order as they were given: today's groups may be others."""
    return [_group(bench, group) | {"rank": place} for place, group in enumerate(bench.ranks(judgement))]


def _unranked(bench: Workbench, judgement: Judgement) -> list[dict[str, Any]]:
    """The groups without the episodes that were ordered."""
    ordered = {name for rank in judgement.order for name in rank}
    left = [(group, tuple(name for name in group.members if name not in ordered)) for group in bench.groups]
    return [
        _group(bench, Group(members[0], members, group.words)) | {"rank": None} for group, members in left if members
    ]


def split(bench: Workbench, said: Said) -> Response:
    """A group's two parts."""
    whole = Group(said.members[0] if said.members else "", said.members, "")
    return JSONResponse({"groups": [_group(bench, part) for part in bench.behaviours.split(whole)]})


def _group(bench: Workbench, group: Group) -> dict[str, Any]:
    sources = [bench.episode(name).candidate or "reference" for name in group.members]
    counted = {name: sources.count(name) for name in dict.fromkeys(sources)}
    return {"typical": group.typical, "members": group.members, "words": group.words, "sources": counted}


def next_pair(groups: Sequence[Group], judgement: Judgement) -> list[str] | None:
    """Two episodes of different groups that the person has not compared one with the other, in random order."""
    answered = {frozenset((pair.first, pair.second)) for pair in judgement.pairs}
    draw = np.random.default_rng(len(answered))
    for _ in range(100 if len(groups) > 1 else 0):
        first, second = draw.choice(len(groups), 2, replace=False)
        pair = [str(draw.choice(groups[number].members)) for number in (first, second)]
        if frozenset(pair) not in answered:
            return pair
    return None


def pay(bench: Workbench, said: Said) -> Response:
    """What the text pays each group, how well that agrees with the person, and where it disagrees most."""
    payment, judgement = bench.pay(said.source), said.judgement
    agreed = bench.agreement(payment, judgement)
    return JSONResponse(
        {
            "findings": [_finding(finding) for finding in payment.findings],
            "terms": payment.terms,
            "pay": dict(zip(payment.ids, payment.pay.tolist(), strict=True)),
            "per_term": dict(zip(payment.ids, payment.per_term.tolist(), strict=True)),
            "agreement": _agreement(agreed),
            "disagreements": [vars(each) for each in bench.disagreements(payment, judgement)[:DISAGREEING]],
        }
    )


def agreements(run: Run, bench: Workbench, said: Said) -> Response:
    """How well every reward and the frozen measure agree with the person."""
    judgement, store = said.judgement, run.store
    # Rewards that were not trained were judged by nobody, and each costs as long as a text that is typed.
    rewards = [each.id for each in run.candidates if each.status == "trained"]
    return JSONResponse(
        {
            "rewards": {
                name: _agreement(bench.agreement(bench.pay(store.read_reward(name)), judgement)) for name in rewards
            },
            "fitness": _agreement(bench.fitness_agreement(judgement)),
            "success": _agreement(bench.success_agreement(judgement)),
        }
    )


def record(run: Run, bench: Workbench, said: Said) -> Response:
    """Keep what the person did, as an answer to the open question or as advice."""
    if not (said.order is not None or said.pairs or said.note.strip() or said.edited_from is not None):
        raise RewardSynthError("nothing was said", "order something, answer a pair, or write a note")
    iteration = require_iteration(run, said.iteration if said.iteration is not None else "")
    edited = None
    if said.edited_from is not None:
        run.candidate(said.edited_from)
        edited = parse_reward(said.source, "the edited reward")
    try:
        answer = Feedback(
            iteration=iteration,
            order=said.order,
            pairs=said.pairs,
            note=said.note.strip(),
            edited=edited,
            edited_from=said.edited_from,
        )
    except ValidationError as error:
        raise RewardSynthError(error.errors(include_input=False)[0]["msg"], "load the page anew") from error
    path = run.answer(answer)
    if said.order is not None or said.pairs:
        updated_agreements(run.store, bench.task, bench.table)
    return JSONResponse({"answer": path.name})


def note_moments(run: Run, said: Said) -> Response:
    """Keep notes about moments of films. They answer no question, so somebody may write several while one is open."""
    if not said.moments:
        raise RewardSynthError("nothing was said", "write a note")
    path = run.store.add_moments(latest_request(run.store).iteration, said.moments)
    return JSONResponse({"answer": path.name})


def require_iteration(run: Run, iteration: int | str) -> int:
    """The iteration that an answer is about, which must be the one that the page showed.

    :raises RewardSynthError: another question was asked since.
    """
    latest = latest_request(run.store).iteration
    if str(iteration) != str(latest):
        raise RewardSynthError(
            f"the page was about iteration {iteration}, and the run is at iteration {latest}", "load the page anew"
        )
    return latest


def film_states(benches: Benches, bench: Workbench, said: Said) -> Response:
    """Which of the wanted films can be watched, and why some never will be; the others are being drawn."""
    ready, failed = benches.films.want(bench, said.members)
    return JSONResponse({"ready": ready, "failed": failed})


def _finding(finding: Finding) -> dict[str, Any]:
    return {"line": finding.line, "severity": finding.severity, "text": finding.as_text()}


def _agreement(found: Agreement | None) -> dict[str, Any] | None:
    return None if found is None else found.model_dump() | {"text": found.as_text()}
