"""A model behind a server: patience while the server is busy, and its errors in words."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from reward_synth.core.errors import RewardSynthError
from reward_synth.core.number_format import duration
from reward_synth.core.waiting import Deadline
from reward_synth.llm.base import Ending, Heard, Message, Model, Reply, Request, TextPart, Waiting, unheard, writable
from reward_synth.llm.keys import scrub
from reward_synth.llm.parallel import POLL, side_by_side, within

if TYPE_CHECKING:
    from tenacity import RetryCallState

Answer = TypeVar("Answer")

# Hidden reasoning counts against the token limit. Without room for it the answer would be empty.
REASONING_ROOM = 16_384
OTHER_PROTOCOL = "the server does not speak the OpenAI protocol; check --base-url, which often ends in /v1"
_WORKERS = 8
_NEVER = (501, 505)
"""Statuses above 500 that say that it will never work."""
_THINKING_TAGS = ("think", "thinking")
_PREFIXES = re.compile(r"^(?:(?:litellm\.)?\w+(?:Error|Exception)\s*[:-]\s*)+")


@dataclass(eq=False)
class HostedModel(Model):
    """What all models behind a server share. A subclass defines ``_answer``.

    After a rate limit, a server error, a timeout or a lost connection, the call is repeated with growing pauses, or
    after the ``Retry-After`` that the server asks for, as long as there is patience. Any other error ends at once with
    a :class:`RewardSynthError` that holds no key. Errors are those of the ``openai`` package, which litellm's are
    derived from.

    :param name: the model's name, as errors and replies show it.
    :param base_url: a server of the user's own; None is the provider's.
    """

    small = False

    name: str
    base_url: str | None
    waiting: Waiting = field(default_factory=Waiting)
    first_wait: float = 1.0
    """Seconds before the second attempt; doubled each time, with jitter."""

    def __post_init__(self) -> None:
        self._provider = "openai"
        self._told: set[tuple[int, str]] = set()
        """What was told of the present outage: calls side by side meet the same one."""

    def complete_many(self, requests: list[Request], heard: Heard = unheard) -> list[Reply]:
        """Answer several requests in parallel, in order."""
        return side_by_side(self._timed, requests, _WORKERS, heard, self.waiting.check)

    def _timed(self, request: Request) -> Reply:
        started = time.monotonic()
        return self._answer(request).model_copy(update={"seconds": time.monotonic() - started})

    def _answer(self, request: Request) -> Reply:
        """Answer one request with calls made by :meth:`_patiently`."""
        raise NotImplementedError

    def _patiently(self, request: Request, call: Callable[[float], Answer]) -> Answer:
        """Make the call, and make it again while that may help and there is patience.

        :param request: what the call asks, for the ledger.
        :param call: takes the seconds that it may last; may raise the errors of ``openai``.
        :raises RewardSynthError: it failed for good.
        """
        import openai
        from tenacity import Retrying, retry_if_exception

        patience, seconds, made = Deadline(self.waiting.patience), self.waiting.timeout, 0
        retrying = Retrying(
            retry=retry_if_exception(self._may_pass),
            stop=lambda state: patience.left <= state.upcoming_sleep,
            wait=self._pause,
            sleep=lambda asked: self._sleep(Deadline(asked, patience)),
            before_sleep=lambda state: self._tell(state, patience.left),
            reraise=True,
        )
        try:
            for attempt in retrying:
                with attempt:
                    self.waiting.check()
                    made += 1
                    answer = self._in_time(request, partial(call, seconds), seconds, patience)
                    self._told.clear()
                    return answer
                # A server that hangs is not given a whole timeout beyond the patience.
                seconds = min(self.waiting.timeout, max(patience.left, 1.0))
        except (openai.OpenAIError, TimeoutError) as error:
            raise self._explain(error, made) from None
        raise AssertionError("unreachable")

    def _in_time(self, request: Request, call: Callable[[], Answer], seconds: float, patience: Deadline) -> Answer:
        """The call's answer. A request that was sent and then given up is told: it may be billed all the same."""
        import openai

        with self.waiting.sending(request, self.name):
            try:
                return within(seconds, call, patience)
            except (TimeoutError, openai.APITimeoutError) as error:
                if type(error.__cause__).__name__ != "ConnectTimeout":
                    self.waiting.given_up(request, Reply(text="", model=self.name, seconds=seconds))
                raise

    def _sleep(self, deadline: Deadline) -> None:
        """Sleep, unless a limit of the run applies meanwhile."""
        while left := deadline.wait():
            self.waiting.check()
            time.sleep(min(left, POLL))

    def _tell(self, state: RetryCallState, left: float) -> None:
        """Say why there is no answer yet, and for how long patience lasts, once for all calls that met the same."""
        error = state.outcome.exception() if state.outcome else None
        said = _detail(error) if isinstance(error, Exception) else ""
        if (state.attempt_number, said) not in self._told:
            self._told.add((state.attempt_number, said))
            again = f"asked again in {duration(state.upcoming_sleep)}, given up in {duration(left)}"
            self.waiting.tell(f"no answer from {self.name} yet: {said}; {again}")

    def _may_pass(self, error: BaseException) -> bool:
        """True if the same call may succeed later."""
        import openai

        if isinstance(error, openai.RateLimitError):
            # OpenAI uses these words for an empty account, Google for a rate limit that ends within a minute.
            empty = "insufficient_quota" in in_full(error) or "check your plan and billing" in in_full(error)
            return not (empty and self._provider == "openai")
        if self._is_too_long(error) or self._is_unreadable(error) or _is_misled(error):
            return False
        lost = isinstance(error, openai.APIConnectionError | TimeoutError)  # The former includes timeouts, too.
        status = _status(error) if isinstance(error, openai.OpenAIError) else 0
        return lost or status == 408 or (status >= 500 and status not in _NEVER)

    def _pause(self, state: RetryCallState) -> float:
        """Seconds until the next attempt."""
        from tenacity import wait_random_exponential

        asked = _retry_after(state.outcome.exception() if state.outcome else None)
        if asked is not None:
            return max(asked, self.first_wait / 2)
        return wait_random_exponential(multiplier=self.first_wait, min=self.first_wait / 2, max=60.0)(state)

    def _is_unreadable(self, error: BaseException) -> bool:
        """True if the server answered in another form than the protocol's, and no error of its own says so."""
        return False

    def _is_too_long(self, error: BaseException) -> bool:
        """True if the prompt does not fit into the model's context."""
        words = r"context[ _](length|size|window)|when context the overflows"
        return bool(re.search(words, in_full(error), re.IGNORECASE))

    def _explain(self, error: Exception, made: int) -> RewardSynthError:
        """The error explained for a person, without any key in it.

        :param made: calls made.
        """
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
        elif self._is_unreadable(error) or _is_misled(error):
            what, hint = f"{self.name} sent no answer that can be read", OTHER_PROTOCOL
        elif self._may_pass(error):
            asked = _retry_after(error)
            later = f"; it asks to wait {duration(asked)}" if asked and asked >= self.waiting.patience else ""
            calls = f"{made} calls; the last one" if made > 1 else "one call"
            what = f"no answer from {self.name} with a patience of {duration(self.waiting.patience)}{later}, {calls}"
            hint = "the provider is busy or cannot be reached: resume the run later, or with a longer --patience"
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


