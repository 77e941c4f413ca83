"""The contract that every reward must keep, in words, and the error for a reward that breaks it.

A reward is a file with one function::

    def compute_reward(state, action, next_state):
        return {"forward": next_state.x_velocity, "effort": -0.1 * float(np.square(action).sum())}

- ``state`` and ``next_state`` are immutable views with documented fields, ``action`` a read-only float array.
- A fourth parameter ``memory``, if the function has one, is a dict that lives for one episode.
- It returns named terms; the reward is their sum (or depends on their signs, if the task wants that: see
  :mod:`reward_synth.reward.scale`). The names are the same for the whole training.
- It may use ``numpy`` as ``np``, ``math``, constants and helper functions of its own, and nothing else.
- It depends on its arguments alone: the same transition gives the same terms.

``docs/reference/reward-contract.md`` says the same at length, with every rule of the lint.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reward_synth.core.names import ScaleName
from reward_synth.core.types import Finding
from reward_synth.reward.namespace import ContractBreach, compile_reward
from reward_synth.reward.probe_rules import PROBE
from reward_synth.reward.scale import TOTALS, recorded_scale
from reward_synth.reward.source import read_source


class RewardError(Exception):
    """Reward code failed while it ran: it raised, returned something else than terms, hung or died.

    It is not a :class:`~reward_synth.core.errors.RewardSynthError`, because the code is at fault, and the finding goes
    back to its author.

    :param finding: what happened, with the line in ``reward.py`` if it is known.
    :param row: index in the batch of the transition that failed, if it is known.
    """

    def __init__(self, finding: Finding, row: int | None = None) -> None:
        super().__init__(finding.as_text())
        self.finding = finding
        self.row = row


@dataclass(frozen=True)
class LoadedReward:
    """A reward for use in your own code. It is called like the ``compute_reward`` that it holds."""

    compute_reward: Callable[..., dict[str, float]]
    takes_memory: bool
    """True if it has the fourth parameter, a dict that lives for one episode."""
    scale: ScaleName
    """How its terms become the number that a learner is paid."""

    def __call__(self, state: Any, action: Any, next_state: Any, *memory: dict[Any, Any]) -> dict[str, float]:
        """The named terms of one transition."""
        return self.compute_reward(state, action, next_state, *memory)

    def total(self, terms: Mapping[str, float]) -> float:
        """The reward of one step, from its terms, as a learner gets it."""
        return TOTALS[self.scale](terms)


def load_reward(path_or_source: str | Path, scale: ScaleName | None = None) -> LoadedReward:
    """Load ``compute_reward`` for use in your own code, and the rule that makes one number of its terms.

    **It runs in this process, with all your rights.** Read it, or at least run ``reward-synth check`` on it,
    before you load a reward that you did not write. Training never uses this: it runs rewards in a process of
    their own.

    :param path_or_source: path of a reward file, or its text.
    :param scale: ``sum`` or ``sign``; None takes the scale in the comment at the top of the file, which a run's
        ``best_reward.py`` has, or else ``sum``.
    :returns: a function ``(state, action, next_state[, memory]) -> dict[str, float]``, with ``total(terms) -> float``.
    :raises RewardError: if the source cannot be run or holds no such function.
    :raises RewardSynthError: if the file names a scale that is not known.
    :raises OSError: if the file cannot be read.
    """
    source = read_source(path_or_source)
    paid_by = scale or recorded_scale(source) or "sum"
    try:
        function, memory = compile_reward(source)
    except ContractBreach as breach:
        raise RewardError(PROBE[breach.args[0]].finding(breach.args[1], fix="")) from breach
    except SyntaxError as error:
        raise RewardError(PROBE["syntax"].finding(str(error.msg), line=error.lineno)) from error
    except (NameError, ImportError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as error:
        raise RewardError(PROBE["exception"].finding(f"{type(error).__name__}: {error}")) from error
    return LoadedReward(function, memory, paid_by)
