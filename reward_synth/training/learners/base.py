"""Learners by name. This module, and its neighbours in the folder, alone import stable-baselines3."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np


class Learner(ABC):
    """A stable-baselines3 algorithm, ``model``, with what a training needs of it beyond that."""

    model: Any

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """All that it has learned and goes on learning from: tensors and plain values only."""

    @abstractmethod
    def restore(self, state: dict[str, Any], seed: int) -> None:
        """Take over what :meth:`state` gave.

        :param seed: of random numbers that the state does not hold.
        :raises ValueError: it is another network's.
        """

    @abstractmethod
    def is_finite(self) -> bool:
        """False if a weight or the newest loss is not; nothing that follows could mend that."""

    def losses_finite(self, *names: str) -> bool:
        """False if one of these logged figures is not finite; one that was not logged is."""
        return bool(np.isfinite([self.model.logger.name_to_value.get(f"train/{name}", 0.0) for name in names]).all())
