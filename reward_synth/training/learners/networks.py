"""Small fully connected networks in numpy with their gradients, and the optimiser of their weights.

With networks of this size, PyTorch spends most of its time on bookkeeping, and JAX spends ten seconds on compiling
before it starts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

Array = NDArray[np.float32]

NORM_EPSILON = 1e-5
"""Layer normalisation adds this to the variance, as PyTorch does."""


def rows_of(observations: Any) -> Array:
    """Observations (n, …) as rows (n, O), in single precision."""
    return np.asarray(observations, np.float32).reshape(len(observations), -1)


class Weight(NamedTuple):
    """Some parameters, and the loss's derivatives by them, of the same shape."""

    values: Array
    slopes: Array


class Weights:
    """Parameters of PyTorch modules in one flat array, with the Adam optimiser (Kingma and Ba, 2015).

    The modules' parameters become views of it, and PyTorch's optimiser shares the state. So whatever saves or loads
    the modules and their optimiser works as before.

    :param parameters: the parameters, in the order in which the array holds them.
    :param optimizer: PyTorch's optimiser of these parameters; None if they are not optimised.
    :param max_norm: a gradient with a greater Euclidean norm is scaled down to it.
    """

    def __init__(
        self,
        parameters: Sequence[torch.Tensor],
        optimizer: torch.optim.Optimizer | None = None,
        max_norm: float = np.inf,
    ) -> None:
        self._parameters = list(parameters)
        self._optimizer = optimizer
        self._max_norm = max_norm
        ends = np.cumsum([parameter.numel() for parameter in self._parameters]).tolist()
        self._places = {
            id(each): slice(end - each.numel(), end) for each, end in zip(self._parameters, ends, strict=True)
        }
        self.values, self._slopes, self._first, self._second = (np.zeros(ends[-1], np.float32) for _ in range(4))
        self._updates = np.zeros((), np.float32)
        for parameter in self._parameters:
            view = self._view(self.values, parameter)
            view[...] = parameter.detach().numpy()
            parameter.data = torch.from_numpy(view)
        self.share_state()

    def of(self, *parameters: torch.Tensor) -> Weight:
        """These parameters, which follow one another in the array, as one along their first dimension."""
        place = slice(self._places[id(parameters[0])].start, self._places[id(parameters[-1])].stop)
        shape = (-1, *parameters[0].shape[1:])
        return Weight(self.values[place].reshape(shape), self._slopes[place].reshape(shape))

    def share_state(self) -> None:
        """Take over the state of PyTorch's optimiser, if it has any, and share it from then on."""
        if self._optimizer is None:
            return
        for parameter in self._parameters:
            first, second = self._view(self._first, parameter), self._view(self._second, parameter)
            if found := self._optimizer.state.get(parameter):
                first[...], second[...] = found["exp_avg"].numpy(), found["exp_avg_sq"].numpy()
                self._updates[...] = float(found["step"])
            shared = {"step": self._updates, "exp_avg": first, "exp_avg_sq": second}
            self._optimizer.state[parameter] = {name: torch.from_numpy(array) for name, array in shared.items()}

    def update(self, learning_rate: float) -> None:
        """Clip the gradient's norm, and take one step."""
        assert self._optimizer is not None
        slopes, first, second = self._slopes, self._first, self._second
        (beta1, beta2), epsilon = self._optimizer.defaults["betas"], self._optimizer.defaults["eps"]
        if np.isfinite(self._max_norm):
            # PyTorch adds the same small number to the norm.
            slopes *= min(1.0, self._max_norm / (float(np.sqrt(slopes @ slopes)) + 1e-6))
        self._updates += 1
        count = float(self._updates)
        first += (slopes - first) * np.float32(1 - beta1)
        slopes *= slopes
        second += (slopes - second) * np.float32(1 - beta2)
        scale = np.sqrt(second)
        scale /= np.sqrt(1 - beta2**count)
        scale += epsilon
        step = first / scale
        step *= learning_rate / (1 - beta1**count)
        self.values -= step

    def _view(self, flat: Array, parameter: torch.Tensor) -> Array:
        return flat[self._places[id(parameter)]].reshape(tuple(parameter.shape))


