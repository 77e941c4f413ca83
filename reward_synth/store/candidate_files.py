"""``candidates/003-b/``: one reward and its results; ``final/003-b/``: its trainings after the search."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reward_synth.core.errors import RewardSynthError
from reward_synth.core.evaluation import Evaluation
from reward_synth.core.files import read_json, write_bytes, write_json, write_new, write_text
from reward_synth.core.types import Candidate, CheckReport, EpisodeScore, Finding, TrainResult, Value, candidate_id
from reward_synth.state.episode import Episode, Judged, episode_paths
from reward_synth.store.folder import RunFolder, read_value, read_whole

_ID = re.compile(r"\d{3,}-[a-z]+")
_RULE = re.compile(r"[a-z]+(-[a-z]+)*")
_SAVED = "candidate.json"
START = candidate_id(1, 0)
"""The candidate that a search begins with, if it was given a reward."""
FINISHED = frozenset({"trained", "rejected", "crashed"})
"""A candidate with such a status never changes. ``stopped`` is not included: a resumed run continues its training."""


PLANNED = "planned"
"""The name of the best-paid planned episode among the files of an attack."""
MOST_EARLIER = 8
"""So many episodes of earlier rewards are shown to an attack: two iterations of four. Each is paid by every reward."""


class PlannedScores(Value):
    """``planned/scores.json``: what the task says of each episode, by its name. It is written last."""

    scores: dict[str, EpisodeScore]


class CandidateFiles(RunFolder):
    """The candidates of one run folder.

    Methods that would change a finished candidate (:data:`FINISHED`) raise ValueError: that is a programming error.
    """

    def candidate_dir(self, candidate: str) -> Path:
        """The candidate's folder; RewardSynthError if the text is not an id, so that no other path can get in."""
        if not _ID.fullmatch(candidate):
            raise RewardSynthError(
                f"'{candidate}' is not a candidate", "they are named like 003-b; reward-synth show lists them"
            )
        return self.path / "candidates" / candidate

    def candidate(self, candidate: str) -> Candidate:
        """The candidate as stored.

        :raises RewardSynthError: it does not exist, or its file was changed.
        """
        stored = self._stored(candidate)
        if stored is None:
            known = ", ".join(self.candidate_ids()) or "none yet"
            raise RewardSynthError(f"there is no candidate '{candidate}' in {self.path.name}", f"there are: {known}")
        return stored

    def candidate_ids(self) -> list[str]:
        """Ids of all saved candidates, in the order of iteration and letter."""
        found = (path.parent.name for path in (self.path / "candidates").glob(f"*/{_SAVED}"))
        return sorted(filter(_ID.fullmatch, found), key=_order)

    def candidates(self) -> list[Candidate]:
        """All saved candidates, in the order of :meth:`candidate_ids`; those of :meth:`damage` are left out."""
        return [candidate for candidate in map(self.known, self.candidate_ids()) if candidate is not None]

    def known(self, candidate: str) -> Candidate | None:
        """The candidate as stored; None if its folder was deleted, or its file cannot be read."""
        return self.read_once(self.candidate_dir(candidate) / _SAVED, Candidate)

    def start_reward(self) -> str | None:
        """The reward that the search began with; None if the person had none."""
        return _text_of(self.start_reward_path)

    def form_reward(self) -> str | None:
        """The reward that follows from the form in which a small model drafted the task; None if there is none."""
        return _text_of(self.form_reward_path)

    def started_with(self) -> Candidate | None:
        """The candidate that holds :meth:`start_reward`; None if there is none, or before it was designed."""
        first = self.known(START) if self.start_reward_path.exists() else None
        return first if first is not None and first.author == "person" else None

    def damage(self) -> list[str]:
        """A sentence on each candidate, and each result of one, that is left out because it is gone or unreadable."""
        told = [
            f"{path.relative_to(self.path)} cannot be read, and is left out"
            for kind, pattern in ((Candidate, f"*/{_SAVED}"), (TrainResult, "*/train/seed-*/result.json"))
            for path in sorted((self.path / "candidates").glob(pattern))
            if self.read_once(path, kind) is None
        ]
        gone = sorted(self._listed() - set(self.candidate_ids()), key=_order)
        return told + [f"{name} is gone: its folder was deleted" for name in gone]

    def was_lost(self, source: str) -> bool:
        """True if the candidate was deleted, or all episodes that it must have had were."""
        if not _ID.fullmatch(source) or any(self.trajectories_dir(source).glob("*.npz")):
            return False
        return self.was_trained(source) or (source not in self.candidate_ids() and source in self._listed())

    def _listed(self) -> set[str]:
        """The candidates that the table of results names."""
        rows = self.results_path.read_text(encoding="utf-8", errors="replace") if self.results_path.exists() else ""
        return {name for name in (row.partition("\t")[0] for row in rows.splitlines()) if _ID.fullmatch(name)}

    def forget_unfinished(self, iteration: int) -> None:
        """Remove what a killed process saved of an iteration before it had saved all of it. None of it was trained."""
        for folder in (self.path / "candidates").glob(f"{iteration:03d}-*"):
            if _ID.fullmatch(folder.name) and not self.was_trained(folder.name):
                shutil.rmtree(folder)

    def was_trained(self, candidate: str) -> bool:
        """True once a training of the candidate has begun."""
        return any(self.candidate_dir(candidate).glob("train/*/job.json"))

    def candidates_stamp(self) -> tuple[tuple[str, int, int], ...]:
        """A value that changes whenever a candidate is saved. It costs a fiftieth of reading them all."""
        found = []
        for path in (self.path / "candidates").glob(f"*/{_SAVED}"):
            status = path.stat()
            found.append((path.parent.name, status.st_mtime_ns, status.st_ino))
        return tuple(sorted(found))

    def save_candidate(self, candidate: Candidate) -> None:
        """Write ``candidate.json``; a finished candidate is accepted only if unchanged."""
        if self._stored(candidate.id) != candidate:
            self._refuse_finished(candidate.id)
            write_json(self.candidate_dir(candidate.id) / _SAVED, candidate.model_dump(mode="json"))

    # The reward and its checks ------------------------------------------------------------------------

    def reward_path(self, candidate: str) -> Path:
        """The reward's file, with exactly the bytes that run."""
        return self.candidate_dir(candidate) / "reward.py"

    def write_reward(self, candidate: str, source: str) -> Path:
        """Write the reward. Once a training has started on it, only the same text is accepted."""
        path = self.reward_path(candidate)
        if path.exists() and path.read_bytes() == source.encode():
            return path
        self._refuse_finished(candidate)
        if self.was_trained(candidate):
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
        """True if the candidate has reward code."""
        return self.reward_path(candidate).exists()

    def write_exchange(self, candidate: str | None, role: str, prompt: str, answer: str, iteration: int = 0) -> Path:
        """Store a prompt and its answer, numbered in order, with the candidate, or with the iteration for None.

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
        """Write the findings of lint, probe and critic."""
        self._refuse_finished(candidate)
        write_json(self.candidate_dir(candidate) / "check.json", report.model_dump(mode="json"))

    def read_check(self, candidate: str) -> CheckReport | None:
        """The findings, or None if it was not checked."""
        return read_value(self.candidate_dir(candidate) / "check.json", CheckReport)

    def write_planned(self, candidate: str, episodes: Mapping[str, Judged]) -> None:
        """Write what a planner found against the reward: ``planned``, and an episode that shows each finding."""
        self._refuse_finished(candidate)
        for name, each in episodes.items():
            each.episode.save(self.planned_path(candidate, name))
        if episodes:
            kept = PlannedScores(scores={name: each.score for name, each in episodes.items()})
            write_json(self.planned_path(candidate, "scores").with_suffix(".json"), kept.model_dump(mode="json"))

    def planned_path(self, candidate: str, name: str) -> Path:
        """The file of an episode of the attack, which need not be there."""
        return self.candidate_dir(candidate) / "planned" / f"{name}.npz"

    def read_planned(self, candidate: str) -> dict[str, EpisodeScore]:
        """The scores of the episodes of the attack, by name; those that are gone or unreadable are left out.

        So is whatever has no rule's name: a film bears it too, and somebody else's run must not name other places.
        """
        kept = self.read_once(self.planned_path(candidate, "scores").with_suffix(".json"), PlannedScores)
        named = {name: score for name, score in (kept.scores if kept else {}).items() if _RULE.fullmatch(name)}
        return {name: score for name, score in named.items() if self.planned_path(candidate, name).exists()}

    def planned_before(self, iteration: int) -> list[Judged]:
        """The best-paid planned episode of each reward of earlier iterations, the latest :data:`MOST_EARLIER` of them.

        Candidates of one iteration do not see each other's, so that their order does not matter.

        :raises RewardSynthError: a file is not an episode.
        """
        kept: dict[bytes, Judged] = {}
        for candidate in self.candidates():
            score = self.read_planned(candidate.id).get(PLANNED) if candidate.iteration < iteration else None
            if score is not None:
                episode = Episode.load(self.planned_path(candidate.id, PLANNED))
                same = episode.actions.tobytes() + str(episode.seed).encode()
                kept.pop(same, None)
                kept[same] = Judged(episode, score)
        return list(kept.values())[-MOST_EARLIER:]

    def shown_findings(self, candidate: str) -> dict[str, EpisodeScore]:
        """The scores of the episodes of the attack that show a finding, by the rule's name, which a film has too."""
        planned = self.read_planned(candidate)
        report = self.read_check(candidate) if planned else None
        found = {finding.rule for finding in report.findings} if report else set()
        return {name: score for name, score in planned.items() if name in found}

    # Training and its summary -------------------------------------------------------------------------

    def train_dir(self, candidate: str, seed_index: int) -> Path:
        """The folder of one training; it is not created here."""
        return self.candidate_dir(candidate) / "train" / f"seed-{seed_index}"

    def preset_dir(self, preset: str) -> Path:
        """The folder of a training that tries a preset; it is not created here."""
        return self.path / "presets" / preset

    def preset_dirs(self) -> list[Path]:
        """The existing folders of presets."""
        return sorted(path for path in (self.path / "presets").glob("*") if path.is_dir())

    def trajectories_dir(self, candidate: str) -> Path:
        """The folder of the evaluation's episodes; it is not created here."""
        return self.candidate_dir(candidate) / "trajectories"

    def episodes(self, candidate: str, seed_index: int) -> list[Episode]:
        """The recorded episodes of a training's evaluation, in the order of its result."""
        return [Episode.load(path) for path in episode_paths(self.trajectories_dir(candidate), seed_index)]

    def read_result(self, candidate: str, seed_index: int) -> TrainResult | None:
        """The training's result, or None while it has not ended, or if it cannot be read."""
        return self.read_once(self.train_dir(candidate, seed_index) / "result.json", TrainResult)

    def results(self, candidate: str) -> list[TrainResult]:
        """The results of all finished trainings, by seed index."""
        return list(self.results_by_seed(candidate).values())

    def results_by_seed(self, candidate: str) -> dict[int, TrainResult]:
        """The results of all finished trainings, by seed index and in its order."""
        return _results(self.candidate_dir(candidate) / "train")

    def film_path(self, candidate: str, which: str) -> Path:
        """The film of a candidate's ``best``, ``median`` or ``worst`` episode, unless it was written elsewhere."""
        return self.candidate_dir(candidate) / "videos" / f"{which}.mp4"

    def film_names(self, candidate: str) -> list[str]:
        """The candidate's films by their names, such as ``best``, and last those that show findings of the attack.

        Those that are being made are left out.
        """
        found = self.candidate_dir(candidate).glob("videos/*.mp4")
        shown = self.shown_findings(candidate)
        names = (path.stem for path in found if path.with_suffix(".json").exists())
        return sorted(names, key=lambda name: (name in shown, name))

    def blind_film_path(self, episode: str) -> Path:
        """The film of a recorded episode by its id, ``001-c/seed-0-episode-003``, without anything that names it."""
        return self.path / "films" / f"{episode.replace('/', '-')}.mp4"

    def summary_path(self, candidate: str) -> Path:
        """The file with exactly the text that the analyzer gets."""
        return self.candidate_dir(candidate) / "summary.md"

    def write_summary(self, candidate: str, data: dict[str, Any], text: str, short: str = "") -> None:
        """Write the numbers and the texts for large and small models, once; ValueError for another text."""
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

    def training_findings(self, candidate: str) -> tuple[Finding, ...]:
        """What the training rules found; empty before the summary is written."""
        data = self.read_summary_data(candidate) or {}
        return tuple(Finding.model_validate(finding) for finding in data.get("findings", ()))

    def is_finished(self, candidate: str) -> bool:
        """True if it was saved with a status in :data:`FINISHED`."""
        stored = self._stored(candidate)
        return stored is not None and stored.status in FINISHED

    def _stored(self, candidate: str) -> Candidate | None:
        return read_value(self.candidate_dir(candidate) / _SAVED, Candidate, "restore the file")

    def _refuse_finished(self, candidate: str) -> None:
        if self.is_finished(candidate):
            raise ValueError(f"{candidate} is finished and cannot change")

    # Fresh policies that judge one reward after the search -------------------------------------------

    def final_dir(self, candidate: str) -> Path:
        """The folder of a candidate's final trainings; RewardSynthError if the text is not an id."""
        return self.path / "final" / self.candidate_dir(candidate).name

    def final_train_dir(self, candidate: str, seed_index: int) -> Path:
        """The folder of one final training; it is not created here."""
        return self.final_dir(candidate) / f"seed-{seed_index}"

    def read_final_results(self, candidate: str) -> dict[int, TrainResult]:
        """The results of all finished final trainings, by seed index and in its order."""
        return _results(self.final_dir(candidate))

    def write_evaluation(self, evaluation: Evaluation) -> None:
        """Write the combined result of the final trainings again, after each seed that ends."""
        write_json(self.final_dir(evaluation.candidate) / "evaluation.json", evaluation.model_dump(mode="json"))

    def read_evaluation(self, candidate: str) -> Evaluation | None:
        """The combined result of the final trainings; None before the first one begins.

        :raises RewardSynthError: the file was changed.
        """
        return read_value(self.final_dir(candidate) / "evaluation.json", Evaluation)

    def evaluations(self) -> list[Evaluation]:
        """The evaluations of all candidates with at least one finished seed, in the candidates' order."""
        found = (self.read_evaluation(name) for name in self.candidate_ids())
        return [evaluation for evaluation in found if evaluation is not None and evaluation.seeds]


def _results(folder: Path) -> dict[int, TrainResult]:
    found = {
        int(path.parent.name.removeprefix("seed-")): read_whole(path, TrainResult)
        for path in folder.glob("seed-*/result.json")
    }
    return {index: result for index, result in sorted(found.items()) if result is not None}


def _order(name: str) -> tuple[int, int, str]:
    number, letters = name.split("-")
    return int(number), len(letters), letters


def _text_of(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None
