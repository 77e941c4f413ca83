"""Two to four candidates side by side."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from starlette.responses import Response

from reward_synth.api.run import Run
from reward_synth.core.errors import RewardSynthError
from reward_synth.core.types import CheckReport
from reward_synth.viewer.code import difference
from reward_synth.viewer.pages.rendering import page

MOST = 4


def compare_page(run: Run, names: Sequence[str]) -> Response:
    """Films in step, curves in one chart, terms, and the difference of each code to the one before it.

    :raises RewardSynthError: fewer than two or more than four are named, or one does not exist.
    """
    chosen = list(dict.fromkeys(names))
    if not 2 <= len(chosen) <= MOST:
        raise RewardSynthError(f"{len(chosen)} candidates cannot be compared", f"choose two to {MOST} in the table")
    store = run.store
    candidates = [run.candidate(name) for name in chosen]
    terms = {name: (store.read_check(name) or CheckReport()).terms for name in chosen}
    sources = {name: store.read_reward(name) for name in chosen if store.has_reward(name)}
    return page(
        "compare.html.j2",
        run=run,
        candidates=candidates,
        unit=run.task.fitness_unit,
        terms=list(dict.fromkeys(term for each in terms.values() for term in each)),
        terms_of=terms,
        films={name: store.film_names(name) for name in chosen},
        differences={(a, b): difference(sources[a], sources[b]) for a, b in pairwise(sources)},
    )
