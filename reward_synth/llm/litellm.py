"""Any provider through litellm; the only module that imports it."""

from __future__ import annotations

import logging
import os
import re
import time
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from reward_synth.core.errors import RewardSynthError
from reward_synth.core.nearest import did_you_mean, nearest
from reward_synth.llm.base import Message, Model, Reply, Request, TextPart
from reward_synth.llm.keys import scrub
from reward_synth.llm.parallel import side_by_side

if TYPE_CHECKING:
    from tenacity import RetryCallState

_LOCAL_PROVIDERS = frozenset({"ollama", "ollama_chat", "lm_studio", "llamafile", "vllm", "hosted_vllm"})
# Hidden reasoning counts against the token limit. Without room for it the answer would be empty.
_REASONING_ROOM = 16_384
_LONGEST_WAIT = 300.0
_WORKERS = 8
_PREFIXES = re.compile(r"^(?:(?:litellm\.)?\w+(?:Error|Exception)\s*[:-]\s*)+")


@dataclass(eq=False)
class LiteLLMModel(Model):
    """A model of any provider, through litellm.

    The name and the key are checked when the object is made, before any call. After a rate limit, a server error, a
    timeout or a lost connection, the call is retried with growing pauses, or after the ``Retry-After`` that the server
    asks for. Any other error ends at once with a :class:`RewardSynthError` that holds no key.

    :param name: litellm's name of the model. With ``base_url``, a name without provider means an OpenAI-compatible
        server.
    :param base_url: another server. Its key is ``REWARD_SYNTH_API_KEY``, or else the provider's own key, which is sent
        only over https or to this machine. The price is then unknown, since that server sets its own.
    :raises RewardSynthError: if litellm does not know the name or the key is missing.
    """

    small = False

    name: str
    base_url: str | None = None
    attempts: int = 6
    """Calls made before giving up."""
    first_wait: float = 1.0
    """Seconds before the second attempt; doubled each time, with jitter."""
    timeout: float = 300.0
    """Seconds that one attempt may take."""

    def __post_init__(self) -> None:
        self._litellm = _import_litellm()
        self._full_name, self._provider = self._resolve()
        if self.base_url is None:
            self._require_key()

    def complete(self, request: Request) -> Reply:
        """Answer one request; retry after transient errors."""
        import openai
        from tenacity import Retrying, retry_if_exception, stop_after_attempt

        started = time.monotonic()
        retrying = Retrying(
            retry=retry_if_exception(self._may_pass),
            stop=stop_after_attempt(self.attempts),
            wait=self._pause,
            reraise=True,
        )
        try:
            response = retrying(self._litellm.completion, **self._arguments(request))
        except openai.OpenAIError as error:
            raise self._explain(error) from None
        return self._reply(response, time.monotonic() - started)

    def complete_many(self, requests: list[Request]) -> list[Reply]:
        """Answer several requests in parallel, in order."""
        return side_by_side(self.complete, requests, _WORKERS)

    def _resolve(self) -> tuple[str, str]:
        """The full name and the provider, as litellm reads the name."""
        import openai

        try:
            return self.name, str(self._litellm.get_llm_provider(self.name)[1])
        except openai.OpenAIError:
            if self.base_url is not None:
                return f"openai/{self.name}", "openai"
            close = nearest(self.name, self._litellm.model_list, count=3)
            meant = f"{did_you_mean(close)} " if close else ""
            raise RewardSynthError(
                f"unknown model {self.name}",
                f"{meant}give a litellm name such as gpt-5.4 or anthropic/claude-sonnet-5, or local, or manual; "
                "for a server of your own add --base-url",
            ) from None

    def _require_key(self) -> None:
        report = self._litellm.validate_environment(self.name)
        # litellm also lists addresses (OLLAMA_API_BASE), for which it has a default: they are not missing keys.
        missing = [name for name in report["missing_keys"] if not name.endswith(("_API_BASE", "_BASE_URL"))]
        if missing and not report["keys_in_environment"]:
            keys = " or ".join(missing) if self._provider == "gemini" else " and ".join(missing)
            raise RewardSynthError(
                f"model {self.name} needs {keys}",
                f"export {missing[0]}=…, or put it into a file .env here, or use --model local, which needs no key",
            )

    def _arguments(self, request: Request) -> dict[str, Any]:
        room = _REASONING_ROOM if self._litellm.supports_reasoning(self._full_name) else 0
        arguments: dict[str, Any] = {
            "model": self._full_name,
            "messages": [{"role": message.role, "content": _content(message)} for message in request.messages],
            "temperature": request.temperature,
            "max_tokens": request.max_tokens + room,
            "seed": request.sample,
            "timeout": self.timeout,
            # Not every model takes a seed or a temperature; unsupported parameters are left out.
            "drop_params": True,
            # We retry ourselves: retries of litellm and of the client would multiply ours.
            "num_retries": 0,
            "max_retries": 0,
        }
        if self.base_url is not None:
            arguments |= {"base_url": self.base_url, "api_key": self._endpoint_key(self.base_url)}
        return arguments

    def _endpoint_key(self, base_url: str) -> str:
        key, address = os.environ.get("REWARD_SYNTH_API_KEY"), urlsplit(base_url)
        if not key and (address.scheme == "https" or address.hostname in {"localhost", "127.0.0.1", "::1"}):
            key = os.environ.get(f"{self._provider.upper()}_API_KEY")
        return key or "none"

    def _may_pass(self, error: BaseException) -> bool:
        """True if the same call may succeed later."""
        import openai

        if isinstance(error, openai.RateLimitError):
            # OpenAI uses these words for an empty account, Google for a rate limit that ends within a minute.
            empty = "insufficient_quota" in str(error) or "check your plan and billing" in str(error)
            return not (empty and self._provider == "openai")
        lost = isinstance(error, openai.APIConnectionError)  # This includes timeouts.
        return lost or (isinstance(error, openai.OpenAIError) and _status(error) >= 500)

    def _pause(self, state: RetryCallState) -> float:
        """Seconds until the next attempt."""
        from tenacity import wait_random_exponential

        asked = _retry_after(state.outcome.exception() if state.outcome else None)
        if asked is not None:
            return min(asked, _LONGEST_WAIT)
        return wait_random_exponential(multiplier=self.first_wait, min=self.first_wait / 2, max=60.0)(state)

    def _reply(self, response: Any, seconds: float) -> Reply:
        try:
            text = response.choices[0].message.content or ""
        except (AttributeError, IndexError):
            raise RewardSynthError(
                f"model {self.name} sent an answer without a message",
                "the server does not speak the OpenAI protocol; check --base-url",
            ) from None
        usage = getattr(response, "usage", None)
        tokens: dict[str, Any] = {name: getattr(usage, name, None) for name in ("prompt_tokens", "completion_tokens")}
        return Reply(text=text, model=self.name, usd=self._price(response), seconds=seconds, **tokens)

    def _price(self, response: Any) -> float | None:
        if self.base_url is not None:
            return None
        try:
            usd = float(self._litellm.completion_cost(completion_response=response, model=self._full_name))
        # litellm raises a bare Exception for a model without a price, so the clause cannot be narrower.
        except Exception:  # noqa: BLE001
            return None
        # litellm records a call without a known price as 0.
        return usd if usd or self._provider in _LOCAL_PROVIDERS else None

    def _explain(self, error: Exception) -> RewardSynthError:
        """The error explained for a person, without any key in it."""
        import openai

        kinds = self._litellm.exceptions
        # litellm puts one or more class names before each message, and adds advice after the first line.
        detail = _PREFIXES.sub("", (scrub(str(error)).splitlines() or ["no details"])[0])[:400]
        key = f"{self._provider.upper()}_API_KEY" if self.base_url is None else "REWARD_SYNTH_API_KEY"
        if _status(error) in {401, 403}:
            what, hint = f"the provider of {self.name} refused the key", f"check {key}"
        elif _status(error) == 404:
            what = f"there is no model {self.name} for this key"
            hint = "check the name and --base-url; `reward-synth models ls` shows examples"
        elif isinstance(error, kinds.ContextWindowExceededError) or "maximum context length" in str(error):
            what, hint = f"the prompt is too long for {self.name}", "take a model with a larger context window"
        elif self._may_pass(error):
            what = f"no answer from {self.name} in {self.attempts} attempts; the last one"
            hint = "the provider is busy or cannot be reached: resume the run later, or take another --model"
        elif isinstance(error, openai.RateLimitError):
            what, hint = f"the account behind {key} has no credit left", "add credit, or take another --model"
        else:
            what = f"{self.name} refused the request"
            hint = "`reward-synth models test NAME` makes one tiny call"
        return RewardSynthError(f"{what}: {detail}", hint)


