"""Answers identical calls from disk: plain JSON, one file per request."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from pydantic import ValidationError

from reward_synth.core.files import write_text
from reward_synth.llm.base import CallsFailed, Model, Reply, Request, Wrapper


def request_key(model: str, request: Request) -> str:
    """Hash of everything that the answer depends on, 64 hex digits.

    The answer depends on the model's name, the messages, temperature, ``max_tokens``, the sample's number and the
    grammar. The role and the candidate only say who asked, so they are left out.
    """
    content = request.model_dump(mode="json", exclude={"role", "candidate"}) | {"model": model}
    return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


class Cached(Wrapper):
    """A model whose answers are kept in a folder, so that no request is made twice.

    A reply from the cache has ``cached=True`` and ``usd=0.0``, since this call cost nothing. A damaged file counts as
    missing and is rewritten.

    :param model: answers the requests that the folder lacks.
    :param directory: one ``<key>.json`` per request, see :func:`request_key`; made when first needed.
    :param endpoint: ``--base-url``, if any. The same name at two servers means two models.
    """

    def __init__(self, model: Model, directory: Path, endpoint: str | None = None) -> None:
        super().__init__(model)
        self._directory = directory
        self._identity = f"{model.name} at {endpoint}" if endpoint else model.name

    def complete_many(self, requests: list[Request]) -> list[Reply]:
        """Answer from the folder where possible; make the other requests in parallel, equal ones only once."""
        keys = [request_key(self._identity, request) for request in requests]
        known = {key: reply for key in keys if (reply := self._read(key)) is not None}
        missing = {key: request for key, request in zip(keys, requests, strict=True) if key not in known}
        if missing:
            known |= self._ask(missing, keys)
        replies = []
        for key in keys:
            replies.append(known[key])
            known[key] = _free(known[key])
        return replies

    def _ask(self, missing: dict[str, Request], keys: list[str]) -> dict[str, Reply]:
        """Make the missing requests and keep each answer, even if another call fails."""
        asked, failure = list(missing), None
        try:
            answers = dict(enumerate(self._model.complete_many(list(missing.values()))))
        except CallsFailed as error:
            answers, failure = error.finished, error
        for index, reply in answers.items():
            write_text(self._path(asked[index]), reply.model_dump_json(indent=1) + "\n")
        if failure is not None:
            raise CallsFailed(failure, {keys.index(asked[i]): reply for i, reply in answers.items()}) from failure
        return {asked[index]: reply for index, reply in answers.items()}

    def _path(self, key: str) -> Path:
        return self._directory / f"{key}.json"

    def _read(self, key: str) -> Reply | None:
        try:
            return _free(Reply.model_validate_json(self._path(key).read_text(encoding="utf-8")))
        except (OSError, UnicodeDecodeError, ValidationError):
            return None


def _free(reply: Reply) -> Reply:
    """The reply as a cached one: it took no time and cost nothing."""
    return reply.model_copy(update={"cached": True, "usd": 0.0, "seconds": 0.0})
