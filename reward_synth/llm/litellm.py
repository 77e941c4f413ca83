"""Any provider through litellm; the only module that imports it."""

from __future__ import annotations

import logging
import os
import re
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from reward_synth.core.errors import RewardSynthError
from reward_synth.core.nearest import did_you_mean, nearest
from reward_synth.llm.base import Reply, Request
from reward_synth.llm.hosted import (
    REASONING_ROOM,
    HostedModel,
    ending_of,
    joined,
    openai_messages,
    without_reasoning,
)
from reward_synth.llm.keys import key_for_server, without_own_keys
from reward_synth.llm.streamed import open_client

_LOCAL_PROVIDERS = frozenset({"ollama", "ollama_chat", "lm_studio", "llamafile", "vllm", "hosted_vllm"})
# litellm calls these a fault of the server, with status 500.
_UNREADABLE = re.compile(
    r"Received response - <APIResponse \[2|Empty or invalid response from LLM endpoint|"
    r"Invalid response object|provider returned (a response with no )?'choices'"
)


@dataclass(eq=False)
class LiteLLMModel(HostedModel):
    """A model of any provider, through litellm.

    The name and the key are checked when the object is made, before any call.

    :param name: litellm's name of the model.
    :param base_url: another server. Its key is ``REWARD_SYNTH_API_KEY``, or else the provider's own key, which is sent
        only over https or to this machine. The price is then unknown, since that server sets its own.
    :raises RewardSynthError: if litellm does not know the name or the key is missing.
    """

    base_url: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self._litellm = _import_litellm()
        self._full_name, self._provider = self._resolve()
        self._client = None
        if self.base_url is None:
            self._require_key()
        elif self._provider == "openai":
            self._client = open_client(key_for_server(self.base_url, self._provider), self.base_url)

    def _answer(self, request: Request) -> Reply:
        arguments = self._arguments(request)
        answer = self._patiently(request, lambda seconds: self._litellm.completion(**arguments, timeout=seconds))
        return self._reply(answer)

    def _resolve(self) -> tuple[str, str]:
        """The full name and the provider, as litellm reads the name."""
        import openai

        try:
            return self.name, str(self._litellm.get_llm_provider(self.name)[1])
        except openai.OpenAIError:
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
        room = REASONING_ROOM if self._litellm.supports_reasoning(self._full_name) else 0
        arguments: dict[str, Any] = {
            "model": self._full_name,
            "messages": openai_messages(request.messages),
            "temperature": request.temperature,
            "max_tokens": request.max_tokens + room,
            "seed": request.sample,
            # Not every model takes a seed or a temperature; unsupported parameters are left out.
            "drop_params": True,
            # We retry ourselves: retries of litellm and of the client would multiply ours.
            "num_retries": 0,
            "max_retries": 0,
        }
        if self.base_url is not None:
            arguments |= {"base_url": self.base_url, "api_key": key_for_server(self.base_url, self._provider)}
        if self._client is not None:
            arguments["client"] = self._client
        return arguments

    def _reply(self, response: Any) -> Reply:
        try:
            choice, message = response.choices[0], response.choices[0].message
            whole = joined(message.content)
        except (AttributeError, IndexError):
            raise RewardSynthError(
                f"model {self.name} sent an answer without a message",
                "the server does not speak the OpenAI protocol; check --base-url",
            ) from None
        usage = getattr(response, "usage", None)
        tokens: dict[str, Any] = {name: getattr(usage, name, None) for name in ("prompt_tokens", "completion_tokens")}
        refusal = "" if whole else str(getattr(message, "refusal", None) or "")
        text = without_reasoning(whole)
        reasoned = bool(getattr(message, "reasoning_content", None)) or text != whole
        ending = ending_of(choice.finish_reason, text, refused=bool(refusal), reasoned=reasoned)
        text = without_own_keys(text or refusal)
        return Reply(text=text, ending=ending, model=self.name, usd=self._price(response), **tokens)

    def _price(self, response: Any) -> float | None:
        if self.base_url is not None:
            return None
        try:
            usd = float(self._litellm.completion_cost(completion_response=response, model=self._full_name))
        # litellm raises a bare Exception for a model without a price, so the clause cannot be narrower.
        except Exception:  # noqa: BLE001
            return None
        # litellm records a call without a known price as 0, and a price below 0 for a count of tokens that is none.
        return usd if usd > 0 or self._provider in _LOCAL_PROVIDERS else None

    def _is_unreadable(self, error: BaseException) -> bool:
        return bool(_UNREADABLE.search(str(error)))

    def _is_too_long(self, error: BaseException) -> bool:
        return isinstance(error, self._litellm.exceptions.ContextWindowExceededError) or super()._is_too_long(error)


def has_provider(name: str) -> bool:
    """True if litellm reads a provider in the name."""
    import openai

    try:
        return bool(_import_litellm().get_llm_provider(name))
    except openai.OpenAIError:
        return False


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


def price_per_token(name: str) -> tuple[float, float] | None:
    """Dollars per prompt token and per answer token by litellm's list of prices; None if the model is not in it."""
    prices = _import_litellm().model_cost
    known = prices.get(name) or prices.get(name.partition("/")[2]) or {}
    prompt, answer = known.get("input_cost_per_token"), known.get("output_cost_per_token")
    return (float(prompt), float(answer)) if prompt and answer else None
