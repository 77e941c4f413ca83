"""The models to choose from, for ``models ls``, ``models pull`` and ``models test``."""

from __future__ import annotations

import importlib.util
import os

from reward_synth.core.errors import RewardSynthError
from reward_synth.core.types import Value
from reward_synth.llm import open_model, weights
from reward_synth.llm.base import Message, Reply, Request, Waiting
from reward_synth.llm.keys import DEFAULT_MODELS, load_env_file
from reward_synth.llm.local import chosen_file

_PATIENCE = 20.0
"""Seconds. Who tries a model sits before it, and will try again."""


class ModelRow(Value):
    """One model to choose, as ``models ls`` lists it."""

    name: str
    """What to type after ``--model``."""
    kind: str
    """``here`` (runs on this machine), ``person``, ``program``, ``recording`` or ``provider``."""
    ready: bool
    note: str
    """If it is ready: what or where it is. Otherwise: what is missing and how to get it."""


def available_models() -> list[ModelRow]:
    """The models that need no provider, then one model of each provider that has a key of its own.

    Any other name that litellm knows works too. Nothing is downloaded, and litellm is not imported.
    """
    load_env_file()
    rows = [
        _local_row(),
        ModelRow(name="manual", kind="person", ready=True, note="prompts and answers go through files"),
        ModelRow(name="exec:COMMAND", kind="program", ready=True, note="prompt on stdin, answer on stdout"),
        ModelRow(name="replay:FILE", kind="recording", ready=True, note="answers from a recorded run"),
    ]
    for key, name in DEFAULT_MODELS.items():
        ready = bool(os.environ.get(key))
        note = f"{key} is set" if ready else f"needs {key}: export it, or put it into .env"
        rows.append(ModelRow(name=name, kind="provider", ready=ready, note=note))
    return rows


def try_model(name: str, *, base_url: str | None = None, progress: weights.Progress | None = None) -> Reply:
    """Make one tiny call without a cache.

    :raises RewardSynthError: if the model cannot be opened or does not answer.
    """
    model = open_model(name, base_url=base_url, waiting=Waiting(patience=_PATIENCE), progress=progress)
    words = Message(role="user", content="Reply with the single word: ready")
    try:
        reply = model.complete(Request(messages=(words,), role="designer", temperature=0.0, max_tokens=16))
    finally:
        model.close()
    if not reply.text.strip():
        raise RewardSynthError(f"model {name} answered with nothing", "try another model")
    return reply


def _local_row() -> ModelRow:
    chosen = chosen_file()
    path = chosen or weights.models_folder() / weights.QWEN.file
    ready = importlib.util.find_spec("xllamacpp") is not None and path.is_file()
    if ready:
        note = f"{path} (REWARD_SYNTH_MODEL_FILE, sha256 not checked)" if chosen else str(path)
    elif importlib.util.find_spec("xllamacpp") is None:
        note = 'needs xllamacpp: pip install "reward-synth[local]"'
    elif chosen:
        note = f"no model file at {chosen}"
    else:
        note = f"needs {weights.QWEN.size / 1e9:.1f} GB of weights: reward-synth models pull"
    return ModelRow(name="local", kind="here", ready=ready, note=note)
