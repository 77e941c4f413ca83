"""The contract of a learner."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np


class Learner(ABC):
    """A stable-baselines3 algorithm, ``model``, and what else a training needs."""

    model: Any

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """Everything from which learning can continue: tensors and plain values only."""

    @abstractmethod
    def restore(self, state: dict[str, Any], seed: int) -> None:
        """Restore what :meth:`state` returned.

        :param seed: seed for the random generators that the state does not hold.
        :raises ValueError: the state belongs to another network.
        """

    @abstractmethod
    def is_finite(self) -> bool:
        """False if a weight or the newest loss is not finite; later updates could not fix that."""

    def losses_finite(self, *names: str) -> bool:
        """False if one of these logged figures is not finite; a figure that was not logged counts as finite."""
        return bool(np.isfinite([self.model.logger.name_to_value.get(f"train/{name}", 0.0) for name in names]).all())