@dataclass
class Layer:
    """A linear layer, and what follows it before the next one.

    :param weight: (outputs, inputs).
    :param bias: (outputs,).
    :param norm: scales and shifts (outputs,) of a layer normalisation, if there is one.
    """

    weight: Weight
    bias: Weight
    norm: tuple[Weight, Weight] | None = None
    activation: Literal["tanh", "relu"] | None = None
    _inputs: Array = field(init=False, repr=False)
    _outputs: Array = field(init=False, repr=False)
    _normed: Array = field(init=False, repr=False)
    _spread: Array = field(init=False, repr=False)

    def forward(self, inputs: Array) -> Array:
        """Outputs (n, outputs) for inputs (n, inputs)."""
        values: Array = inputs @ self.weight.values.T
        values += self.bias.values
        if self.norm is not None:
            values -= values.mean(axis=1, keepdims=True)
            self._spread = np.sqrt(np.einsum("ij,ij->i", values, values)[:, None] / values.shape[1] + NORM_EPSILON)
            values /= self._spread
            self._normed = values
            values = values * self.norm[0].values
            values += self.norm[1].values
        if self.activation == "tanh":
            np.tanh(values, out=values)
        elif self.activation == "relu":
            np.maximum(values, 0.0, out=values)
        self._inputs, self._outputs = inputs, values
        return values

    def backward(self, slopes: Array, weights: bool, inputs: bool) -> Array:
        """The loss's derivatives by the latest inputs; see :meth:`Network.backward`."""
        if self.activation == "tanh":
            # The derivative of tanh is 1 minus the square of its value.
            slopes = slopes - slopes * np.square(self._outputs)
        elif self.activation == "relu":
            slopes = slopes * (self._outputs > 0)
        if self.norm is not None:
            (scales, scale_slopes), (_, shift_slopes) = self.norm
            if weights:
                np.einsum("ij,ij->j", slopes, self._normed, out=scale_slopes)
                np.add.reduce(slopes, axis=0, out=shift_slopes)
            slopes = slopes * scales
            along = np.einsum("ij,ij->i", slopes, self._normed)[:, None] / slopes.shape[1]
            slopes -= slopes.mean(axis=1, keepdims=True)
            slopes -= along * self._normed
            slopes /= self._spread
        if weights:
            np.matmul(slopes.T, self._inputs, out=self.weight.slopes)
            np.add.reduce(slopes, axis=0, out=self.bias.slopes)
        return slopes @ self.weight.values if inputs else slopes


class Network:
    """Linear layers with what is between them."""

    def __init__(self, layers: Sequence[Layer]) -> None:
        self._layers = tuple(layers)

    def __call__(self, inputs: Array) -> Array:
        """Outputs (n, outputs) for inputs (n, inputs)."""
        for layer in self._layers:
            inputs = layer.forward(inputs)
        return inputs

    def backward(self, slopes: Array, weights: bool = True, inputs: bool = False) -> Array:
        """Compute the derivatives of a loss.

        :param slopes: its derivatives by the outputs of the latest call, (n, outputs).
        :param weights: write those by the weights.
        :param inputs: return those by the inputs, (n, inputs); otherwise the returned array means nothing.
        """
        for number, layer in reversed(list(enumerate(self._layers))):
            slopes = layer.backward(slopes, weights, inputs or number > 0)
        return slopes


def network_of(weights: Weights, modules: Sequence[torch.nn.Module], heads: Sequence[torch.nn.Linear] = ()) -> Network:
    """A network with the weights and the order of PyTorch's modules.

    :param modules: linear layers, layer normalisations, tanh and ReLU.
    :param heads: linear layers side by side that follow them. The array holds their weights one after the other, and
        then their biases.
    :raises ValueError: another module is among them.
    """
    layers: list[Layer] = []
    for module in modules:
        if isinstance(module, torch.nn.Linear):
            layers.append(Layer(weights.of(module.weight), weights.of(module.bias)))
        elif isinstance(module, torch.nn.LayerNorm) and module.eps == NORM_EPSILON:
            layers[-1].norm = weights.of(module.weight), weights.of(module.bias)
        elif isinstance(module, torch.nn.Tanh | torch.nn.ReLU):
            layers[-1].activation = "tanh" if isinstance(module, torch.nn.Tanh) else "relu"
        else:
            raise ValueError(f"a network with {module} is not supported")
    if heads:
        layers.append(Layer(weights.of(*(each.weight for each in heads)), weights.of(*(each.bias for each in heads))))
    return Network(layers)