def _is_misled(error: BaseException) -> bool:
    """True if the connection can never work: the address leads round in circles, or the certificate is wrong."""
    cause, words = error.__cause__, f"{error} {error.__cause__}"
    return type(cause).__name__ in ("TooManyRedirects", "UnsupportedProtocol") or (
        "CERTIFICATE_VERIFY_FAILED" in words or "redirect response" in words
    )


def _retry_after(error: BaseException | None) -> float | None:
    """The seconds that the server asks to wait, if it says so: as a number, or as a date."""
    headers = getattr(getattr(error, "response", None), "headers", None) or {}
    for source in (headers, getattr(error, "litellm_response_headers", None) or {}):
        text = str(source.get("retry-after") or "")
        try:
            return max(0.0, float(text))
        except ValueError:
            pass
        try:
            date = parsedate_to_datetime(text)
        except ValueError:
            continue
        return max(0.0, (date.replace(tzinfo=date.tzinfo or UTC) - datetime.now(UTC)).total_seconds())
    return None


def joined(content: object) -> str:
    """The text of an answer's content: text, or a list of parts, of which those that are no text are left out."""
    if not isinstance(content, list | tuple):
        return content if isinstance(content, str) else ""
    parts = [part if isinstance(part, Mapping) else {"text": part} for part in content]
    texts = [part.get("text") for part in parts if part.get("type", "text") in ("text", "output_text")]
    return "".join(text for text in texts if isinstance(text, str))


def without_reasoning(text: str) -> str:
    """The answer alone, of a text that may begin with reasoning in ``<think>`` tags.

    The opening tag may be missing, since some chat templates put it into the prompt. The closing tag is missing if the
    text was cut off; nothing of it is an answer then.
    """
    for tag in _THINKING_TAGS:
        before, closing, after = text.partition(f"</{tag}>")
        opened = before.lstrip().startswith(f"<{tag}>")
        if opened or (closing and f"<{tag}>" not in before):
            return after.lstrip()
    return text


def ending_of(finish_reason: str | None, text: str, *, refused: bool, reasoned: bool) -> Ending:
    """How an answer ended.

    :param text: the answer alone, without its reasoning.
    :param refused: the model said in so many words that it refuses.
    :param reasoned: there was reasoning beside the answer.
    """
    cut = finish_reason == "length"
    if finish_reason == "content_filter":
        return "filtered"
    if refused:
        return "refused"
    if not text.strip() and (reasoned or cut):
        return "only reasoning"
    return "cut off" if cut else "whole"


def in_full(error: BaseException) -> str:
    """What an error says and all that the server answered, which newer releases of openai leave out of the text."""
    body, text = getattr(error, "body", None), str(error)
    return f"{text} - {body}" if body and str(body) not in text else text


def _detail(error: Exception) -> str:
    """What the server said, in one line and without keys."""
    body = getattr(error, "body", None)
    said = body.get("message") if isinstance(body, Mapping) else body
    text = said if isinstance(said, str) and said else in_full(error)
    if text == "Connection error." and error.__cause__ is not None:
        text = f"no connection ({error.__cause__})"
    if text == "Request timed out.":
        text = "it took too long; --model-timeout gives it more"
    if text.lstrip().startswith("<"):
        return f"a web page with status {_status(error)}"
    # litellm puts one or more class names before each message, and adds advice after the first line.
    return _PREFIXES.sub("", (scrub(writable(text)).strip().splitlines() or ["no details"])[0])[:400]
