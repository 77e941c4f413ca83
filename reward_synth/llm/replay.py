"""Recorded answers: a run with the same prompts gets the same answers, without a model."""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from reward_synth.core.errors import RewardSynthError
from reward_synth.core.files import append_line, read_lines, write_text
from reward_synth.core.types import Value
from reward_synth.llm.base import Ledgered, Message, Model, Reply, Request


class Recording(Value):
    """One recorded call: a line of the file, or a file of the folder."""

    role: str
    messages: tuple[Message, ...]
    sample: int = 0
    answer: str
    model: str = ""
    small: bool = False
    """True if a small model answered, from the short prompts."""
    prompt_tokens: int | None = None
    completion_tokens: int | None = None

    @property
    def key(self) -> str:
        """See :func:`prompt_key`."""
        return prompt_key(self.messages, self.sample)


def prompt_key(messages: tuple[Message, ...], sample: int) -> str:
    """SHA-256 (hex) of the messages' roles and contents and the sample's number.

    Temperature, token limit, grammar and model name are left out on purpose: a recording of one model must answer for
    any model.
    """
    content = [[[message.role, message.model_dump(mode="json")["content"]] for message in messages], sample]
    return hashlib.sha256(json.dumps(content, ensure_ascii=False).encode()).hexdigest()


class ReplayModel(Model):
    """A model that answers from recordings. An unseen prompt is an error, never a guess.

    :param path: a file with one :class:`Recording` per line as JSON, or a folder of ``*.json`` files with one each.
        If a prompt was recorded twice, the later recording answers.
    :raises RewardSynthError: if there is no recording, or a line cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.name = f"replay:{path}"
        self._path = path
        recordings = load_recordings(path)
        self.small = bool(recordings) and all(recording.small for recording in recordings)
        self._recordings = {recording.key: recording for recording in recordings}

    def complete(self, request: Request) -> Reply:
        """The recorded answer, free of charge and with the recorded token counts."""
        recording = self._recordings.get(prompt_key(request.messages, request.sample))
        if recording is None:
            raise self._unseen(request)
        tokens = recording.model_dump(include={"prompt_tokens", "completion_tokens"})
        return Reply(text=recording.answer, model=self.name, usd=0.0, **tokens)

    def _unseen(self, request: Request) -> RewardSynthError:
        asked = _text(request.messages)
        message = f"no recorded answer in {self._path} for this {request.role} prompt (sample {request.sample})"
        if not self._recordings:
            return RewardSynthError(f"{message}; the recording is empty", "record it anew with a live model")
        matcher = difflib.SequenceMatcher(autojunk=False)
        matcher.set_seq2(asked.splitlines())
        scores = []
        for recording in self._recordings.values():
            matcher.set_seq1(_text(recording.messages).splitlines())
            same = (recording.role == request.role, recording.sample == request.sample)
            scores.append(((matcher.ratio(), *same), recording))
        (likeness, *_), closest = max(scores, key=lambda score: score[0])
        closest_text = _text(closest.messages)
        same_text = "the messages are the same, the sample's number is not"
        where = same_text if closest_text == asked else _first_difference(closest_text, asked)
        return RewardSynthError(
            f"{message}; the closest recorded one is a {closest.role} prompt, sample {closest.sample}, "
            f"{likeness:.0%} of its lines equal: {where}",
            "prompts, task or settings have changed since the recording: record it anew, or use another --model",
        )


class Recorder(Ledgered):
    """A model whose calls are appended to a file that ``replay:FILE`` reads. Answers from a cache are left out.

    :param model: answers the requests.
    :param path: JSON lines, appended to, so that a resumed run adds to its recording. An existing folder gets one
        file per call instead.
    :param late: requests whose answers are to be recorded unless they are already.
    """

    def __init__(self, model: Model, path: Path, late: Sequence[Request] = ()) -> None:
        super().__init__(model, self._record)
        self._path = path
        keys = {prompt_key(request.messages, request.sample) for request in late}
        self._known = keys & {Recording.model_validate(line).key for line in read_lines(path)} if keys else set()

    def _record(self, request: Request, reply: Reply) -> None:
        if reply.cached:
            return
        recording = Recording(
            **request.model_dump(include={"role", "messages", "sample"}),
            **reply.model_dump(include={"model", "prompt_tokens", "completion_tokens"}),
            answer=reply.text,
            small=self.small,
        )
        if recording.key in self._known:
            return
        if self._path.is_dir():
            write_text(self._path / f"{recording.key}.json", recording.model_dump_json(indent=1) + "\n")
        else:
            append_line(self._path, recording.model_dump_json(), durable=True)


def load_recordings(path: Path) -> list[Recording]:
    """Read a recording, file or folder, in order.

    :raises RewardSynthError: it does not exist, or a line cannot be read; the error names file and line.
    """
    if path.is_dir():
        sources = [(str(file), file.read_text(encoding="utf-8")) for file in sorted(path.glob("*.json"))]
    elif path.is_file():
        lines = path.read_text(encoding="utf-8").split("\n")
        sources = [(f"{path}, line {number}", line) for number, line in enumerate(lines, 1) if line.strip()]
    else:
        hint = "replay:FILE needs a .jsonl file or a folder of recorded answers"
        raise RewardSynthError(f"no recording at {path}", hint)
    recordings = []
    for where, text in sources:
        try:
            recordings.append(Recording.model_validate_json(text))
        except ValidationError as error:
            problem = error.errors()[0]
            raise RewardSynthError(
                f"{where} is no recorded answer: {'.'.join(map(str, problem['loc'])) or 'line'}: {problem['msg']}",
                "each line is a JSON object with role, messages, sample and answer",
            ) from None
    return recordings


def _text(messages: tuple[Message, ...]) -> str:
    return "\n".join(f"{message.role}:\n{message.text}" for message in messages)


def _first_difference(recorded: str, asked: str) -> str:
    for line in difflib.ndiff(recorded.splitlines(), asked.splitlines()):
        if line.startswith(("- ", "+ ")):
            origin = "recorded" if line.startswith("- ") else "now asked"
            return f"first difference, {origin}: {line[2:].strip()[:160]!r}"
    return "they differ in line ends only"
