"""A person with a chat window: prompts go out as files, answers come back as files."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from reward_synth.core.files import write_bytes, write_text
from reward_synth.llm.base import Heard, Model, Reply, Request, Waiting, as_one_text, unheard


@dataclass(eq=False)
class ManualModel(Model):
    """A model that writes ``NNN-role.prompt.md`` and waits for a non-empty ``NNN-role.answer.md`` beside it.

    An answer counts once its size has not changed for ``settle`` seconds, because editors write in pieces. A prompt
    that has an answer already is not asked again, so a stopped run continues where it was. Tokens and price are None,
    since nobody knows them.
    """

    name = "manual"
    small = False

    directory: Path
    """Where the files go; made when first needed."""
    announce: Callable[[list[tuple[Path, Path]]], None] | None = None
    """Called once per call with the prompt files that wait and the files for the answers."""
    waiting: Waiting = field(default_factory=Waiting)
    """Its ``check`` is called at each poll."""
    poll: float = 0.5
    """Seconds between polls."""
    settle: float = 1.0
    """Seconds for which an answer's size must not change."""

    def complete_many(self, requests: list[Request], heard: Heard = unheard) -> list[Reply]:
        """Write all prompts at once, then wait until the last answer is there."""
        started = time.monotonic()
        pairs = self._write_prompts(requests)
        waiting = [pair for pair in pairs if not _has_text(pair[1])]
        if waiting and self.announce is not None:
            self.announce(waiting)
        replies = []
        for request, (_, answer) in zip(requests, pairs, strict=True):
            text = self._await(answer)
            replies.append(Reply(text=text, model=self.name, seconds=time.monotonic() - started))
            heard(request, replies[-1])
        return replies

    def _write_prompts(self, requests: list[Request]) -> list[tuple[Path, Path]]:
        """One (prompt, answer) pair of paths per request. A prompt that was written before keeps its file."""
        existing = sorted(self.directory.glob("*.prompt.md"))
        written = {path.read_text(encoding="utf-8"): path for path in reversed(existing)}
        number = max((int(path.name.split("-")[0]) for path in existing if path.name[:3].isdigit()), default=0)
        pairs = []
        for request in requests:
            text = _prompt_text(request)
            prompt = written.get(text)
            if prompt is None:
                number += 1
                prompt = self.directory / f"{number:03d}-{request.role}.prompt.md"
                write_text(prompt, text)
                _write_pictures(prompt, request)
                written[text] = prompt
            pairs.append((prompt, _answer_to(prompt)))
        return pairs

    def _await(self, answer: Path) -> str:
        size, since = -1, time.monotonic()
        while True:
            now = time.monotonic()
            current = answer.stat().st_size if _has_text(answer) else -1
            if current != size:
                size, since = current, now
            elif size > 0 and now - since >= self.settle:
                return answer.read_text(encoding="utf-8", errors="replace")
            self.waiting.check()
            time.sleep(min(self.poll, max(self.settle, 0.01)))


def open_prompts(directory: Path) -> dict[str, tuple[Path, Path]]:
    """Prompts without an answer, oldest first: by name (``001-designer``) the prompt's file and that of its answer."""
    pairs = ((prompt, _answer_to(prompt)) for prompt in sorted(directory.glob("*.prompt.md")))
    return {pair[0].name.removesuffix(".prompt.md"): pair for pair in pairs if not _has_text(pair[1])}


def _answer_to(prompt: Path) -> Path:
    return prompt.with_name(prompt.name.replace(".prompt.md", ".answer.md"))


def _has_text(path: Path) -> bool:
    try:
        return bool(path.read_bytes().strip())
    except OSError:
        return False


def _write_pictures(prompt: Path, request: Request) -> None:
    """Write the prompt's pictures beside it, ``001-critic.image-1.png``, with the numbers used in its text."""
    for message in request.messages:
        for number, image in enumerate(message.images, start=1):
            kind = image.media_type.rpartition("/")[2]
            name = prompt.name.replace(".prompt.md", f".image-{number}.{kind}")
            write_bytes(prompt.with_name(name), base64.b64decode(image.data))


def _prompt_text(request: Request) -> str:
    """The text that the person pastes. The sample's number makes the files of equal prompts differ."""
    # A longer conversation differs by its earlier answers, so it needs no number.
    longer = any(message.role == "assistant" for message in request.messages)
    draw = f"(Sample {request.sample + 1}: answer it afresh, without looking at the answers before.)"
    return as_one_text(request, draw if request.sample and not longer else "")
