"""One recorded evaluation episode: the only data from which success and fitness are computed."""

from __future__ import annotations

import json
import math
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from reward_synth.core.arrays import FloatArray
from reward_synth.core.errors import RewardSynthError
from reward_synth.core.files import written_whole
from reward_synth.core.npz import write_npz
from reward_synth.core.types import EpisodeScore
from reward_synth.state import view


def episode_name(seed_index: int, number: int) -> str:
    """The file that holds one episode of a training's evaluation."""
    return f"seed-{seed_index}-episode-{number:03d}.npz"


def episode_paths(folder: Path, seed_index: int) -> list[Path]:
    """The files of a training's evaluation, in the order in which they were played."""
    return sorted(folder.glob(f"seed-{seed_index}-episode-*.npz"))


@dataclass(frozen=True, eq=False)
class Episode:
    """States and actions of one episode of T steps.

    :param layout: name and shape of each field of a row.
    :param rows: states, shape (T + 1, width), from the state after the reset to the terminal state.
    :param actions: shape (T, A).
    :param dt: simulated seconds per step.
    :param horizon: steps after which the environment stops any episode.
    :param seed: seed of the reset.
    :param terminated: True if the environment ended it before its horizon, for example after a fall.
    :raises ValueError: if the shapes do not match.
    """

    layout: view.Layout
    rows: FloatArray
    actions: FloatArray
    dt: float
    horizon: int
    seed: int
    terminated: bool

    def __post_init__(self) -> None:
        width = view.width(self.layout)
        if self.actions.ndim != 2 or self.rows.shape != (len(self.actions) + 1, width):
            shapes = f"rows {self.rows.shape}, actions {self.actions.shape} and layout width {width}"
            raise ValueError(f"{shapes} do not fit")
        if not (math.isfinite(self.dt) and self.dt > 0.0):
            raise ValueError(f"a step of {self.dt} s is none")

    @property
    def length(self) -> int:
        """Steps taken, T."""
        return len(self.actions)

    def field(self, name: str) -> FloatArray:
        """One field over time, shape (T + 1, *shape); KeyError for an unknown name."""
        shapes = dict(self.layout)
        values: FloatArray = self.rows[:, view.columns(self.layout)[name]]
        return values.reshape(self.length + 1, *shapes[name])

    def subset(self, names: Sequence[str]) -> FloatArray:
        """Rows of only these fields in the layout's order, shape (T + 1, width); KeyError if unknown."""
        return self.rows[:, view.column_indices(self.layout, names)]

    def save(self, path: Path) -> None:
        """Write a compressed ``.npz`` without pickle; a reader never sees an incomplete file."""
        facts = {name: getattr(self, name) for name in ("layout", "dt", "horizon", "seed", "terminated")}
        with written_whole(path) as file:
            write_npz(file, rows=self.rows, actions=self.actions, facts=np.array(json.dumps(facts)))

    @classmethod
    def load(cls, path: Path) -> Episode:
        """Read what :meth:`save` wrote; RewardSynthError if the file is not an episode."""
        try:
            with np.load(path, allow_pickle=False) as archive:
                rows, actions, facts = archive["rows"], archive["actions"], json.loads(str(archive["facts"]))
            layout = tuple((str(name), tuple(int(n) for n in shape)) for name, shape in facts["layout"])
            dt, horizon, seed = float(facts["dt"]), int(facts["horizon"]), int(facts["seed"])
            return cls(layout, rows, actions, dt, horizon, seed, bool(facts["terminated"]))
        except (OSError, EOFError, KeyError, TypeError, ValueError, zipfile.BadZipFile, zlib.error) as error:
            hint = "delete it and evaluate the candidate again"
            raise RewardSynthError(f"cannot read the episode {path}: {error}", hint) from error


class Judged(NamedTuple):
    """An episode with what the task's measures say of it."""

    episode: Episode
    score: EpisodeScore