def _content(message: Message) -> str | list[dict[str, Any]]:
    """A message's content in OpenAI's format, which litellm translates for the others."""
    if isinstance(message.content, str):
        return message.content
    return [
        part.model_dump()
        if isinstance(part, TextPart)
        else {"type": "image_url", "image_url": {"url": f"data:{part.media_type};base64,{part.data}"}}
        for part in message.content
    ]


def _import_litellm() -> ModuleType:
    """Import litellm so that it uses no network, loads no ``.env`` by itself and prints nothing."""
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # Otherwise the import fetches prices.
    os.environ.setdefault("LITELLM_MODE", "PRODUCTION")  # Otherwise the import loads any .env.
    import litellm

    litellm.suppress_debug_info = True  # Otherwise it prints advice to stdout, where data belongs.
    for name in ("LiteLLM", "httpx"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    module: ModuleType = litellm
    return module


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


def price_per_token(name: str) -> tuple[float, float] | None:
    """Dollars per prompt token and per answer token by litellm's list of prices; None if the model is not in it."""
    prices = _import_litellm().model_cost
    known = prices.get(name) or prices.get(name.partition("/")[2]) or {}
    prompt, answer = known.get("input_cost_per_token"), known.get("output_cost_per_token")
    return (float(prompt), float(answer)) if prompt and answer else None
