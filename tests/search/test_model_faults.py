"""Every kind of fault of a model or its server that we know of: what a run makes of it, in calls, words and exit code.

The step of a search that designs rewards meets a server on loopback that has the fault. Rewards are not checked here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from reward_synth.core.errors import RewardSynthError
from reward_synth.core.types import Candidate
from reward_synth.events.model import Event, StatusChanged, Warned
from reward_synth.llm.hosted import HostedModel
from reward_synth.preparation.preflight import PreparedTask
from reward_synth.preparation.prepare import prepare_spec
from reward_synth.search.session import SearchSession
from reward_synth.search.steps import design, reflect
from reward_synth.settings.model import Settings
from reward_synth.store import RunStore
from reward_synth.tasks.spec import load_task
from tests.cli.cases import failed
from tests.llm.conftest import ChatServer, refusal

KEY = "canary-0123456789-abcdef"
CODE = "def compute_reward(state, action, next_state):\n    return {'upright': 1.0 - abs(next_state.pole_angle)}\n"
Step = dict[str, Any] | Callable[[dict[str, Any]], dict[str, Any]]


def said(content: object, finish_reason: str = "stop", **others: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": content} | others
    usage = {"prompt_tokens": 900, "completion_tokens": 90}
    return {"body": {"choices": [{"index": 0, "finish_reason": finish_reason, "message": message}], "usage": usage}}


GOOD = said(f"```python\n{CODE}```")
HALF = said(f"```python\n{CODE[:60]}", "length")
HTML = {"body": b"<!DOCTYPE html><p>log in", "headers": {"Content-Type": "text/html"}}
EVENT = {"choices": [{"delta": {"content": GOOD["body"]["choices"][0]["message"]["content"]}, "finish_reason": "stop"}]}
STREAM = {"body": b"data: " + json.dumps(EVENT).encode() + b"\n\n", "headers": {"Content-Type": "text/event-stream"}}


@dataclass(frozen=True)
class Row:
    """One fault.

    :param script: what the server does in turn; the last step is repeated.
    :param calls: made in all; a pair of least and most where the server's pace decides.
    :param booked: answers that are paid, recorded and booked.
    :param words: of the error that ends the run, or of what is told while it goes on.
    :param exit_code: None if the run goes on with all rewards that were asked for.
    """

    name: str
    script: Sequence[Step]
    calls: int | tuple[int, int]
    booked: int
    words: str = ""
    exit_code: int | None = None
    samples: int = 1


def passes(name: str, step: Step, words: str = "", calls: int = 2) -> Row:
    """A fault that passes: the same call is made again."""
    return Row(name, [step, GOOD], calls, 1, words)


def ends(name: str, step: Step, words: str, calls: int | tuple[int, int] = 1) -> Row:
    """A fault of the server that ends the run with exit code 2."""
    return Row(name, [step], calls, 0, words, 2)


def useless(name: str, step: Step, words: str, calls: int) -> Row:
    """Answers that are paid and cannot be used, in a run with the default number of samples."""
    return Row(name, [step], calls, calls, words, 1, samples=4)


ROWS = [
    # It passes, and the run goes on.
    passes("rate limit", refusal(429, "slow down"), "slow down; asked again in"),
    passes("rate limit, wait 0 s", refusal(429, "slow down", retry_after="0")),
    passes("rate limit, wait until a date", refusal(429, "slow down", retry_after="Sun, 06 Nov 1994 08:49:37 GMT")),
    passes("rate limit, wait for nonsense", refusal(429, "slow down", retry_after="soon")),
    passes("request timeout", refusal(408, "too slow")),
    passes("server error", refusal(500, "oops"), "oops; asked again in"),
    passes("bad gateway, as a web page", {"status": 502} | HTML, "a web page with status 502"),
    passes("unavailable", refusal(503, "loading model")),
    passes("gateway timeout", refusal(504, "upstream")),
    passes("overloaded", refusal(529, "overloaded")),
    passes("hangs up", {"hangs up": True}, "no connection"),
    passes("breaks off in the answer", {"missing": 99}, "no connection"),
    passes("no seed", refusal(400, "Unknown parameter: 'seed'")),
    passes("no temperature", refusal(400, "temperature is not supported")),
    passes("max_tokens has another name", refusal(400, "Unsupported parameter: 'max_tokens'; use another")),
    passes("context too short for answer", refusal(400, "'max_tokens' is too large: context length is 4096")),
    passes("moved for good", {"status": 308, "headers": {"Location": "/v1/chat/completions"}, "body": b""}),
    # Answers in other forms, which can be used.
    Row("content as parts", [said([{"type": "text", "text": f"```python\n{CODE}"}, {"text": "```"}])], 1, 1),
    Row("reasoning beside the answer", [said(f"```python\n{CODE}```", reasoning_content="hm")], 1, 1),
    Row("reasoning in tags", [said(f"<think>```python\nhm```</think>```python\n{CODE}```")], 1, 1),
    Row("a stream, unasked", [STREAM], 1, 1),
    Row("no usage", [{"body": {"choices": GOOD["body"]["choices"]}}], 1, 1),
    Row("usage of null", [{"body": {"choices": GOOD["body"]["choices"], "usage": None}}], 1, 1),
    Row("cut off after the code", [said(f"```python\n{CODE}```\nThis is beca", "length")], 1, 1),
    Row("beginning of the prompt dropped", [{"body": GOOD["body"] | {"usage": {"prompt_tokens": 64}}}], 1, 1,
        "its context may be too short"),
    Row("key sent back in an answer", [said(f"{KEY}\n```python\n{CODE}```")], 1, 1),
    Row("cut off once", [HALF, GOOD], 2, 2),
    Row("refused once", [said("I'm sorry, I can't."), GOOD], 2, 2),
    Row("empty once", [said(""), GOOD], 2, 2),
    Row("reasons until the limit, once", [said("", "length", reasoning="hm"), GOOD], 2, 1),
    # The server refuses or is none: the run ends at once.
    ends("wrong key", refusal(401, f"Incorrect key {KEY}"), "refused the key"),
    ends("no credit", refusal(429, "quota", "insufficient_quota"), "no credit"),
    ends("payment required", refusal(402, "pay first"), "pay first"),
    ends("forbidden", refusal(403, "not here"), "refused the key"),
    ends("no such model", refusal(404, "no model m"), "has no model"),
    ends("prompt too long", refusal(400, "maximum context length is 10 tokens"), "too long"),
    ends("prompt too long, llama.cpp", refusal(400, "the request exceeds the available context size"), "too long"),
    ends("prompt too long, LM Studio", refusal(400, "Trying to keep the first 9 tokens when context the overflows."),
         "too long"),
    ends("prompt too long, as server error", refusal(500, "context size exceeded"), "too long"),
    ends("body too large", refusal(413, "too large"), "too large"),
    ends("unprocessable", refusal(422, "bad field"), "bad field"),
    ends("not implemented", refusal(501, "no chat here"), "no chat here"),
    ends("a web page", HTML, "a web page"),
    ends("a redirect to a web page", {"status": 302, "headers": {"Location": "/login"}, "body": b""}, "web page"),
    ends("a redirect in circles", {"status": 307, "headers": {"Location": "/v1/chat/completions"}, "body": b""},
         "no answer that can be read", (2, 99)),
    ends("nothing", {"body": b""}, "sent no answer but nothing"),
    ends("half of a JSON text", {"body": b'{"choices": [{"mess'}, "sent no answer but"),
    ends("bytes that are no text", {"body": b"\xff\xfe\x00"}, "sent no answer but"),
    ends("an error with status 200", {"body": {"error": {"message": f"boom {KEY}"}}}, "boom"),
    ends("no choices", {"body": {"choices": []}}, "sent no answer but"),
    ends("wait of an hour", refusal(429, "slow down", retry_after="3600"), "it asks to wait 1 h 00 min"),
    # It is away: the run ends when patience does.
    ends("server error for ever", refusal(500, f"oops {KEY}"), "with a patience of 1 s", (1, 99)),
    ends("rate limit for ever", refusal(429, "slow down"), "with a patience of 1 s", (1, 99)),
    ends("hangs", {"answered": 99}, "with a patience of 1 s"),
    ends("a byte now and then", {"drip": 0.3}, "with a patience of 1 s"),
    # Paid answers that cannot be used: a default run ends after at most twelve.
    useless("refusal", said(None, refusal="I will not."), 'refused to write it; it said: "I will not."', 8),
    useless("refusal in words", said("I'm sorry, but I can't help."), "refused to write it; it said", 8),
    useless("content filter", said(None, "content_filter"), "a content filter withheld", 4),
    useless("cut off", HALF, "cut off at the limit of", 12),
    useless("empty", said(""), "the answer was empty", 8),
    useless("content of null", said(None), "the answer was empty", 8),
    useless("content of another kind", said(5), "the answer was empty", 8),
    useless("prose", said("A reward should keep the pole upright."), "holds no code", 12),
    useless("another function", said("```python\ndef f(): return 1\n```"), "defines a function named", 12),
    useless("a key and no code", said(f"Use {KEY} for it."), "holds no code", 12),
    # Reasoning: each sample is asked once more with room for it, and each of these two once more in other words.
    Row("reasoning only", [said("", "length", reasoning_content="hm")], (9, 12), 8, "nothing but reasoning", 1, 4),
    Row("reasoning in an open tag", [said("<think>hm", "length")], (9, 12), 8, "nothing but reasoning", 1, 4),
]  # fmt: skip


@pytest.fixture(scope="module")
def prepared() -> PreparedTask:
    return prepare_spec(load_task("inverted_pendulum_balance"), Settings())


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("REWARD_SYNTH_API_KEY", KEY)
    pause = HostedModel._pause
    # An hour stays an hour: it is not waited for.
    monkeypatch.setattr(HostedModel, "_pause", lambda *given: p if (p := pause(*given)) > 60 else min(p, 0.1))
    monkeypatch.chdir(tmp_path)


def test_there_are_enough_kinds_and_each_once() -> None:
    assert len({row.name for row in ROWS}) == len(ROWS) >= 35


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_fault_of_the_model(row: Row, prepared: PreparedTask, chat_server: ChatServer, tmp_path: Path) -> None:
    chat_server.script = list(row.script)
    seconds = 1.0 if "patience of 1 s" in row.words else 60.0
    settings = Settings(
        model="m", base_url=chat_server.url, samples=row.samples, critic=False, videos="none",
        patience=seconds, model_timeout=seconds,
    )  # fmt: skip
    store = RunStore.create(tmp_path, "balance", settings)
    told: list[str] = []

    def emit(event: Event) -> None:
        if isinstance(event, StatusChanged | Warned):
            told.append(event.text)

    with SearchSession(store, settings, emit, None, prepared) as session:
        if row.exit_code is None:
            brief = session.method.propose(session.history(1)).brief
            assert [draft.source for draft in session.designer.design(brief, row.samples, 1)] == [CODE] * row.samples
        else:
            with pytest.raises(RewardSynthError) as caught:
                design(session, 1)
            told = [caught.value.message, caught.value.hint]
            assert (caught.value.exit_code, bool(caught.value.hint)) == (row.exit_code, True)
    assert any(row.words in text for text in told) or not row.words, told
    least, most = row.calls if isinstance(row.calls, tuple) else (row.calls, row.calls)
    assert least <= len(chat_server.calls) <= most
    paid = [line for line in store.costs() if not line.cached]
    assert len(paid) == len(list(store.call_cache.glob("*.json"))) == row.booked
    assert len(store.recording_path.read_text().splitlines() if row.booked else []) == row.booked
    assert store.spent_usd() == (None if row.booked else 0.0), "the price is unknown, and no answer costs nothing"
    assert KEY not in "".join(told)
    assert [path for path in store.path.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()] == []


def test_one_filtered_answer_of_four_is_left_out(
    prepared: PreparedTask, chat_server: ChatServer, tmp_path: Path
) -> None:
    def answer(body: dict[str, Any]) -> dict[str, Any]:
        code = CODE.replace("1.0", f"{body['seed']}.5")
        return said(None, "content_filter") if body["seed"] % 4 == 2 else said(f"```python\n{code}```")

    chat_server.script = [answer]
    settings = Settings(model="m", base_url=chat_server.url, critic=False, videos="none")
    store = RunStore.create(tmp_path, "balance", settings)
    with SearchSession(store, settings, lambda event: None, None, prepared) as session:
        found = design(session, 1)
    assert sorted(candidate.status for candidate in found) == ["designed", "designed", "designed", "rejected"]
    assert "no code in the answer: a content filter withheld the answer" in [candidate.reason for candidate in found]
    assert len(chat_server.calls) == 4


def test_a_critic_and_an_analyzer_that_fail_do_not_end_a_run(
    prepared: PreparedTask, chat_server: ChatServer, tmp_path: Path
) -> None:
    chat_server.script = [lambda body: refusal(500, "broken") if body["model"] == "advice" else GOOD]
    settings = Settings(
        model="m", models={"critic": "advice", "analyzer": "advice"}, base_url=chat_server.url, samples=1,
        patience=0.5, videos="none",
    )  # fmt: skip
    store = RunStore.create(tmp_path, "balance", settings)
    warned: list[str] = []

    def emit(event: Event) -> None:
        if isinstance(event, Warned):
            warned.append(event.text)

    with SearchSession(store, settings, emit, None, prepared) as session:
        (candidate,) = design(session, 1)
        assert candidate.status == "designed"
        reflect(session, 1, [crashed(store, candidate)])
        asked = len(chat_server.calls)
        session.refiner.refine(session.method.propose(session.history(2)).brief, [])
        assert len(chat_server.calls) == asked, "the critic is not asked again"
    assert [text.partition(":")[0] for text in warned] == [
        "the critic is left out, and rewards are trained without its review", "nothing was analyzed",
    ]  # fmt: skip
    assert all("broken" in text for text in warned)
    assert store.iteration_done(1)


def crashed(store: RunStore, candidate: Candidate) -> Candidate:
    candidate = candidate.model_copy(update={"status": "crashed", "reason": "it fell over"})
    store.save_candidate(candidate)
    return candidate


def test_a_default_run_with_a_model_that_refuses_costs_a_few_calls(
    chat_server: ChatServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chat_server.script = [said("I'm sorry, but I cannot help with robots.")]
    told = failed(
        capsys, "run", "--task=inverted_pendulum_balance", "--model=m", f"--base-url={chat_server.url}",
        "--display=none", code=1,
    )  # fmt: skip
    assert "m wrote no reward in 8 calls: the model refused to write it; it said:" in told
    assert "I cannot help with robots." in told and "start another run" in told
    assert len(chat_server.calls) == 8
