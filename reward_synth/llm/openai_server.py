"""A model behind an OpenAI-compatible server, asked without litellm, whose import takes seconds."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, Field

from reward_synth.core.errors import RewardSynthError
from reward_synth.llm.base import Count, Ending, Reply, Request
from reward_synth.llm.hosted import (
    OTHER_PROTOCOL,
    REASONING_ROOM,
    HostedModel,
    ending_of,
    in_full,
    joined,
    openai_messages,
    without_reasoning,
)
from reward_synth.llm.keys import key_for_server, scrub, without_own_keys
from reward_synth.llm.parallel import in_background
from reward_synth.llm.streamed import open_client

# Names that providers serve themselves. litellm knows which parameters these models refuse.
_OF_A_PROVIDER = re.compile(
    r"(ft:)?(gpt-(?!oss|j|neo)|chat(gpt|-latest)|o\d(-|$)|computer-use|davinci|babbage|claude-|gemini-)"
)
# A server that refuses one of these can answer without it. Without a limit, vLLM answers as long as its context allows.
_OPTIONAL = {
    "seed": r"\bseed\b",
    "temperature": r"\btemperature\b",
    "max_tokens": r"\bmax_(completion_|new_)?tokens\b|in the completion",
}
_LONGEST_TOKEN = 6
"""Characters. Texts in English have 4 to a token, code has fewer."""


def is_asked_directly(name: str) -> bool:
    """True if a model of that name at a ``--base-url`` needs no litellm: ``NAME`` or ``openai/NAME``.

    Another prefix may name a provider with a protocol of its own, which litellm decides.
    """
    bare = name.removeprefix("openai/")
    return (bare != name or "/" not in name) and not _OF_A_PROVIDER.match(bare)


@dataclass(eq=False)
class OpenAIServerModel(HostedModel):
    """A model behind an OpenAI-compatible server: Ollama, llama.cpp's server, vLLM, LM Studio and others.

    A parameter that the server does not know is left out from then on. A model that uses up its tokens on reasoning is
    asked once more with room for it. The price is unknown.

    :param name: the server's name of the model, with or without ``openai/`` before it.
    :param base_url: the server's address. Its key is ``REWARD_SYNTH_API_KEY``, or else ``OPENAI_API_KEY``, which is
        sent only over https or to this machine.
    :raises RewardSynthError: if the name is empty, or the address is none.
    """

    base_url: str

    def __post_init__(self) -> None:
        super().__post_init__()
        self._model = self.name.removeprefix("openai/")
        if not self._model:
            raise RewardSynthError("the model's name is empty", "name one that the server has: --model openai/NAME")
        _require_address(self.base_url)
        key = key_for_server(self.base_url, self._provider)
        # To import the client takes a second, which passes beside what comes before the first question.
        self._client = in_background(partial(open_client, key, self.base_url))
        self._left_out: set[str] = set()
        self._room = 0
        """Tokens for reasoning, beside those that a request asks for."""
        self._doubted = False

    def close(self) -> None:
        """Close the connections."""
        self._client.result().close()

    def _answer(self, request: Request) -> Reply:
        room = self._room
        answers = [self._patiently(request, lambda seconds: self._ask(request, room, seconds))]
        if room == 0 and answers[0].ended_in_reasoning:
            self._room = REASONING_ROOM
            answers.append(self._patiently(request, lambda seconds: self._ask(request, REASONING_ROOM, seconds)))
        choice = answers[-1].choices[0]
        self._doubt(request, answers[0])
        return Reply(
            text=without_own_keys(choice.text),
            ending=choice.ending,
            model=self.name,
            prompt_tokens=_total([answer.usage.prompt_tokens if answer.usage else None for answer in answers]),
            completion_tokens=_total([answer.usage.completion_tokens if answer.usage else None for answer in answers]),
        )

    def _doubt(self, request: Request, answer: _Completion) -> None:
        """Tell once if the server cannot have read the whole prompt: some drop its beginning without a word."""
        characters = sum(len(message.text) for message in request.messages)
        tokens = answer.usage.prompt_tokens if answer.usage else None
        if self._doubted or not tokens or characters <= _LONGEST_TOKEN * tokens:
            return
        self._doubted = True
        self.waiting.tell(
            f"{self.name} counts {tokens} tokens in a prompt of {characters} characters: its context may be too short "
            "for the prompt (Ollama: OLLAMA_CONTEXT_LENGTH; llama.cpp: --ctx-size)"
        )

    def _ask(self, request: Request, room: int, seconds: float) -> _Completion:
        """Make one call, and repeat it without the parameters that the server does not know."""
        import openai

        client = self._client.result()
        body: dict[str, Any] = {
            "model": self._model,
            "messages": openai_messages(request.messages),
            "temperature": request.temperature,
            "max_tokens": request.max_tokens + room,
            "seed": request.sample,
        }
        while True:
            body = {name: value for name, value in body.items() if name not in self._left_out}
            try:
                # The text itself, since the client's own types would cost half a second to import, and are stricter.
                options: Any = {"timeout": seconds}
                return self._read(client.post("/chat/completions", cast_to=str, body=body, options=options))
            except (openai.BadRequestError, openai.UnprocessableEntityError) as error:
                refused = _named_parameters(error) & body.keys()
                if not refused:
                    raise
                self._left_out.update(refused)

    def _read(self, text: str) -> _Completion:
        try:
            # Not by pydantic's own reader, which refuses an answer in which a character is cut in two.
            return _Completion.model_validate(json.loads(text.lstrip("\ufeff")))
        except (ValueError, RecursionError):
            start = " ".join(scrub(text).split())[:200]
            what = "a web page" if start.startswith("<") else start or "nothing"
            raise RewardSynthError(
                f"{self.name} sent no answer but {what}",
                OTHER_PROTOCOL,
            ) from None


# What an answer is worth does not depend on these, in which some servers put other things.
_Text = Annotated[str | None, BeforeValidator(lambda value: value if isinstance(value, str) else None)]


class _Answer(BaseModel):
    """An answer's message. Servers name the reasoning differently, and may leave it in the content, in tags."""

    content: object = None
    refusal: _Text = None
    reasoning_content: object = None
    reasoning: object = None

    @property
    def whole(self) -> str:
        return joined(self.content) or self.refusal or ""


