"""``candidates/003-b/``: one reward and all that became of it; ``final/003-b/``: its trainings after the search."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from reward_synth.core.errors import RewardSynthError
from reward_synth.core.files import read_json, write_bytes, write_json, write_new, write_text
from reward_synth.core.types import Candidate, CheckReport, Evaluation, TrainResult
from reward_synth.state.episode import Episode, episode_paths
from reward_synth.store.folder import RunFolder, read_value

_ID = re.compile(r"\d{3,}-[a-z]+")
FINISHED = frozenset({"trained", "rejected", "crashed"})
"""A candidate of such a status never changes. ``stopped`` is not among them: a resumed run trains it on."""


class CandidateFiles(RunFolder):
    """The candidates of one run folder.

    Methods that change a finished candidate (:data:`FINISHED`) raise ValueError: a caller's mistake, not a user's.
    """

    def candidate_dir(self, candidate: str) -> Path:
        """The candidate's folder; RewardSynthError for what is no id, so no path slips in."""
        if not _ID.fullmatch(candidate):
            raise RewardSynthError(
                f"'{candidate}' is not a candidate", "they are named like 003-b; reward-synth show lists them"
            )
        return self.path / "candidates" / candidate

    def candidate(self, candidate: str) -> Candidate:
        """The candidate as stored.

        :raises RewardSynthError: there is none of that name, or its file was changed.
        """
        stored = self._stored(candidate)
        if stored is None:
            known = ", ".join(self.candidate_ids()) or "none yet"
            raise RewardSynthError(f"there is no candidate '{candidate}' in {self.path.name}", f"there are: {known}")
        return stored

    def candidate_ids(self) -> list[str]:
        """All candidates that have been saved, in the order of iteration and letter."""
        found = (path.parent.name for path in (self.path / "candidates").glob("*/candidate.json"))
        return sorted(filter(_ID.fullmatch, found), key=_order)

    def candidates(self) -> list[Candidate]:
        """As :meth:`candidate_ids`, read."""
        return [self.candidate(name) for name in self.candidate_ids()]

    def save_candidate(self, candidate: Candidate) -> None:
        """Write ``candidate.json``; a finished candidate is only accepted unchanged."""
        if self._stored(candidate.id) != candidate:
            self._refuse_finished(candidate.id)
            write_json(self.candidate_dir(candidate.id) / "candidate.json", candidate.model_dump(mode="json"))

    # The reward, and what was said about it -----------------------------------------------------------

    def reward_path(self, candidate: str) -> Path:
        """The exact bytes that run."""
        return self.candidate_dir(candidate) / "reward.py"

    def write_reward(self, candidate: str, source: str) -> Path:
        """Write the reward. Once a training was started on it, it only accepts the same text again."""
        path = self.reward_path(candidate)
        if path.exists() and path.read_bytes() == source.encode():
            return path
        self._refuse_finished(candidate)
        if any(self.candidate_dir(candidate).glob("train/*/job.json")):
            raise ValueError(f"{candidate} is being trained; its reward cannot change")
        write_bytes(path, source.encode())
        return path

    def read_reward(self, candidate: str) -> str:
        """The reward's source; RewardSynthError if the candidate has none (its answer could not be read)."""
        path = self.reward_path(candidate)
        if not path.exists():
            self.candidate(candidate)
            raise RewardSynthError(f"candidate '{candidate}' has no reward: its model answer held no code")
        return path.read_bytes().decode()

    def has_reward(self, candidate: str) -> bool:
        """True if there is code to show."""
        return self.reward_path(candidate).exists()

    def write_exchange(self, candidate: str | None, role: str, prompt: str, answer: str, iteration: int = 0) -> Path:
        """Keep a prompt and its answer, numbered in order, with the candidate or (None) with the iteration.

        Returns the answer's path; the prompt lies beside it.
        """
        folder = (
            self.path / "iterations" / f"{iteration:03d}-llm"
            if candidate is None
            else self.candidate_dir(candidate) / "llm"
        )
        number = 1 + max((int(path.name.split("-")[0]) for path in folder.glob("*.prompt.md")), default=0)
        while not write_new(folder / f"{number:02d}-{role}.prompt.md", prompt):
            number += 1
        path = folder / f"{number:02d}-{role}.answer.md"
        write_text(path, answer)
        return path

    def write_check(self, candidate: str, report: CheckReport) -> None:
        """What lint, probe and critic found."""
        self._refuse_finished(candidate)
        write_json(self.candidate_dir(candidate) / "check.json", report.model_dump(mode="json"))

    def read_check(self, candidate: str) -> CheckReport | None:
        """The findings, or None if it was not checked."""
        return read_value(self.candidate_dir(candidate) / "check.json", CheckReport)

    # Training and its summary -------------------------------------------------------------------------

    def train_dir(self, candidate: str, seed_index: int) -> Path:
        """Where one training's files go; not made here."""
        return self.candidate_dir(candidate) / "train" / f"seed-{seed_index}"

    def preset_dir(self, preset: str) -> Path:
        """Where a training's files go that tries a preset; not made here."""
        return self.path / "presets" / preset

    def preset_dirs(self) -> list[Path]:
        """Those that are there."""
        return sorted(path for path in (self.path / "presets").glob("*") if path.is_dir())

    def trajectories_dir(self, candidate: str) -> Path:
        """Where the evaluation's episodes go; not made here."""
        return self.candidate_dir(candidate) / "trajectories"

    def episodes(self, candidate: str, seed_index: int) -> list[Episode]:
        """The recorded episodes of a training's evaluation, in the order of its result's."""
        return [Episode.load(path) for path in episode_paths(self.trajectories_dir(candidate), seed_index)]

    def read_result(self, candidate: str, seed_index: int) -> TrainResult | None:
        """The training's result, or None while it has not ended."""
        return read_value(self.train_dir(candidate, seed_index) / "result.json", TrainResult)

    def results(self, candidate: str) -> list[TrainResult]:
        """Those of all trainings that have ended, by seed index."""
        return list(_results(self.candidate_dir(candidate) / "train").values())

    def summary_path(self, candidate: str) -> Path:
        """The very text that the analyzer gets."""
        return self.candidate_dir(candidate) / "summary.md"

    def write_summary(self, candidate: str, data: dict[str, Any], text: str, short: str = "") -> None:
        """The numbers and the texts, for a large and for a small model. Written once; ValueError for another text."""
        path = self.summary_path(candidate)
        if path.exists():
            if path.read_text(encoding="utf-8") != text:
                raise ValueError(f"{candidate} has its summary already")
            return
        write_json(path.with_suffix(".json"), data)
        write_text(path.with_name("summary.short.md"), short or text)
        write_text(path, text)

    def read_summary(self, candidate: str, short: bool = False) -> str:
        """The text that the analyzer got; empty before it is written."""
        path = self.summary_path(candidate)
        if not path.exists():
            return ""
        return (path.with_name("summary.short.md") if short else path).read_text(encoding="utf-8")

    def read_summary_data(self, candidate: str) -> dict[str, Any] | None:
        """The numbers behind the text, or None."""
        path = self.summary_path(candidate).with_suffix(".json")
        return dict(read_json(path)) if path.exists() else None

    def is_finished(self, candidate: str) -> bool:
        """True if it was saved with a status after which it never changes."""
        stored = self._stored(candidate)
        return stored is not None and stored.status in FINISHED

    def _stored(self, candidate: str) -> Candidate | None:
        return read_value(self.candidate_dir(candidate) / "candidate.json", Candidate, "restore the file")

    def _refuse_finished(self, candidate: str) -> None:
        if self.is_finished(candidate):
            raise ValueError(f"{candidate} is finished and cannot change")

    # Fresh policies that judge one reward after the search -------------------------------------------

    def final_dir(self, candidate: str) -> Path:
        """The folder of a candidate's final trainings; RewardSynthError for what is no id."""
        return self.path / "final" / self.candidate_dir(candidate).name

    def final_train_dir(self, candidate: str, seed_index: int) -> Path:
        """Where one of them has its files; not made here."""
        return self.final_dir(candidate) / f"seed-{seed_index}"

    def read_final_results(self, candidate: str) -> dict[int, TrainResult]:
        """Those that have ended, by seed index, in its order."""
        return _results(self.final_dir(candidate))

    def write_evaluation(self, evaluation: Evaluation) -> None:
        """Write what they say together anew: each seed that ends changes it."""
        write_json(self.final_dir(evaluation.candidate) / "evaluation.json", evaluation.model_dump(mode="json"))

    def read_evaluation(self, candidate: str) -> Evaluation | None:
        """None before the first final training begins.

        :raises RewardSynthError: the file was changed.
        """
        return read_value(self.final_dir(candidate) / "evaluation.json", Evaluation)

    def evaluations(self) -> list[Evaluation]:
        """Of all candidates that have at least one seed done, in the candidates' order."""
        found = (self.read_evaluation(name) for name in self.candidate_ids())
        return [evaluation for evaluation in found if evaluation is not None and evaluation.seeds]


def _results(folder: Path) -> dict[int, TrainResult]:
    found = {
        int(path.parent.name.removeprefix("seed-")): read_value(path, TrainResult)
        for path in folder.glob("seed-*/result.json")
    }
    return {index: result for index, result in sorted(found.items()) if result is not None}


def _order(name: str) -> tuple[int, int, str]:
    number, letters = name.split("-")
    return int(number), len(letters), letters
