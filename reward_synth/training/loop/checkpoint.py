"""``checkpoint.pt``, from which a paused training continues: tensors and plain values, read without unpickling."""

from __future__ import annotations

import pickle
import sys
from typing import Any

import numpy as np
import torch
from stable_baselines3.common.running_mean_std import RunningMeanStd

from reward_synth.core.errors import RewardSynthError
from reward_synth.core.files import written_whole
from reward_synth.training.job import TrainJob
from reward_synth.training.learners.base import Learner
from reward_synth.training.loop.evaluation_callback import Watch
from reward_synth.training.loop.normalisation import Normalised

FORMAT = 3
"""Number of the file format; a reader refuses any other."""


def save_checkpoint(job: TrainJob, learner: Learner, venv: Normalised, watch: Watch) -> None:
    """Write the checkpoint, whole or not at all.

    It holds networks, optimisers, an off-policy learner's replay buffer, normalisation statistics, random generators
    and all measurements so far. It does not hold the environments' states: a training that continues starts fresh
    episodes.
    """
    content = {
        "format": FORMAT,
        "job": job.lineage(),
        "steps": int(learner.model.num_timesteps),
        "learner": learner.state(),
        "observations": _statistics(venv.obs_rms),
        "returns": _statistics(venv.ret_rms),
        "rewards": _statistics(venv.reward_rms) if venv.centred else None,
        "watch": watch.state(),
        "torch": torch.get_rng_state(),
        "numpy": _numpy_state(),
    }
    with written_whole(job.checkpoint_path) as file:
        torch.save(content, file)


def load_checkpoint(job: TrainJob) -> dict[str, Any] | None:
    """The checkpoint of this job, or of one that differs in its budget only; None if there is none.

    One that cannot be read is deleted, so that the training begins anew: it is the machine's fault, not the reward's.
    """
    if not job.checkpoint_path.exists():
        return None
    try:
        content = torch.load(job.checkpoint_path, map_location="cpu", weights_only=True)
        if content["format"] != FORMAT:
            raise ValueError(f"its format is {content['format']!r}, this version reads {FORMAT}")
        if "keys" in content["learner"]:
            return None  # SAC and TQC of earlier versions ran on JAX. Nothing here can go on from their networks.
        return dict(content) if content["job"] == job.lineage() and content["steps"] <= job.steps else None
    except (OSError, EOFError, KeyError, TypeError, ValueError, RuntimeError, pickle.UnpicklingError) as error:
        print(f"cannot read the checkpoint {job.checkpoint_path}: {error}; the training begins anew", file=sys.stderr)
        job.checkpoint_path.unlink()
        return None


def restore(content: dict[str, Any], job: TrainJob, learner: Learner, venv: Normalised, watch: Watch) -> None:
    """Restore learner, normalisation, measurements and random generators.

    :raises RewardSynthError: the learner does not fit, for example after a change of its library's version.
    """
    # The next episodes must differ from those at the start of the training.
    seed = (job.seed + content["steps"]) % 2**31
    try:
        learner.restore(content["learner"], seed)
    except (KeyError, ValueError, RuntimeError) as error:
        raise RewardSynthError(
            f"cannot go on from the checkpoint {job.checkpoint_path}: {error}", "delete it and train again"
        ) from error
    learner.model.num_timesteps = content["steps"]
    _set_statistics(venv.obs_rms, content["observations"])
    _set_statistics(venv.ret_rms, content["returns"])
    # Earlier versions left the rewards their mean. A training goes on as it began, and so do those that continue it.
    rewards = content.get("rewards")
    venv.centred = rewards is not None
    if rewards is not None:
        _set_statistics(venv.reward_rms, rewards)
    watch.resume(content["steps"], content["watch"])
    venv.seed(seed)
    torch.set_rng_state(content["torch"])
    name, keys, position, has_gauss, cached = content["numpy"]
    np.random.set_state((name, keys.numpy().astype(np.uint32), position, has_gauss, cached))


def _statistics(statistics: RunningMeanStd) -> dict[str, Any]:
    return {
        "mean": torch.as_tensor(statistics.mean).clone(),
        "variance": torch.as_tensor(statistics.var).clone(),
        "count": float(statistics.count),
    }


def _set_statistics(statistics: RunningMeanStd, stored: dict[str, Any]) -> None:
    statistics.mean = stored["mean"].numpy().copy()
    statistics.var = stored["variance"].numpy().copy()
    statistics.count = stored["count"]


def _numpy_state() -> tuple[str, torch.Tensor, int, int, float]:
    # stable-baselines3 shuffles its batches with numpy's global generator.
    name, keys, position, has_gauss, cached = np.random.get_state()
    return str(name), torch.as_tensor(np.asarray(keys).astype(np.int64)), int(position), int(has_gauss), float(cached)
