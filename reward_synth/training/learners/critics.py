"""What the critics of an off-policy learner estimate: a value (SAC), or a distribution of values (TQC)."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from reward_synth.training.learners.networks import Array

DROPPED = 2
"""Quantiles of each critic, the greatest of all, that TQC's target leaves out."""


class Estimate(Protocol):
    """How critics' outputs become targets, losses and values."""

    outputs: int
    """Outputs of each critic."""

    def target(self, outputs: list[Array]) -> Array:
        """The next state's values that targets are made of, (n, …), from each critic's outputs (n, outputs)."""

    def loss(self, outputs: Array, targets: Array) -> tuple[float, Array]:
        """One critic's loss, and its derivatives by the outputs (n, outputs)."""

    def value(self, outputs: list[Array]) -> tuple[float, list[Array]]:
        """The mean value over the rows, and its derivatives by each critic's outputs."""


class Expected:
    """Clipped double Q-learning (Fujimoto et al., 2018): the value is that of the lower critic."""

    outputs = 1

    def target(self, outputs: list[Array]) -> Array:
        """See :meth:`Estimate.target`; (n, 1)."""
        lowest: Array = np.minimum.reduce(outputs)
        return lowest

    def loss(self, outputs: Array, targets: Array) -> tuple[float, Array]:
        """See :meth:`Estimate.loss`; the halved mean square."""
        errors = outputs - targets
        return 0.5 * float(np.square(errors).mean()), errors / np.float32(len(errors))

    def value(self, outputs: list[Array]) -> tuple[float, list[Array]]:
        """See :meth:`Estimate.value`."""
        lowest = np.argmin(outputs, axis=0)
        share = np.float32(1 / len(lowest))
        return float(np.min(outputs, axis=0).mean()), [(lowest == index) * share for index in range(len(outputs))]


class Quantiles:
    """Truncated quantile critics (Kuznetsov et al., 2020): the greatest of all critics' quantiles are not believed."""

    outputs = 25

    def target(self, outputs: list[Array]) -> Array:
        """See :meth:`Estimate.target`; (n, quantiles that are kept)."""
        together = np.sort(np.concatenate(outputs, axis=1), axis=1)
        return together[:, : together.shape[1] - DROPPED * len(outputs)]

    def loss(self, outputs: Array, targets: Array) -> tuple[float, Array]:
        """See :meth:`Estimate.loss`; the mean quantile Huber loss over all pairs of output and target."""
        levels = (np.arange(self.outputs, dtype=np.float32) + np.float32(0.5)) / self.outputs
        errors = targets[:, None, :] - outputs[:, :, None]
        weights = np.abs(levels[:, None] - (errors < 0))
        bounded = np.minimum(np.maximum(errors, -1.0), 1.0)
        # Within 1, the Huber loss is half the square; beyond it, the distance less a half.
        losses = bounded * (errors - np.float32(0.5) * bounded)
        bounded *= weights
        loss = float(np.einsum("ijk,ijk->", weights, losses)) / errors.size
        return loss, -bounded.sum(axis=2) / np.float32(errors.size)

    def value(self, outputs: list[Array]) -> tuple[float, list[Array]]:
        """See :meth:`Estimate.value`; the mean over all quantiles."""
        size = sum(each.size for each in outputs)
        mean = float(np.mean([each.mean() for each in outputs]))
        return mean, [np.full(each.shape, 1 / size, np.float32) for each in outputs]