class _Choice(BaseModel):
    message: _Answer
    finish_reason: _Text = None

    @property
    def text(self) -> str:
        return without_reasoning(self.message.whole)

    @property
    def reasoned(self) -> bool:
        message = self.message
        return bool(message.reasoning_content or message.reasoning or self.text != message.whole)

    @property
    def ending(self) -> Ending:
        refused = bool(self.message.refusal) and not joined(self.message.content)
        return ending_of(self.finish_reason, self.text, refused=refused, reasoned=self.reasoned)


class _Usage(BaseModel):
    prompt_tokens: Count = None
    completion_tokens: Count = None


class _Completion(BaseModel):
    """What is read of an answer. All else in it is ignored."""

    choices: list[_Choice] = Field(min_length=1)
    usage: Annotated[_Usage | None, BeforeValidator(lambda value: value if isinstance(value, dict) else None)] = None

    @property
    def ended_in_reasoning(self) -> bool:
        """True if reasoning took the tokens of the answer. A server may hide the reasoning altogether."""
        choice = self.choices[0]
        return choice.finish_reason == "length" and (choice.reasoned or not choice.text)


def _named_parameters(error: Exception) -> set[str]:
    """The optional parameters that a refusal names: in its field ``param``, or else somewhere in its words."""
    body = getattr(error, "body", None)
    param = body.get("param") if isinstance(body, Mapping) else None
    words = param if isinstance(param, str) else in_full(error)
    return {name for name, pattern in _OPTIONAL.items() if re.search(pattern, words, re.IGNORECASE)}


def _require_address(base_url: str) -> None:
    """Refuse what is no address at once: the client would report it as a server that cannot be reached."""
    try:
        address = urlsplit(base_url)
        fits = address.scheme in ("http", "https") and bool(address.hostname) and address.port != 0
    except ValueError:
        fits = False
    if not fits:
        raise RewardSynthError(f"--base-url {scrub(base_url)} is no address", "write http://HOST:PORT/v1")


def _total(counts: list[int | None]) -> int | None:
    """The sum; None if a count is unknown."""
    known = [count for count in counts if count is not None]
    return sum(known) if len(known) == len(counts) else None
