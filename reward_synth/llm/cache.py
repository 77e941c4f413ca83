"""Answers identical calls from disk: plain JSON, one file per request."""

from __future__ import annotations

import hashlib
import json
import uuid
from pathlib import Path

from pydantic import ValidationError

from reward_synth.core.files import write_text
from reward_synth.core.types import Value
from reward_synth.llm.base import Heard, Model, Reply, Request, Wrapper, unheard

_ARRIVED = ".arrived"


class Arrival(Value):
    """An answer that has arrived and may not be recorded and booked yet."""

    request: Request
    reply: Reply


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

    Each answer is kept in the thread that received it: first as an :class:`Arrival`, which stays until ``heard`` has
    recorded and booked it. Whatever ends the process in between, the next call gets this answer as a new one, under the
    same :attr:`~reward_synth.llm.base.Reply.call`.

    :param model: answers the requests that the folder lacks.
    :param directory: one ``<key>.json`` per request, see :func:`request_key`; made when first needed.
    :param endpoint: ``--base-url``, if any. The same name at two servers means two models.
    """

    def __init__(self, model: Model, directory: Path, endpoint: str | None = None) -> None:
        super().__init__(model)
        self._directory = directory
        self._identity = f"{model.name} at {endpoint}" if endpoint else model.name

    def complete_many(self, requests: list[Request], heard: Heard = unheard) -> list[Reply]:
        """Answer from the folder where possible; make the other requests in parallel, equal ones only once."""
        keys = [request_key(self._identity, request) for request in requests]
        first = dict(reversed(list(zip(keys, requests, strict=True))))
        known = {key: reply for key in first if (reply := self._kept(key, first[key], heard)) is not None}
        missing = {key: first[key] for key in dict.fromkeys(keys) if key not in known}

        def arrived(request: Request, reply: Reply) -> None:
            key = request_key(self._identity, request)
            arrival = Arrival(request=request, reply=reply.model_copy(update={"call": uuid.uuid4().hex}))
            write_text(self._path(key, _ARRIVED), arrival.model_dump_json(indent=1) + "\n")
            self._settle(key, request, arrival.reply, heard)

        answers = self._model.complete_many(list(missing.values()), arrived) if missing else []
        known |= dict(zip(missing, answers, strict=True))
        replies: list[Reply] = []
        for number, (key, request) in enumerate(zip(keys, requests, strict=True)):
            if key in keys[:number]:
                known[key] = _free(known[key])
                heard(request, known[key])
            replies.append(known[key])
        return replies

    def _kept(self, key: str, request: Request, heard: Heard) -> Reply | None:
        """The answer that the folder holds, after it was heard; None if it holds none."""
        if (arrival := _read_arrival(self._path(key, _ARRIVED))) is not None:
            self._settle(key, request, arrival.reply, heard)
            return arrival.reply
        try:
            reply = _free(Reply.model_validate_json(self._path(key).read_text(encoding="utf-8")))
        except (OSError, UnicodeDecodeError, ValidationError):
            return None
        heard(request, reply)
        return reply

    def unsettled(self) -> list[Request]:
        """Requests whose answers arrived and may not be booked: the process ended in between."""
        asked = arrived_requests(self._directory)
        return [each for path, each in asked if path == self._path(request_key(self._identity, each), _ARRIVED)]

    def _settle(self, key: str, request: Request, reply: Reply, heard: Heard) -> None:
        """Have the answer recorded and booked, and keep it for good."""
        heard(request, reply)
        write_text(self._path(key), reply.model_dump_json(indent=1) + "\n")
        self._path(key, _ARRIVED).unlink(missing_ok=True)

    def _path(self, key: str, ending: str = ".json") -> Path:
        return self._directory / f"{key}{ending}"


def arrived_requests(directory: Path) -> list[tuple[Path, Request]]:
    """The requests, of any model, whose answers arrived and may not be booked, and the files that say so."""
    found = ((path, _read_arrival(path)) for path in sorted(directory.glob(f"*{_ARRIVED}")))
    return [(path, arrival.request) for path, arrival in found if arrival is not None]


def _read_arrival(path: Path) -> Arrival | None:
    try:
        return Arrival.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, ValidationError):
        return None


def _free(reply: Reply) -> Reply:
    """The reply as a cached one: it took no time and cost nothing."""
    return reply.model_copy(update={"cached": True, "usd": 0.0, "seconds": 0.0, "call": ""})
