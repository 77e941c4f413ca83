"""``feedback/``: one file format for the terminal, the command line, the viewer and people with an editor.

The loop writes ``003.request.json``; an answer is ``003.answer.json``. A complete answer is never changed. Later
answers follow it as ``003.answer-2.json`` and so on.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from reward_synth.core.agreement import Agreements
from reward_synth.core.errors import RewardSynthError
from reward_synth.core.feedback import Feedback, FeedbackRequest, Moment
from reward_synth.core.files import read_json, write_json, write_new
from reward_synth.store.folder import RunFolder, read_value

_ANSWER = re.compile(r"(\d+)\.answer(?:-(\d+))?\.json")
_MOMENTS = re.compile(r"(\d+)\.moments-(\d+)\.json")
SETTLED = 10.0
"""Seconds after which nobody is still writing an answer."""
_EXAMPLE = '{"prefer": "003-b", "note": "…"}'


class FeedbackFiles(RunFolder):
    """Requests and answers of one run folder."""

    def request_path(self, iteration: int) -> Path:
        """The file of an iteration's request."""
        return self.feedback_dir / f"{iteration:03d}.request.json"

    def answer_path(self, iteration: int, follow_up: int = 1) -> Path:
        """The file of an answer; ``follow_up`` counts from 1."""
        suffix = "" if follow_up == 1 else f"-{follow_up}"
        return self.feedback_dir / f"{iteration:03d}.answer{suffix}.json"

    def write_request(self, request: FeedbackRequest) -> Path:
        """Write a request; returns its path. An existing one is kept, since somebody may be answering it."""
        path = self.request_path(request.iteration)
        if not path.exists():
            write_json(path, request.model_dump(mode="json"))
        return path

    def read_request(self, iteration: int) -> FeedbackRequest | None:
        """The request of an iteration, or None.

        :raises RewardSynthError: the file was changed.
        """
        return read_value(self.request_path(iteration), FeedbackRequest)

    def open_requests(self) -> list[int]:
        """Iterations whose question nobody has answered, oldest first."""
        asked = sorted(int(path.name.split(".")[0]) for path in self.feedback_dir.glob("*.request.json"))
        return [number for number in asked if not self.answer_path(number).exists()]

    def write_answer(self, iteration: int, feedback: Feedback) -> Path:
        """Add an answer; an earlier one is never overwritten. Returns the file written.

        A bare ``stop`` writes nothing, so that the resumed run asks again; the path of the request is returned.

        :raises RewardSynthError: it names an episode that the run has not recorded.
        """
        for episode in feedback.episodes:
            self.episode_path(episode)
        if feedback == Feedback(iteration=feedback.iteration, action="stop"):
            return self.request_path(iteration)
        text = json.dumps(feedback.model_dump(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"
        follow_up = 1
        while not write_new(self.answer_path(iteration, follow_up), text):
            follow_up += 1
        return self.answer_path(iteration, follow_up)

    def add_moments(self, iteration: int, moments: Sequence[Moment]) -> Path:
        """Keep notes about moments of films. They enter the next prompt, but answer no question. Returns the file.

        :raises RewardSynthError: one is about an episode that the run has not recorded.
        """
        for moment in moments:
            self.episode_path(moment.episode)
        text = Feedback(iteration=iteration, moments=tuple(moments)).model_dump_json(indent=2, exclude_defaults=True)
        number = 1
        while not write_new(self.feedback_dir / f"{iteration:03d}.moments-{number}.json", f"{text}\n"):
            number += 1
        return self.feedback_dir / f"{iteration:03d}.moments-{number}.json"

    def read_answer(self, iteration: int) -> Feedback | None:
        """The person's answer about an iteration, or None.

        If there are several answers, all notes, pairs and moments are joined, and for everything else the latest value
        counts.

        :raises RewardSynthError: a file cannot be understood.
        """
        return self._merged(iteration, self.answer_files())

    def _merged(self, iteration: int, files: Sequence[tuple[int, Path]]) -> Feedback | None:
        said = [_read(path, iteration) for number, path in files if number == iteration]
        if not said:
            return None
        merged: dict[str, object] = {"iteration": iteration}
        for answer in said:
            merged |= answer.model_dump(exclude_defaults=True)
        merged["action"] = said[-1].action
        merged["note"] = "\n\n".join(answer.note for answer in said if answer.note)
        merged["pairs"] = [pair for answer in said for pair in answer.pairs]
        merged["moments"] = [moment for answer in said for moment in answer.moments]
        return Feedback.model_validate(merged)

    def accepted(self) -> Feedback | None:
        """The person's last answer if it accepts a reward, whichever iteration it is about and however late it came."""
        files = self.answer_files()
        last = self._merged(files[-1][0], files) if files else None
        return last if last is not None and last.action == "accept" else None

    def answer_files(self) -> list[tuple[int, Path]]:
        """All answers with their iterations, follow-ups included, in the order of iteration and arrival.

        Answers that are still being written are left out: programs and editors write in pieces.
        """
        paths = (path for path in self.feedback_dir.glob("*.answer*.json") if not _is_being_written(path))
        found = [(path, _ANSWER.fullmatch(path.name)) for path in paths]
        numbered = [(int(match[1]), int(match[2] or 1), path) for path, match in found if match]
        return [(iteration, path) for iteration, _, path in sorted(numbered)]

    def write_agreements(self, agreements: Agreements) -> None:
        """Write how well the run's rewards agree with the answers."""
        write_json(self.agreements_path, agreements.model_dump(mode="json"))

    def read_agreements(self) -> Agreements | None:
        """How well the run's rewards agree with the answers; None before episodes were compared.

        :raises RewardSynthError: the file was changed.
        """
        return read_value(self.agreements_path, Agreements)

    def answers(self) -> tuple[Feedback, ...]:
        """All answers of the person in this run, and their notes about moments, which are not answers of their own.

        :raises RewardSynthError: an answer cannot be understood.
        """
        found = [(path, _MOMENTS.fullmatch(path.name)) for path in self.feedback_dir.glob("*.moments-*.json")]
        noted = sorted((int(match[1]), int(match[2]), path) for path, match in found if match)
        files = [*((iteration, path) for iteration, _, path in noted), *self.answer_files()]
        return tuple(_read(path, iteration) for iteration, path in sorted(files, key=lambda each: each[0]))


def _is_being_written(path: Path) -> bool:
    """True for a new file that is no JSON yet. A search asks several times a second, so older ones are not read."""
    if abs(time.time() - path.stat().st_mtime) >= SETTLED:
        return False
    try:
        read_json(path)
    except RewardSynthError:
        return True
    return False


def _read(path: Path, iteration: int) -> Feedback:
    data = read_json(path)
    try:
        if not isinstance(data, dict):
            raise RewardSynthError(f"{path} must hold a JSON object", f"for example {_EXAMPLE}")
        return Feedback.model_validate({"iteration": iteration} | data)
    except ValidationError as error:
        fault = error.errors()[0]
        key = ".".join(str(part) for part in fault["loc"])
        known = ", ".join(name for name in Feedback.model_fields if name != "iteration")
        raise RewardSynthError(f"{path}: '{key}': {fault['msg']}", f"known keys: {known}") from error
