from __future__ import annotations

import pytest

from reward_synth.llm.base import Reply
from reward_synth.llm.cache import Cached
from reward_synth.llm.fake import ScriptedModel
from reward_synth.llm.ledger import Ledger, Ledgered

from .conftest import request


def reply(usd: float | None = 0.5, tokens: int | None = 10, cached: bool = False) -> Reply:
    return Reply(
        text="x", model="m", prompt_tokens=tokens, completion_tokens=tokens, usd=usd, seconds=2.0, cached=cached
    )


def test_sums_by_role_and_candidate() -> None:
    ledger = Ledger()
    ledger.add(request(candidate="001-a"), reply())
    ledger.add(request(candidate="001-a", role="critic"), reply(usd=0.25))
    ledger.add(request(role="analyzer"), reply(usd=1.0))
    totals = ledger.totals()
    assert (totals.total.calls, totals.total.usd, totals.total.prompt_tokens, totals.total.seconds) == (
        3,
        1.75,
        30,
        6.0,
    )
    assert totals.by_candidate["001-a"].usd == pytest.approx(0.75)
    assert {role: account.calls for role, account in totals.by_role.items()} == {
        "designer": 1,
        "critic": 1,
        "analyzer": 1,
    }


def test_one_unknown_price_makes_the_sum_unknown_but_not_what_is_known() -> None:
    ledger = Ledger()
    ledger.add(request(), reply())
    ledger.add(request(role="critic"), reply(usd=None, tokens=None))
    ledger.add(request(), reply())
    totals = ledger.totals()
    assert totals.total.usd is None
    assert totals.total.known_usd == 1.0
    assert totals.total.prompt_tokens is None
    assert totals.by_role["designer"].usd == 1.0


def test_cached_replies_cost_nothing(tmp_path) -> None:
    ledger = Ledger()
    model = Ledgered(Cached(ScriptedModel(["one"], usd=0.5), tmp_path), ledger.add)
    model.complete_many([request(), request()])
    model.complete(request())
    total = ledger.totals().total
    assert (total.calls, total.cached, total.usd) == (3, 2, 0.5)
    assert total.completion_tokens == 1


def test_the_sink_hears_of_every_call_in_order() -> None:
    heard = []
    model = Ledgered(ScriptedModel(["a", "b", "c"]), lambda asked, got: heard.append((asked.sample, got.text)))
    model.complete_many([request(sample=0), request(sample=1)])
    model.complete(request(sample=2))
    assert heard == [(0, "a"), (1, "b"), (2, "c")]
