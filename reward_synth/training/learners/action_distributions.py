"""How the outputs of an actor become actions in PPO: the probability of an action, and its derivatives."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from reward_synth.training.learners.networks import Array


class Distribution(Protocol):
    """Probabilities of actions, given an actor's outputs (n, outputs)."""

    def sample(self, outputs: Array) -> NDArray[Any]:
        """One action for each row. The noise comes from PyTorch's global generator."""

    def log_prob(self, outputs: Array, actions: NDArray[Any]) -> Array:
        """Logarithms of the actions' probabilities or densities (n,), up to a constant."""

    def backward(self, slopes: Array, entropy_weight: float) -> Array:
        """The derivatives of a loss by the outputs of the latest :meth:`log_prob`, (n, outputs).

        :param slopes: the derivatives by the logarithms of the probabilities, (n,).
        :param entropy_weight: the loss also holds the negative mean entropy times this.
        """

    def mean_entropy(self) -> float:
        """Mean entropy at the latest :meth:`log_prob`, up to a constant."""


class Gaussian:
    """Independent normal distributions around the outputs, with a learned standard deviation for each action element.

    :param log_std: logarithms of the standard deviations, (outputs,).
    :param log_std_slopes: :meth:`backward` writes the derivatives by them here.
    """

    def __init__(self, log_std: Array, log_std_slopes: Array) -> None:
        self._log_std = log_std
        self._log_std_slopes = log_std_slopes
        self._precision = self._distance = np.zeros(0, np.float32)

    def sample(self, outputs: Array) -> Array:
        """See :meth:`Distribution.sample`; actions (n, outputs)."""
        actions: Array = outputs + np.exp(self._log_std) * torch.randn(outputs.shape).numpy()
        return actions

    def log_prob(self, outputs: Array, actions: NDArray[Any]) -> Array:
        """See :meth:`Distribution.log_prob`."""
        self._precision = np.exp(-self._log_std)
        self._distance = (actions - outputs) * self._precision
        sums: Array = np.einsum("ij,ij->i", self._distance, self._distance)
        sums *= -0.5
        sums -= self._log_std.sum()
        return sums

    def backward(self, slopes: Array, entropy_weight: float) -> Array:
        """See :meth:`Distribution.backward`."""
        moved = slopes[:, None] * self._distance
        np.einsum("ij,ij->j", moved, self._distance, out=self._log_std_slopes)
        self._log_std_slopes -= slopes.sum() + entropy_weight
        moved *= self._precision
        return moved

    def mean_entropy(self) -> float:
        """See :meth:`Distribution.mean_entropy`."""
        return float(self._log_std.sum())


class Choices:
    """One of several actions each, with probabilities proportional to the exponentials of the outputs."""

    def __init__(self) -> None:
        self._logs = self._chosen = np.zeros((0, 0), np.float32)

    def sample(self, outputs: Array) -> NDArray[np.int64]:
        """See :meth:`Distribution.sample`; the numbers of the actions (n,)."""
        shares = torch.from_numpy(np.exp(_log_shares(outputs)))
        return np.asarray(torch.multinomial(shares, 1, replacement=True).numpy()[:, 0])

    def log_prob(self, outputs: Array, actions: NDArray[Any]) -> Array:
        """See :meth:`Distribution.log_prob`."""
        self._logs = _log_shares(outputs)
        self._chosen = np.zeros_like(self._logs)
        rows = np.arange(len(actions))
        self._chosen[rows, actions] = 1.0
        chosen: Array = self._logs[rows, actions]
        return chosen

    def backward(self, slopes: Array, entropy_weight: float) -> Array:
        """See :meth:`Distribution.backward`."""
        shares = np.exp(self._logs)
        by_outputs: Array = slopes[:, None] * (self._chosen - shares)
        if entropy_weight:
            entropy = -(shares * self._logs).sum(axis=1, keepdims=True)
            by_outputs += entropy_weight / len(slopes) * shares * (self._logs + entropy)
        return by_outputs

    def mean_entropy(self) -> float:
        """See :meth:`Distribution.mean_entropy`."""
        return float(-(np.exp(self._logs) * self._logs).sum(axis=1).mean())


def _log_shares(outputs: Array) -> Array:
    shifted: Array = outputs - outputs.max(axis=1, keepdims=True)
    shifted -= np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return shifted
