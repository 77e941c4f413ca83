"""Every paid answer is kept, recorded and booked once, whatever ends the process, and no call is made past a limit."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from reward_synth.api.lifecycle import worked
from reward_synth.core.errors import RewardSynthError, Stopped
from reward_synth.core.files import read_lines
from reward_synth.events.model import StatusChanged
from reward_synth.llm import Message, Request
from reward_synth.llm import parallel as side
from reward_synth.llm.base import Reply
from reward_synth.llm.cache import Cached
from reward_synth.llm.fake import ScriptedModel
from reward_synth.llm.replay import Recording
from reward_synth.search.limits import Limits
from reward_synth.search.models import ModelPool
from reward_synth.settings.model import Settings
from reward_synth.store import RunStore, given_up_in_words
from reward_synth.store.manifest import now
from tests.llm.conftest import ChatServer

CHILD = """
import sys
from pathlib import Path
from tests.search.test_models import asked, pool
from reward_synth.store import RunStore
asked(pool(RunStore.open(Path(sys.argv[1]))), int(sys.argv[2]))
"""


def pool(store: RunStore) -> ModelPool:
    return ModelPool(store, store.settings(), lambda event: None, time.monotonic())


def asked(models: ModelPool, count: int = 4) -> list[str]:
    requests = [
        Request(messages=(Message(role="user", content=f"number {n}"),), role="designer", candidate=f"001-{n}")
        for n in range(count)
    ]
    try:
        return [reply.text for reply in models.of("designer").complete_many(requests)]
    finally:
        models.close()


def store_for(server: ChatServer, tmp_path: Path, **settings: object) -> RunStore:
    values = {"model": "openai/m", "base_url": server.url} | settings
    return RunStore.create(tmp_path, "balance", Settings.model_validate(values))


def kept(store: RunStore) -> tuple[list[str], list[str], list[str]]:
    """The answers in the cache and in the recording, and the candidates that were booked."""
    cached = [record["text"] for path in store.call_cache.glob("*.json") for record in [*read_json(path)]]
    recorded = [record["answer"] for record in read_lines(store.recording_path)]
    paid = [str(line.candidate) for line in store.costs() if not line.cached]
    return sorted(cached), sorted(recorded), sorted(paid)


def read_json(path: Path) -> list[dict[str, str]]:
    import json

    return [json.loads(path.read_text())]


def wait_for(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 200
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_kill_while_one_of_four_answers_is_slow_loses_none_of_the_others(
    chat_server: ChatServer, tmp_path: Path
) -> None:
    chat_server.script = [{"text": "<echo>"}] * 3 + [{"text": "<echo>", "answered": 99}, {"text": "<echo>"}]
    store = store_for(chat_server, tmp_path)
    # Python does not look for modules in the working directory where a simulator has asked it not to.
    found = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(store.path), "4"], env=found)
    try:
        wait_for(lambda: len(kept(store)[0]) == 3 or child.poll() is not None)
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
    texts, recorded, booked = kept(store)
    assert len(texts) == 3 and recorded == texts and len(booked) == 3
    slow = next(name for name in (f"001-{n}" for n in range(4)) if name not in booked)
    assert asked(pool(store)) == [f"number {n}" for n in range(4)]
    assert len(chat_server.calls) == 5, "only the slow one is asked again"
    texts, recorded, booked = kept(store)
    assert texts == recorded == [f"number {n}" for n in range(4)]
    assert booked == [f"001-{n}" for n in range(4)]
    lost = store.given_up()
    assert [(each.candidate, each.model, each.seconds) for each in lost] == [(slow, "openai/m", 0.0)]
    assert given_up_in_words(lost) == "1 request was given up: the provider may bill it"
    assert not list(store.call_cache.glob("*.sent"))


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize(
    "where",
    [
        "reward_synth.llm.replay.append_line",
        "reward_synth.store.journal.append_line",
        "reward_synth.llm.cache.Cached._path",
    ],
)
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_an_answer_that_was_not_booked_to_the_end_is_booked_once(
    chat_server: ChatServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str, after: bool
) -> None:
    """The process ends before or after each of the writes."""
    store = store_for(chat_server, tmp_path)
    module, _, name = where.rpartition(".")
    owner = Cached if module.endswith("Cached") else sys.modules[module]
    real = getattr(owner, name)

    def ends(*arguments: object, **options: object) -> object:
        settling = owner is not Cached or (len(arguments) == 2 and len(list(store.call_cache.glob("*.arrived"))) == 1)
        if settling and not after:
            raise Killed
        done = real(*arguments, **options)
        if settling:
            raise Killed
        return done

    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr(owner, name, ends)
        asked(pool(store), 1)
    models = pool(store)
    models.of("designer")
    assert kept(store) == (["hello"], ["hello"], ["001-0"]), "a resumed run books it before it asks"
    assert asked(models, 1) == ["hello"]
    assert len(chat_server.calls) == 1
    assert len(store.costs()) == 2 and store.costs()[1].cached
    assert not store.given_up()


def test_answers_of_a_full_disk_are_recorded_once_there_is_room(
    chat_server: ChatServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise RewardSynthError("no space left on the disk")

    store = store_for(chat_server, tmp_path)
    with monkeypatch.context() as patched, pytest.raises(RewardSynthError, match="no space"):
        patched.setattr("reward_synth.llm.replay.append_line", full)
        asked(pool(store), 1)
    assert asked(pool(store), 1) == ["hello"]
    assert kept(store) == (["hello"], ["hello"], ["001-0"])


def test_a_request_that_failed_is_not_under_way(chat_server: ChatServer, tmp_path: Path) -> None:
    chat_server.script = [{"status": 401}]
    store = store_for(chat_server, tmp_path)
    with pytest.raises(RewardSynthError, match="refused the key"):
        asked(pool(store), 1)
    assert not store.given_up() and not list(store.call_cache.glob("*.sent"))


# Limits ---------------------------------------------------------------------------------------------------------------


def test_a_stop_is_seen_while_a_model_does_not_answer(
    chat_server: ChatServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(side, "GRACE", 0.5)
    chat_server.script = [{"answered": 99}]
    store = store_for(chat_server, tmp_path)
    models = pool(store)
    import threading

    threading.Thread(
        target=lambda: (wait_for(lambda: len(chat_server.calls) == 4), store.request_stop()), daemon=True
    ).start()
    with pytest.raises(Stopped, match="stop was requested"):
        asked(models)
    assert len(chat_server.calls) == 4
    assert sorted(str(line.candidate) for line in store.given_up()) == [f"001-{n}" for n in range(4)]
    assert all(line.seconds > 0 for line in store.given_up()), "they were sent, and may be billed"


def test_answers_under_way_are_awaited_and_booked_before_a_stop(chat_server: ChatServer, tmp_path: Path) -> None:
    store = store_for(chat_server, tmp_path)
    chat_server.script = [{"asked": 4, "then": store.request_stop}, {"asked": 4}]
    with pytest.raises(Stopped, match="stop was requested"):
        asked(pool(store))
    assert len(kept(store)[2]) == 4
    with pytest.raises(Stopped):
        asked(pool(store), 9)
    assert len(chat_server.calls) == 4, "none is paid after it"


def test_a_request_that_is_given_up_is_booked_as_one_and_a_limit_is_asked_before_the_next(
    chat_server: ChatServer, tmp_path: Path
) -> None:
    chat_server.script = [{"answered": 2}, {"answered": 2}, {}]
    store = store_for(chat_server, tmp_path, model_timeout=1.0)
    assert asked(pool(store), 1) == ["hello"]
    (line,) = store.costs()
    lines = [json.loads(text) for text in store.costs_path.read_text().splitlines()]
    assert [each.get("given_up") for each in lines] == [True, True, None], "earlier versions know no such field"
    assert (line.completion_tokens, line.given_up) == (3, False)
    lost = store.given_up()
    assert [(each.role, each.candidate, each.model) for each in lost] == [("designer", "001-0", "openai/m")] * 2
    assert all((each.prompt_tokens, each.usd, each.seconds) == (None, None, 1.0) for each in lost)
    assert given_up_in_words(lost) == "2 requests were given up after 1 s: the provider may bill them"
    chat_server.script = [{"answered": 99}]
    store.update(seconds=100.0)
    limited = pool(RunStore.open(store.path))
    limited.limits = Limits(store, store.settings().model_copy(update={"time_limit": 100.5}), time.monotonic())
    with pytest.raises(Stopped, match="time limit"):
        asked(limited, 2)
    assert len(chat_server.calls) <= 5, "none is asked again"


def test_what_was_given_up_leaves_the_dollars_known(tmp_path: Path) -> None:
    store = RunStore.create(tmp_path, "balance", Settings(model="scripted", budget=1.0))
    request = Request(messages=(Message(role="user", content="x"),), role="designer")
    store.cost(request, Reply(text="", model="m", usd=0.25))
    store.cost(request, Reply(text="", model="m", seconds=300.0), given_up=True)
    assert store.spent_usd() == 0.25 and pool(store).limits.reason() is None
    assert given_up_in_words(store.given_up()) == "1 request was given up after 5 min 00 s: the provider may bill it"


def test_an_outage_ends_with_the_time_limit(chat_server: ChatServer, tmp_path: Path) -> None:
    chat_server.script = [{"status": 503, "body": {"error": {"message": "overloaded"}}}]
    with pytest.raises(Stopped, match=r"time limit \(1 s"):
        asked(pool(store_for(chat_server, tmp_path, time_limit=1.0)))


def test_the_time_limit_counts_earlier_sessions(chat_server: ChatServer, tmp_path: Path) -> None:
    store = store_for(chat_server, tmp_path, time_limit=100.0)
    assert pool(store).limits.reason() is None
    store.update(seconds=100.0)
    assert "time limit (1 min 40 s of work on the run; a longer --time-limit" in str(pool(store).limits.reason())


def test_no_further_call_of_a_batch_is_paid_past_the_budget(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from reward_synth.llm.parallel import side_by_side

    class Paid(ScriptedModel):
        check: Callable[[], None]

        def complete_many(self, requests, heard):  # type: ignore[no-untyped-def]
            return side_by_side(self.complete, requests, 1, heard, self.check)

    model = Paid(lambda asked: "yes", usd=0.25)

    def opened(name, **options):  # type: ignore[no-untyped-def]
        model.check = options["waiting"].check
        return model

    monkeypatch.setattr("reward_synth.search.models.open_model", opened)
    store = RunStore.create(tmp_path, "balance", Settings(model="scripted", budget=0.5))
    with pytest.raises(Stopped, match=r"budget \(\$0.50, spent \$0.50\)"):
        asked(pool(store), 8)
    assert len(model.requests) == 2
    assert store.spent_usd() == 0.5


def test_a_run_keeps_its_default_model_where_other_keys_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = iter(["first", "second", "third"])
    monkeypatch.setattr("reward_synth.search.models.default_model", lambda: (next(names), "its key is set"))
    opened: list[str] = []

    def open_one(name: str, **_: object) -> ScriptedModel:
        opened.append(name)
        return ScriptedModel(lambda request: "yes")

    monkeypatch.setattr("reward_synth.search.models.open_model", open_one)
    store = RunStore.create(tmp_path, "balance", Settings())
    pool(store).of("designer")
    for _ in range(2):
        asked(pool(store), 1)
    assert opened == ["first", "second", "second"], "one that has answered nothing is not kept"
    assert (store.settings().model, store.info.model) == ("second", "second")


def test_recorded_and_typed_answers_are_booked_once_too(tmp_path: Path) -> None:
    said = Recording(role="designer", messages=(Message(role="user", content="number 0"),), answer="yes")
    (tmp_path / "said.jsonl").write_text(said.model_dump_json() + "\n")
    for name in (f"replay:{tmp_path / 'said.jsonl'}", "manual"):
        store = RunStore.create(tmp_path / "runs", "balance", Settings(model=name))
        store.manual_dir.mkdir()
        (store.manual_dir / "001-designer.answer.md").write_text("yes")
        for _ in range(2):
            assert asked(pool(store), 1) == ["yes"]
        assert [line.cached for line in store.costs()] == [False, True]
        assert len(store.recording_path.read_text().splitlines()) == 1


def test_a_session_that_was_killed_counts_up_to_its_last_event(tmp_path: Path) -> None:
    store = RunStore.create(tmp_path, "balance", Settings())
    store.update(seconds=50.0, working_since=now() - timedelta(seconds=100))
    store.record(StatusChanged(text="at work"))
    os.utime(store.events_path, (1e10, 1e10))  # A copy of a run has younger files.
    assert 150.0 <= worked(store) < 750.0
    store.update(working_since=None)
    assert worked(store) == 50.0


def test_lost_lines_of_the_costs_are_not_spent_anew(tmp_path: Path) -> None:
    store = RunStore.create(tmp_path, "balance", Settings(budget=1.0))
    assert pool(store).spent == 0.0
    store.costs_path.write_bytes(b"")
    models = pool(store)
    assert models.spent is None
    with pytest.raises(RewardSynthError, match="--budget cannot be kept"):
        models.limits.require()
