from __future__ import annotations

from reward_synth.llm.base import Ledgered, Reply
from reward_synth.llm.cache import Cached
from reward_synth.llm.fake import ScriptedModel

from .conftest import request


def test_the_sink_hears_which_replies_were_cached(tmp_path) -> None:
    heard: list[Reply] = []
    model = Ledgered(Cached(ScriptedModel(["one"], usd=0.5), tmp_path), lambda _, got: heard.append(got))
    model.complete_many([request(), request()])
    model.complete(request())
    assert sorted(reply.cached for reply in heard) == [False, True, True]


def test_the_sink_hears_of_every_call_in_order() -> None:
    heard = []
    model = Ledgered(ScriptedModel(["a", "b", "c"]), lambda asked, got: heard.append((asked.sample, got.text)))
    model.complete_many([request(sample=0), request(sample=1)])
    model.complete(request(sample=2))
    assert heard == [(0, "a"), (1, "b"), (2, "c")]
