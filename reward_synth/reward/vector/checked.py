"""The whole-batch form of a reward. It is used as long as it gives the same as the reward called row by row.

The locked reward process imports this module, so it may import numpy and the standard library only.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from reward_synth.reward.vector.form import Layout, agree, vectorise

Scalar = Callable[[Any, Any, Any], Any]
FIRST, EVERY = 16, 64
"""Both forms run on the first 16 batches, and on every 64th batch after that."""
LEAST_ROWS = 4
"""For fewer rows the scalar form is as fast."""


class CheckedForm:
    """Two forms of one reward. Where they differ, the scalar form is right.

    :param scalar: (states, actions, next_states) to terms, (rows, K), row by row.
    """

    def __init__(self, source: str, layout: Layout, action_size: int, terms: tuple[str, ...], scalar: Scalar) -> None:
        self._form = vectorise(source, layout, action_size, terms)
        self._scalar = scalar
        self._batches = 0
        self._declined = 0

    def terms(self, states: Any, actions: Any, next_states: Any) -> Any:
        """Terms (rows, K) of a batch of states (rows, W), actions (rows, A) and next states (rows, W)."""
        if self._form is None:
            return self._scalar(states, actions, next_states)
        check = self._batches < FIRST or self._batches % EVERY == 0
        self._batches += 1
        quick = self._at_once(states, actions, next_states)
        if quick is not None and not check:
            return quick
        self._declined += quick is None
        right = self._scalar(states, actions, next_states)
        # A vector form that differs is wrong, and one that fails for a quarter of the batches saves no time.
        if (quick is not None and not agree(quick, right)) or 4 * self._declined > self._batches + FIRST:
            self._form = None
        return right

    def _at_once(self, states: Any, actions: Any, next_states: Any) -> Any | None:
        """The vector form's terms; None if it raises or a term is not finite, which the scalar form then reports."""
        assert self._form is not None
        try:
            table = self._form.call(states, actions, next_states)
        except Exception:  # noqa: BLE001  (generated code: the scalar form will raise it again, with its line)
            return None
        flat = np.ravel(table)
        return table if math.isfinite(flat.dot(flat)) else None
