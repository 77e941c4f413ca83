"""A trained policy as plain arrays, which is all that evaluation needs. It loads without torch and without pickle."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from reward_synth.core.errors import RewardSynthError
from reward_synth.core.files import write_bytes

Array = NDArray[Any]
Activation = Literal["tanh", "relu"]
Output = Literal["clip", "squash", "sample"]

FORMAT = 2
"""Version of the file format. A reader accepts this one and version 1, which lacks ``repeat``."""

_ACTIVATIONS: dict[Activation, Callable[[Array], Array]] = {
    "tanh": np.tanh,
    "relu": lambda values: np.maximum(values, 0),
}


@dataclass(frozen=True, eq=False)
class Policy:
    """A policy: it normalises the observation, applies the actor's layers, and bounds or samples the action.

    Weights and arithmetic are single precision, as they are in training.

    It is deterministic, except for ``output="sample"``, where an action is one of A. Then the action is sampled by the
    policy's probabilities, from a generator of the caller. Taking the likeliest action every time would be another
    policy, which may step back and forth between two cells for ever. One generator per episode, seeded with the
    episode's seed, makes the policy reproducible (:func:`reward_synth.evaluation.play.play` does that).

    :param layers: weights (inputs, outputs) and biases (outputs,) of the actor's layers, from the observation on.
    :param activation: applied after every layer but the last.
    :param output: how the last layer's values become actions: ``clip`` clips them at the bounds (PPO), ``squash``
        takes their tanh and stretches it to the bounds (SAC, TQC), ``sample`` takes them as the logarithms of
        probabilities, up to a constant, and gives a vector of zeros with a 1 for the sampled action (PPO).
    :param low: smallest actions (A,); finite where ``output`` is ``squash``.
    :param high: largest actions (A,).
    :param mean: mean of the observations seen in training (O,).
    :param variance: their variance (O,).
    :param epsilon: added to the variance.
    :param bound: a normalised observation is clipped at plus and minus this; infinite for no bound.
    :param repeat: environment steps for which each action is held, as in training.
    :raises ValueError: if the shapes do not fit each other, or a number is not finite or out of range.
    """

    layers: tuple[tuple[Array, Array], ...]
    activation: Activation
    output: Output
    low: Array
    high: Array
    mean: Array
    variance: Array
    epsilon: float
    bound: float
    repeat: int = 1

    def __post_init__(self) -> None:
        _check(self)

    @property
    def draws(self) -> bool:
        """True if the policy samples, so that it needs generators to act."""
        return self.output == "sample"

    def __call__(self, observations: Array, generators: Sequence[np.random.Generator] | None = None) -> Array:
        """Actions (n, A) for observations (n, O).

        :param generators: one for each observation, if the policy samples its actions; each gives one number.
        :raises ValueError: if the policy samples and there are too few or too many generators, or if the observations
            have another size.
        """
        flat = np.asarray(observations).reshape(len(observations), -1)
        if flat.shape[1] != len(self.mean):
            raise ValueError(
                f"this policy takes observations of {len(self.mean)} numbers, not {flat.shape[1]}: "
                "its task may show it more than the environment does (`environment.observes`)"
            )
        normalised = (flat - self.mean) / np.sqrt(self.variance + self.epsilon)
        # `np.clip` takes twice as long on the few rows of an evaluation.
        values = np.minimum(np.maximum(normalised, -self.bound), self.bound).astype(np.float32)
        for weight, bias in self.layers[:-1]:
            values = _ACTIVATIONS[self.activation](values @ weight + bias)
        weight, bias = self.layers[-1]
        values = values @ weight + bias
        if self.output == "sample":
            if generators is None or len(generators) != len(values):
                raise ValueError("this policy draws its actions: give one generator for each observation")
            return _choose(values, np.array([generator.random() for generator in generators]))
        if self.output == "squash":
            values = self.low + (np.tanh(values) + 1) / 2 * (self.high - self.low)
        actions: Array = np.minimum(np.maximum(values, self.low), self.high)
        return actions

    def save(self, path: Path) -> None:
        """Write ``policy.npz``; the file appears whole or not at all."""
        arrays: dict[str, Any] = {
            "format": FORMAT,
            "activation": self.activation,
            "output": self.output,
            "low": self.low,
            "high": self.high,
            "mean": self.mean,
            "variance": self.variance,
            "epsilon": self.epsilon,
            "bound": self.bound,
            "repeat": self.repeat,
            "layers": len(self.layers),
        }
        for number, (weight, bias) in enumerate(self.layers):
            arrays |= {f"weight_{number}": weight, f"bias_{number}": bias}
        content = io.BytesIO()
        np.savez(content, allow_pickle=False, **arrays)
        write_bytes(path, content.getvalue())


def load_policy(path: str | Path) -> Policy:
    """Read what :meth:`Policy.save` wrote.

    :raises RewardSynthError: there is no such file, or it is not a policy: pickled objects, another format, arrays
        that do not fit each other, numbers that are not finite.
    """
    path = Path(path)
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            found = archive["format"].item()
            if found not in (1, FORMAT):
                raise ValueError(f"its format is {found!r}, this version reads {FORMAT}")
            count = archive["layers"].item()
            return Policy(
                layers=tuple((archive[f"weight_{n}"], archive[f"bias_{n}"]) for n in range(count)),
                activation=archive["activation"].item(),
                output=archive["output"].item(),
                low=archive["low"],
                high=archive["high"],
                mean=archive["mean"],
                variance=archive["variance"],
                epsilon=archive["epsilon"].item(),
                bound=archive["bound"].item(),
                repeat=1 if found == 1 else archive["repeat"].item(),
            )
    except FileNotFoundError as error:
        raise RewardSynthError(f"there is no policy {path}", "a trained candidate's is in train/seed-0") from error
    except (OSError, EOFError, KeyError, TypeError, ValueError, AttributeError, zipfile.BadZipFile) as error:
        raise RewardSynthError(f"cannot read the policy {path}: {error}", "delete it and train again") from error


def _choose(values: Array, draws: Array) -> Array:
    """Vectors (n, A) with a 1 for the action that each random draw (n,), uniform in [0, 1), selects."""
    shares = np.exp(values.astype(np.float64) - values.max(axis=1, keepdims=True))
    sums = np.cumsum(shares, axis=1)
    chosen = (sums <= draws[:, None] * sums[:, -1:]).sum(axis=1)
    vectors: Array = np.eye(values.shape[1], dtype=np.float32)[chosen]
    return vectors


def _check(policy: Policy) -> None:
    """Raise ValueError for the first condition of :class:`Policy` that is violated."""
    if policy.activation not in get_args(Activation) or policy.output not in get_args(Output):
        raise ValueError(f"activation {policy.activation!r} or output {policy.output!r} is unknown")
    arrays = {"low": policy.low, "high": policy.high, "mean": policy.mean, "variance": policy.variance}
    for number, (weight, bias) in enumerate(policy.layers):
        arrays |= {f"weight_{number}": weight, f"bias_{number}": bias}
    for name, array in arrays.items():
        if array.dtype not in (np.float32, np.float64):
            raise ValueError(f"`{name}` is of type {array.dtype}, not float")
        unbounded = policy.output == "clip" and name in ("low", "high")
        if np.isnan(array).any() or not (unbounded or np.isfinite(array).all()):
            raise ValueError(f"`{name}` holds a number that is not finite")
    inputs = policy.mean.shape
    for number, (weight, bias) in enumerate(policy.layers):
        if weight.ndim != 2 or weight.shape[:1] != inputs or weight.shape[1:] != bias.shape:
            raise ValueError(
                f"layer {number} of shapes {weight.shape} and {bias.shape} does not follow on {inputs} values"
            )
        inputs = bias.shape
    if policy.variance.shape != policy.mean.shape or policy.low.shape != inputs or policy.high.shape != inputs:
        raise ValueError(
            f"mean {policy.mean.shape}, variance {policy.variance.shape}, low {policy.low.shape} and "
            f"high {policy.high.shape} do not fit layers from {policy.mean.shape} to {inputs}"
        )
    if not isinstance(policy.repeat, int) or policy.repeat < 1:
        raise ValueError(f"`repeat` is {policy.repeat!r}, not a number of steps")
    sound = np.isfinite(policy.epsilon) and policy.epsilon > 0 and policy.bound > 0
    if not policy.layers or not sound or (policy.variance < 0).any() or (policy.low >= policy.high).any():
        raise ValueError("it has no layers, or a variance, an epsilon, a bound or an action's range is not positive")
