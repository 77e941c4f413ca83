"""A finished training of stable-baselines3: its policy and what it maximised, as plain numbers."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from reward_synth.audit.record import scaled
from reward_synth.core.errors import RewardSynthError
from reward_synth.evaluation.policy import Activation, Array, Output, Policy
from reward_synth.sandbox.channel import library_environment
from reward_synth.state.table import FieldTable

SECONDS = 120.0
LARGEST = 512 << 20
"""Bytes of a file that is read."""
WHAT_IS_READ = (
    "PPO, A2C, SAC, TQC, TD3 and DDPG with an MlpPolicy can be read; leave --model out, and the environment's reward "
    "is audited without it"
)


@dataclass(frozen=True)
class Trained:
    """What a model's file and its ``VecNormalize`` say."""

    name: str
    discount: float
    layers: tuple[tuple[Array, Array], ...]
    activation: Activation
    output: Output
    normalised: dict[str, Any] | None

    def policy(self, table: FieldTable) -> Policy:
        """The policy for an environment with these actions.

        :raises RewardSynthError: it was trained in another one.
        """
        size = self.layers[-1][0].shape[1]
        if size != len(table.actions):
            message = f"{self.name} has {size} actions, and the environment {len(table.actions)}"
            raise RewardSynthError(message, "name the environment that it was trained in: --env ID")
        told = self.normalised or {}
        seen = told.get("obs_rms") if told.get("norm_obs") else None
        inputs = self.layers[0][0].shape[0]
        mean = np.array(seen["mean"]) if seen else np.zeros(inputs)
        variance = np.array(seen["var"]) if seen else np.ones(inputs)
        try:
            return Policy(
                layers=self.layers,
                activation=self.activation,
                output="sample" if table.discrete else self.output,
                low=np.array([each.low for each in table.actions], dtype=np.float32),
                high=np.array([each.high for each in table.actions], dtype=np.float32),
                mean=mean,
                variance=variance,
                epsilon=float(told.get("epsilon", 1e-8)) if seen else 1e-8,
                bound=float(told["clip_obs"]) if seen else np.inf,
            )
        except ValueError as error:
            raise RewardSynthError(f"{self.name} is no policy that can be played: {error}", WHAT_IS_READ) from error

    @property
    def maximises(self) -> str:
        """What its learner was given to maximise, beyond the discount."""
        told = self.normalised
        if not told or not told.get("norm_reward") or not told.get("ret_rms"):
            return "the reward as the environment gives it"
        return scaled(float(np.sqrt(told["ret_rms"]["var"][0] + told["epsilon"])), told["clip_reward"])


def read_trained(model: Path, vecnormalize: Path | None = None, unsafe_no_sandbox: bool = False) -> Trained:
    """Read a model's ``.zip`` and its ``VecNormalize`` in a locked process. Nothing in them is run.

    :raises RewardSynthError: a file cannot be read, or holds something else, or a policy of another kind.
    """
    answer = _answer(_content(model), _content(vecnormalize) if vecnormalize else b"", unsafe_no_sandbox)
    if refused := answer.get("refused"):
        what = f"{model}{f' or {vecnormalize}' if vecnormalize else ''}"
        raise RewardSynthError(f"{what} is refused: {refused}", WHAT_IS_READ)
    try:
        found = answer["model"]
        tensors = {
            name: np.array(each["values"], dtype=np.float32).reshape(each["shape"])
            for name, each in found["tensors"].items()
        }
        layers, output = _layers(tensors)
        discount = float(found["settings"].get("gamma") or 0.99)
        if not 0.0 < discount <= 1.0:
            raise ValueError(f"its discount is {discount}")
        told = str(found["policy_kwargs"].get("activation_fn", "")).lower()
        stochastic = any("policy_net" in name for name in tensors)
        activation: Activation = "relu" if "relu" in told or not (stochastic or "tanh" in told) else "tanh"
        if told and not ("relu" in told or "tanh" in told):
            raise ValueError(f"its layers use {told}")
    except (KeyError, TypeError, ValueError) as error:
        raise RewardSynthError(f"{model} holds no policy that can be played: {error}", WHAT_IS_READ) from error
    return Trained(model.name, discount, layers, activation, output, answer["vecnormalize"])


def _content(path: Path) -> bytes:
    try:
        if not path.is_file() or path.stat().st_size > LARGEST:
            raise RewardSynthError(f"{path} is no file of at most {LARGEST >> 20} MB", "give what model.save wrote")
        return path.read_bytes()
    except OSError as error:
        raise RewardSynthError(f"cannot read {path}: {error.strerror}", "give what model.save wrote") from error


def _answer(model: bytes, vecnormalize: bytes, unsafe: bool) -> dict[str, Any]:
    command = [sys.executable, "-I", "-m", "reward_synth.audit.unpickle", *["unlocked"] * unsafe]
    sent = b"".join(len(part).to_bytes(8, "big") + part for part in (model, vecnormalize))
    try:
        ran = subprocess.run(
            command, input=sent, capture_output=True, env=library_environment(), timeout=SECONDS, check=False
        )
        found = json.loads(ran.stdout)
    except (subprocess.TimeoutExpired, ValueError) as error:
        raise RewardSynthError(
            "the locked process that reads the model ended without an answer",
            "the file may be damaged, or this machine may have no lock: reward-synth doctor",
        ) from error
    if not isinstance(found, dict):
        raise RewardSynthError("the locked process that reads the model gave no answer", WHAT_IS_READ)
    return found


def _layers(tensors: dict[str, Array]) -> tuple[tuple[tuple[Array, Array], ...], Output]:
    """The layers from the observation on, and how the last one becomes an action.

    :raises ValueError: the tensors are those of another kind of policy.
    """
    names = {name.rpartition(".")[0] for name in tensors}
    if any("cnn" in name or name.startswith("q_net") for name in names):
        raise ValueError("it looks at pictures, or learns values of actions")
    hidden = sorted((name for name in names if name.rpartition(".")[2].isdigit()), key=_number)
    last = [name for name in ("action_net", "actor.mu") if name in names]
    if not (hidden or last):
        raise ValueError("it has no layers that are known")
    layers = tuple((tensors[f"{name}.weight"].T, tensors[f"{name}.bias"]) for name in [*hidden, *last])
    return layers, "clip" if "action_net" in names else "squash"


def _number(name: str) -> int:
    return int(name.rpartition(".")[2])
