"""The model itself needs its weights (a gigabyte): those tests are skipped where they are absent."""

from __future__ import annotations

import importlib.util
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from reward_synth.core.errors import RewardSynthError
from reward_synth.events.model import AnswerProgressed
from reward_synth.llm import local, weights
from reward_synth.llm.base import Reply
from reward_synth.llm.local import LocalModel
from reward_synth.llm.parallel import side_by_side

from .conftest import request

has_xllamacpp = importlib.util.find_spec("xllamacpp") is not None
needs_weights = pytest.mark.skipif(
    not has_xllamacpp or not (weights.models_folder() / weights.QWEN.file).is_file(),
    reason="the local model is not here: pip install 'reward-synth[local]' and `reward-synth models pull` bring it",
)
LONG = "Fields: " + ", ".join(f"field_{number} is a number" for number in range(15)) + ". "


@pytest.fixture(scope="module")
def model() -> Iterator[LocalModel]:
    opened = LocalModel()
    yield opened
    opened.close()


@pytest.mark.slow
@needs_weights
def test_it_answers_for_nothing_and_silently(model: LocalModel, capfd: pytest.CaptureFixture[str]) -> None:
    reply = model.complete(request("Name the capital of France in one word.", temperature=0.0, max_tokens=8))
    assert "Paris" in reply.text
    assert reply.usd == 0.0
    assert reply.prompt_tokens
    assert reply.completion_tokens
    assert capfd.readouterr() == ("", "")


@pytest.mark.slow
@needs_weights
def test_a_shared_beginning_is_read_once_and_changes_no_answer(model: LocalModel, monkeypatch) -> None:
    questions = ["Name the capital of France.", "What is 2 + 2?", "Which colour has the sky?"]
    asked = [request(LONG + question, temperature=0.0, max_tokens=12) for question in questions]
    alone = [model.complete(one).text for one in asked]
    model.close()
    read: list[int] = []
    post = local._Server.post

    def counting(self, path, body):
        answer = post(self, path, body)
        if "timings" in answer and path != "/slots/0?action=save":
            read.append(answer["timings"].get("prompt_n", 0))
        return answer

    monkeypatch.setattr(local._Server, "post", counting)
    together = model.complete_many(asked)
    assert [reply.text for reply in together] == alone
    assert sum(read) < 1.7 * together[0].prompt_tokens, f"tokens read: {read}"


@pytest.mark.slow
@needs_weights
def test_seeds_make_samples_and_the_same_seed_the_same_sample(model: LocalModel) -> None:
    asked = [request("Invent a name.", temperature=1.2, max_tokens=8, sample=sample) for sample in (0, 1, 2)]
    replies = model.complete_many(asked)
    assert len({reply.text for reply in replies}) > 1
    assert model.complete(asked[1]).text == model.complete(asked[1]).text


@pytest.mark.slow
@needs_weights
def test_a_grammar_binds_and_a_bad_one_is_told(model: LocalModel) -> None:
    asked = request("Is water wet?", max_tokens=8, grammar='root ::= "perhaps" | "possibly"')
    assert model.complete(asked).text in {"perhaps", "possibly"}
    with pytest.raises(RewardSynthError, match="cannot read the grammar"):
        model.complete(request("x", grammar="root ::= ((("))


@pytest.mark.slow
@needs_weights
def test_a_prompt_that_does_not_fit_is_told(model: LocalModel) -> None:
    with pytest.raises(RewardSynthError, match="too long for the local model"):
        model.complete(request("x " * (local.CONTEXT + 100)))


@pytest.mark.slow
@needs_weights
def test_a_process_that_died_is_replaced(model: LocalModel) -> None:
    asked = request("Say yes.", temperature=0.0, max_tokens=4)
    before = model.complete(asked).text
    process = model._running()._process
    process.kill()
    process.wait()
    assert model.complete(asked).text == before


@pytest.mark.slow
@needs_weights
def test_close_ends_the_process_and_leaves_nothing(monkeypatch) -> None:
    monkeypatch.setattr(local, "CONTEXT", 1024)
    model = LocalModel()
    server = model._running()
    folder = server._folder.path
    assert folder.is_dir()
    model.close()
    model.close()
    assert not server.alive
    assert not folder.exists()


SLOT = {
    "id": 0, "n_ctx": 16384, "is_processing": True, "n_prompt_tokens": 508, "n_prompt_tokens_processed": 7,
    "n_prompt_tokens_cache": 501, "next_token": [{"has_next_token": True, "n_decoded": 0}],
}  # fmt: skip
"""As llama.cpp's server says it."""


def busy(slot: int, written: int) -> local._Slot:
    return local._Slot.model_validate(SLOT | {"id": slot, "next_token": [{"n_decoded": written}]})


