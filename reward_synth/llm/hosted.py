"""A model behind a server: patience while the server is busy, and its errors in words."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from reward_synth.core.errors import RewardSynthError
from reward_synth.llm.base import Message, Model, Reply, Request, TextPart
from reward_synth.llm.keys import scrub
from reward_synth.llm.parallel import side_by_side

if TYPE_CHECKING:
    from tenacity import RetryCallState

Answer = TypeVar("Answer")

# Hidden reasoning counts against the token limit. Without room for it the answer would be empty.
REASONING_ROOM = 16_384
_LONGEST_WAIT = 300.0
_WORKERS = 8
_PREFIXES = re.compile(r"^(?:(?:litellm\.)?\w+(?:Error|Exception)\s*[:-]\s*)+")


@dataclass(eq=False)
class HostedModel(Model):
    """What all models behind a server share. A subclass defines ``_answer``.

    After a rate limit, a server error, a timeout or a lost connection, the call is retried with growing pauses, or
    after the ``Retry-After`` that the server asks for. Any other error ends at once with a :class:`RewardSynthError`
    that holds no key. Errors are those of the ``openai`` package, which litellm's are derived from.

    :param name: the model's name, as errors and replies show it.
    :param base_url: a server of the user's own; None is the provider's.
    """

    small = False

    name: str
    base_url: str | None
    attempts: int = 6
    """Calls made before giving up."""
    first_wait: float = 1.0
    """Seconds before the second attempt; doubled each time, with jitter."""
    timeout: float = 300.0
    """Seconds that one attempt may take."""

    def __post_init__(self) -> None:
        self._provider = "openai"

    def complete(self, request: Request) -> Reply:
        """Answer one request; retry after transient errors."""
        import openai

        started = time.monotonic()
        try:
            reply = self._answer(request)
        except openai.OpenAIError as error:
            raise self._explain(error) from None
        return reply.model_copy(update={"seconds": time.monotonic() - started})

    def complete_many(self, requests: list[Request]) -> list[Reply]:
        """Answer several requests in parallel, in order."""
        return side_by_side(self.complete, requests, _WORKERS)

    def _answer(self, request: Request) -> Reply:
        """Answer one request with calls made by :meth:`_patiently`; may raise the errors of ``openai``."""
        raise NotImplementedError

    def _patiently(self, call: Callable[[], Answer]) -> Answer:
        """Make the call, and make it again while that may help."""
        from tenacity import Retrying, retry_if_exception, stop_after_attempt

        retrying = Retrying(
            retry=retry_if_exception(self._may_pass),
            stop=stop_after_attempt(self.attempts),
            wait=self._pause,
            reraise=True,
        )
        return retrying(call)

    def _may_pass(self, error: BaseException) -> bool:
        """True if the same call may succeed later."""
        import openai

        if isinstance(error, openai.RateLimitError):
            # OpenAI uses these words for an empty account, Google for a rate limit that ends within a minute.
            empty = "insufficient_quota" in str(error) or "check your plan and billing" in str(error)
            return not (empty and self._provider == "openai")
        lost = isinstance(error, openai.APIConnectionError)  # This includes timeouts.
        return lost or (isinstance(error, openai.OpenAIError) and (_status(error) >= 500 or _status(error) == 408))

    def _pause(self, state: RetryCallState) -> float:
        """Seconds until the next attempt."""
        from tenacity import wait_random_exponential

        asked = _retry_after(state.outcome.exception() if state.outcome else None)
        if asked is not None:
            return min(asked, _LONGEST_WAIT)
        return wait_random_exponential(multiplier=self.first_wait, min=self.first_wait / 2, max=60.0)(state)

    def _is_too_long(self, error: Exception) -> bool:
        """True if the prompt does not fit into the model's context."""
        return bool(re.search(r"context_length_exceeded|maximum context length|available context size", str(error)))

    def _explain(self, error: Exception) -> RewardSynthError:
        """The error explained for a person, without any key in it."""
        import openai

        key = f"{self._provider.upper()}_API_KEY" if self.base_url is None else "REWARD_SYNTH_API_KEY"
        if _status(error) in {401, 403}:
            what, hint = f"the provider of {self.name} refused the key", f"check {key}"
        elif _status(error) == 404 and self.base_url is not None:
            what, hint = (
                f"the server has no model {self.name}",
                "check the name, and --base-url, which often ends in /v1",
            )
        elif _status(error) == 404:
            what = f"there is no model {self.name} for this key"
            hint = "check the name; `reward-synth models ls` shows examples"
        elif self._is_too_long(error):
            what, hint = f"the prompt is too long for {self.name}", "take a model with a larger context window"
        elif self._may_pass(error):
            what = f"no answer from {self.name} in {self.attempts} attempts; the last one"
            hint = "the provider is busy or cannot be reached: resume the run later, or take another --model"
        elif isinstance(error, openai.RateLimitError):
            what, hint = f"the account behind {key} has no credit left", "add credit, or take another --model"
        else:
            what = f"{self.name} refused the request"
            hint = "`reward-synth models test NAME` makes one tiny call"
        return RewardSynthError(f"{what}: {_detail(error)}", hint)


def openai_messages(messages: tuple[Message, ...]) -> list[dict[str, Any]]:
    """Messages in OpenAI's format, which litellm translates for the others."""
    return [{"role": message.role, "content": _content(message)} for message in messages]


def _content(message: Message) -> str | list[dict[str, Any]]:
    if isinstance(message.content, str):
        return message.content
    return [
        part.model_dump()
        if isinstance(part, TextPart)
        else {"type": "image_url", "image_url": {"url": f"data:{part.media_type};base64,{part.data}"}}
        for part in message.content
    ]


def _status(error: BaseException) -> int:
    """The HTTP status, 0 if there is none. litellm's error class does not always match the status."""
    status = getattr(error, "status_code", None)
    return status if isinstance(status, int) else 0


def _retry_after(error: BaseException | None) -> float | None:
    """The seconds that the server asks to wait, if it gives a number."""
    headers = getattr(getattr(error, "response", None), "headers", None) or {}
    for source in (headers, getattr(error, "litellm_response_headers", None) or {}):
        try:
            return max(0.0, float(source["retry-after"]))
        except (KeyError, ValueError):
            continue
    return None


def _detail(error: Exception) -> str:
    """What the server said, in one line and without keys."""
    body = getattr(error, "body", None)
    said = body.get("message") if isinstance(body, Mapping) else body
    text = said if isinstance(said, str) and said else str(error)
    if text == "Connection error." and error.__cause__ is not None:
        text = f"no connection ({error.__cause__})"
    if text.lstrip().startswith("<"):
        return f"a web page with status {_status(error)}"
    # litellm puts one or more class names before each message, and adds advice after the first line.
    return _PREFIXES.sub("", (scrub(text).strip().splitlines() or ["no details"])[0])[:400]
