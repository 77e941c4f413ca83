"""A person with a chat window: prompts go out as files, answers come back as files."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from pathlib import Path

from reward_synth.core.errors import RewardSynthError
from reward_synth.core.files import write_bytes, write_text
from reward_synth.llm.base import Reply, Request


class ManualModel:
    """A model that writes ``NNN-role.prompt.md`` and waits until a non-empty ``NNN-role.answer.md`` lies beside it.

    An answer counts once its size has not changed for ``settle`` seconds, because editors and copies write in pieces. A
    prompt that has an answer already is not asked again, so a stopped run continues where it was. Tokens are None,
    since nobody counted them. The price is None too, since nobody knows what the person's chat window costs.

    :param directory: where the files go; made when first needed.
    :param announce: called once per call with the prompt files that wait and the files for the answers.
    :param stop: called at each poll; True ends the waiting with a :class:`RewardSynthError`.
    :param poll: seconds between polls.
    :param settle: seconds for which an answer's size must not change.
    :param timeout: seconds after which waiting ends with an error; None waits for ever.
    """

    name = "manual"
    small = False

    def __init__(
        self,
        directory: Path,
        *,
        announce: Callable[[list[tuple[Path, Path]]], None] | None = None,
        stop: Callable[[], bool] | None = None,
        poll: float = 0.5,
        settle: float = 1.0,
        timeout: float | None = None,
    ) -> None:
        self._directory = directory
        self._announce = announce
        self._stop = stop
        self._poll = poll
        self._settle = settle
        self._timeout = timeout

    def complete(self, request: Request) -> Reply:
        """Write one prompt and wait for its answer."""
        return self.complete_many([request])[0]

    def complete_many(self, requests: list[Request]) -> list[Reply]:
        """Write all prompts at once, then wait until the last answer is there."""
        started = time.monotonic()
        pairs = self._write_prompts(requests)
        waiting = [pair for pair in pairs if not _has_text(pair[1])]
        if waiting and self._announce is not None:
            self._announce(waiting)
        texts = {answer: self._await(answer, started) for _, answer in pairs}
        seconds = time.monotonic() - started
        return [
            Reply(
                text=texts[answer],
                model=self.name,
                prompt_tokens=None,
                completion_tokens=None,
                usd=None,
                seconds=seconds,
            )
            for _, answer in pairs
        ]

    def close(self) -> None:
        """Nothing to release; the files stay."""

    def _write_prompts(self, requests: list[Request]) -> list[tuple[Path, Path]]:
        """One (prompt, answer) pair of paths per request. A prompt that was written before keeps its file."""
        existing = sorted(self._directory.glob("*.prompt.md"))
        written = {path.read_text(encoding="utf-8"): path for path in reversed(existing)}
        number = max((int(path.name.split("-")[0]) for path in existing if path.name[:3].isdigit()), default=0)
        pairs = []
        for request in requests:
            text = _prompt_text(request)
            prompt = written.get(text)
            if prompt is None:
                number += 1
                prompt = self._directory / f"{number:03d}-{request.role}.prompt.md"
                write_text(prompt, text)
                _write_pictures(prompt, request)
                written[text] = prompt
            pairs.append((prompt, prompt.with_name(prompt.name.replace(".prompt.md", ".answer.md"))))
        return pairs

    def _await(self, answer: Path, started: float) -> str:
        size, since = -1, time.monotonic()
        while True:
            now = time.monotonic()
            current = answer.stat().st_size if _has_text(answer) else -1
            if current != size:
                size, since = current, now
            elif size > 0 and now - since >= self._settle:
                return answer.read_text(encoding="utf-8", errors="replace")
            if self._stop is not None and self._stop():
                raise RewardSynthError(
                    f"stopped while waiting for {answer}", "answer the prompt beside it, then resume the run"
                )
            if self._timeout is not None and now - started > self._timeout:
                raise RewardSynthError(
                    f"no answer in {answer} after {self._timeout:.0f} s", "put the model's answer there, then resume"
                )
            time.sleep(min(self._poll, max(self._settle, 0.01)))


def _has_text(path: Path) -> bool:
    try:
        return bool(path.read_bytes().strip())
    except OSError:
        return False


def _write_pictures(prompt: Path, request: Request) -> None:
    """The prompt's pictures beside it, ``001-critic.image-1.png``, numbered as its text numbers them."""
    for message in request.messages:
        for number, image in enumerate(message.images, start=1):
            kind = image.media_type.rpartition("/")[2]
            name = prompt.name.replace(".prompt.md", f".image-{number}.{kind}")
            write_bytes(prompt.with_name(name), base64.b64decode(image.data))


def _prompt_text(request: Request) -> str:
    """The text that the person pastes. The sample's number makes equal prompts different files."""
    parts = [message.text.strip() for message in request.messages if message.role == "system"]
    for message in request.messages:
        if message.role == "assistant":
            parts.append(f"(your earlier answer was)\n\n{message.text.strip()}")
        elif message.role == "user":
            parts.append(message.text.strip())
    if request.sample:
        parts.append(f"(draw {request.sample + 1}: a fresh chat for this one, please, without the answers before)")
    return "\n\n".join(parts) + "\n"