@pytest.mark.skipif(not has_xllamacpp, reason="xllamacpp is not installed")
def test_it_says_how_far_it_is_in_the_thread_that_asks(monkeypatch) -> None:
    told: list[AnswerProgressed] = []
    enough = threading.Event()

    class Server:
        alive, longest_prompt = True, 512
        states = iter([[], [busy(0, 0), busy(1, 0)], [busy(0, 5), busy(1, 4)], [busy(1, 9)]])

        def busy_slots(self):
            return next(self.states, [])

        def share_prefix(self, conversations):
            assert enough.wait(30)

        def post(self, path, body):
            usage = {"prompt_tokens": 9, "completion_tokens": 9}
            return {"choices": [{"message": {"content": "yes"}}], "usage": usage}

    def hear(far: AnswerProgressed) -> None:
        assert threading.current_thread() is threading.main_thread()
        told.append(far)
        if len(told) >= 4:
            enough.set()

    monkeypatch.setattr(local, "_TELLS", 0.01)
    model = LocalModel(working=hear)
    server = Server()
    monkeypatch.setattr(model, "_running", lambda: server)
    assert [reply.text for reply in model.complete_many([request("a"), request("b")])] == ["yes", "yes"]
    assert [(each.read, each.prompt, each.written) for each in told[:4]] == [
        (None, None, 0), (508, 512, 0), (None, None, 9), (None, None, 14),
    ]  # fmt: skip
    assert {each.answers for each in told} == {2}


@pytest.mark.skipif(not has_xllamacpp, reason="xllamacpp is not installed")
def test_a_file_that_is_no_model_is_told_with_llama_cpps_words(tmp_path: Path, monkeypatch, capfd) -> None:
    bad = tmp_path / "mine.gguf"
    bad.write_bytes(b"not a model")
    monkeypatch.setenv("REWARD_SYNTH_MODEL_FILE", str(bad))
    model = LocalModel()
    assert model.name == "local:mine.gguf"
    with pytest.raises(RewardSynthError, match="could not be loaded"):
        model.complete(request())
    assert capfd.readouterr() == ("", "")


@pytest.mark.skipif(not has_xllamacpp, reason="xllamacpp is not installed")
def test_a_chosen_file_that_is_not_there(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setenv("REWARD_SYNTH_MODEL_FILE", str(tmp_path / "none.gguf"))
    with pytest.raises(RewardSynthError, match="no model file at"):
        LocalModel()


def test_without_xllamacpp_the_pip_line_is_given(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(RewardSynthError) as caught:
        LocalModel()
    assert 'pip install "reward-synth[local]"' in caught.value.hint


def test_the_child_gets_no_key_and_waits_passively(monkeypatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-123456789")
    environment = local._child_environment()
    assert "OPENAI_API_KEY" not in environment
    assert environment["OMP_WAIT_POLICY"] == "passive"
    assert environment["PATH"] == os.environ["PATH"]


def reply(text: str) -> Reply:
    return Reply(text=text, model="m", prompt_tokens=1, completion_tokens=1, usd=0.0, seconds=0.0)


def test_side_by_side_keeps_order_and_the_limit() -> None:
    running, most, lock = 0, 0, threading.Lock()
    together = threading.Barrier(3)
    done = [threading.Event() for _ in range(7)]

    def call(asked):
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        if asked.sample < 3:
            # Three at once, and the last of them answers first.
            together.wait(60)
            assert asked.sample == 2 or done[asked.sample + 1].wait(60)
        with lock:
            running -= 1
        done[asked.sample].set()
        return reply(str(asked.sample))

    replies = side_by_side(call, [request(sample=number) for number in range(7)], workers=3)
    assert [one.text for one in replies] == [str(number) for number in range(7)]
    assert most == 3


@pytest.mark.parametrize("workers", [1, 2])
def test_after_a_failure_nothing_new_is_started_and_what_came_is_kept(workers: int) -> None:
    started = []
    failing: queue.SimpleQueue[threading.Thread] = queue.SimpleQueue()

    def call(asked):
        started.append(asked.sample)
        if asked.sample == 1:
            failing.put(threading.current_thread())
            raise RewardSynthError("bad key", "mend it")
        if workers > 1:
            # Answers only once the failure is known.
            failing.get(timeout=60).join(60)
        return reply(str(asked.sample))

    heard: list[int] = []
    with pytest.raises(RewardSynthError, match="bad key") as caught:
        requests = [request(sample=number) for number in range(6)]
        side_by_side(call, requests, workers, lambda asked, _: heard.append(asked.sample))
    assert heard == [0]
    assert caught.value.hint == "mend it"
    assert sorted(started) == [0, 1]


def test_a_defect_is_not_dressed_up_as_the_users_error() -> None:
    def call(asked):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        side_by_side(call, [request(), request(sample=1)], workers=2)


def test_ctrl_c_does_not_wait_for_answers(tmp_path: Path) -> None:
    script = tmp_path / "ask.py"
    script.write_text(
        "import signal, threading\n"
        # A test run in the background inherits that Ctrl-C is ignored.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from reward_synth.llm import Message, Request\n"
        "from reward_synth.llm.parallel import side_by_side\n"
        "asked = Request(messages=(Message(role='user', content='x'),), role='designer')\n"
        "def call(_):\n"
        "    print('asking', flush=True)\n"
        "    threading.Event().wait()\n"
        "side_by_side(call, [asked, asked], 2)\n"
    )
    process = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        # The answers never come.
        _, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    assert "KeyboardInterrupt" in errors
