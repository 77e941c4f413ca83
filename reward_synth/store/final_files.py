"""``final/003-b/``: fresh policies that judge one reward after the search."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from reward_synth.core.errors import RewardSynthError
from reward_synth.core.files import read_json, write_json
from reward_synth.core.types import Evaluation, TrainResult
from reward_synth.store.candidate_files import CandidateFiles


class FinalFiles(CandidateFiles):
    """The final trainings of one run folder."""

    def final_dir(self, candidate: str) -> Path:
        """The folder of a candidate's final trainings; RewardSynthError for what is no id."""
        return self.path / "final" / self.candidate_dir(candidate).name

    def final_train_dir(self, candidate: str, seed_index: int) -> Path:
        """Where one of them has its files; not made here."""
        return self.final_dir(candidate) / f"seed-{seed_index}"

    def read_final_results(self, candidate: str) -> dict[int, TrainResult]:
        """Those that have ended, by seed index, in its order."""
        found = {
            int(path.parent.name.removeprefix("seed-")): TrainResult.model_validate(read_json(path))
            for path in self.final_dir(candidate).glob("seed-*/result.json")
        }
        return dict(sorted(found.items()))

    def evaluation_path(self, candidate: str) -> Path:
        """What they say together."""
        return self.final_dir(candidate) / "evaluation.json"

    def write_evaluation(self, evaluation: Evaluation) -> None:
        """Write it anew: each seed that ends changes it."""
        write_json(self.evaluation_path(evaluation.candidate), evaluation.model_dump(mode="json"))

    def read_evaluation(self, candidate: str) -> Evaluation | None:
        """None before the first final training begins.

        :raises RewardSynthError: the file was changed.
        """
        path = self.evaluation_path(candidate)
        if not path.exists():
            return None
        try:
            return Evaluation.model_validate(read_json(path))
        except ValidationError as error:
            raise RewardSynthError(f"cannot understand {path}", "restore the file, or remove it") from error

    def evaluations(self) -> list[Evaluation]:
        """Of all candidates that have at least one seed done, in the candidates' order."""
        found = (self.read_evaluation(name) for name in self.candidate_ids())
        return [evaluation for evaluation in found if evaluation is not None and evaluation.seeds]
