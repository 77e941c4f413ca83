"""The small model that needs no key: llama.cpp in a process of its own, reached over loopback."""

from __future__ import annotations

import contextlib
import http.client
import importlib.util
import itertools
import json
import os
import secrets
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from concurrent.futures import wait
from functools import partial
from pathlib import Path
from typing import Any, cast

from pydantic import BaseModel, TypeAdapter, ValidationError

from reward_synth.core import machine
from reward_synth.core.errors import RewardSynthError
from reward_synth.core.scratch import Scratch
from reward_synth.core.waiting import Deadline
from reward_synth.events.model import AnswerProgressed
from reward_synth.llm import weights
from reward_synth.llm.base import Heard, Model, Reply, Request, Waiting, unheard
from reward_synth.llm.keys import environment_without_keys
from reward_synth.llm.parallel import in_background, side_by_side

SLOTS = 4
# Tokens for all slots together: four prompts of 2,500 tokens with answers of 1,500 fit, in 470 MB.
CONTEXT = 16_384
# With fewer common tokens, reading a prompt again is faster than the two calls that share it.
_SHARED_WORTH_IT = 64
_PATIENCE = 300.0
"""Seconds that loading may take."""
_TELLS = 2.0
"""Seconds between two reports of how far the answers are."""


_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""Without a proxy, since the address is on this machine."""


class LocalModel(Model):
    """Qwen2.5-Coder-1.5B-Instruct, or another GGUF file, run on this machine. It costs nothing: ``usd`` is 0.0.

    The process starts with the first call (a few seconds) and ends with ``close`` or with this process. A crash in
    llama.cpp therefore does not end this process, and the call is repeated once in a new one. Equal requests do not
    always give equal answers, because llama.cpp's order of addition depends on the other requests of a batch.

    The file is that of ``REWARD_SYNTH_MODEL_FILE``, used unchecked, or else the weights of ``models pull``, which the
    first call downloads if they are missing.

    :param progress: reports the download, see :data:`~reward_synth.llm.weights.Progress`.
    :param working: is told every two seconds how far the answers are, in the thread that asks.
    :param waiting: its ``check`` is called while it answers.
    :raises RewardSynthError: if xllamacpp is not installed or the file is missing.
    """

    small = True

    def __init__(
        self,
        progress: weights.Progress | None = None,
        working: Callable[[AnswerProgressed], None] = lambda _: None,
        waiting: Waiting | None = None,
    ) -> None:
        require_xllamacpp()
        chosen = chosen_file()
        if chosen is not None and not chosen.is_file():
            raise RewardSynthError(f"no model file at {chosen}", "check REWARD_SYNTH_MODEL_FILE")
        self.name = "local" if chosen is None else f"local:{chosen.name}"
        self._file = chosen
        self._progress, self._working, self._check = progress, working, (waiting or Waiting()).check
        self._server: _Server | None = None
        self._lock = threading.Lock()

    def complete_many(self, requests: list[Request], heard: Heard = unheard) -> list[Reply]:
        """Answer in parallel, one slot for each request. The common beginning of the prompts is read once.

        Each group has as many requests as there are slots.
        """
        replies: list[Reply] = []
        for start in range(0, len(requests), SLOTS):
            group = requests[start : start + SLOTS]
            server, begun = self._running(), time.monotonic()
            answering, written = in_background(partial(self._answer, group, heard)), dict[int, int]()
            while not wait([answering], _TELLS).done:
                self._tell(group, server, written, time.monotonic() - begun)
            replies += answering.result()
        return replies

    def _answer(self, group: list[Request], heard: Heard) -> list[Reply]:
        with contextlib.suppress(_ProcessEnded):  # A new process then answers without sharing.
            self._running().share_prefix([_messages(request) for request in group])
        slot_of = {id(request): slot for slot, request in enumerate(group)}
        return side_by_side(lambda request: self._ask(request, slot_of[id(request)]), group, SLOTS, heard, self._check)

    def _tell(self, group: list[Request], server: _Server, written: dict[int, int], seconds: float) -> None:
        """Report how far a group is; ``written`` remembers the tokens of slots that are done."""
        busy = server.busy_slots()
        written.update({slot.id: slot.decoded for slot in busy})
        reading = min((slot for slot in busy if not slot.decoded), key=lambda slot: slot.read, default=None)
        told = AnswerProgressed(role=group[0].role, answers=len(group), written=sum(written.values()), seconds=seconds)
        if reading is not None and not told.written:
            told = told.model_copy(update={"read": reading.read, "prompt": server.longest_prompt})
        self._working(told)

    def close(self) -> None:
        """End the process and free its memory."""
        with self._lock:
            server, self._server = self._server, None
        if server is not None:
            server.close()

    def _ask(self, request: Request, slot: int) -> Reply:
        started = time.monotonic()
        body = request.model_dump(include={"temperature", "max_tokens", "grammar"}, exclude_none=True)
        body |= {"messages": _messages(request), "seed": request.sample, "id_slot": slot, "cache_prompt": True}
        try:
            answer = self._running().post("/v1/chat/completions", body)
        except _ProcessEnded:
            answer = self._running().post("/v1/chat/completions", body)  # The last try, in a new process.
        tokens = {name: answer["usage"][name] for name in ("prompt_tokens", "completion_tokens")}
        text = answer["choices"][0]["message"]["content"] or ""
        return Reply(text=text, model=self.name, usd=0.0, seconds=time.monotonic() - started, **tokens)

    def _running(self) -> _Server:
        with self._lock:
            if self._server is not None and not self._server.alive:
                self._server.close()
                self._server = None
            if self._server is None:
                self._server = _Server(self._file or weights.pull(progress=self._progress))
            return self._server


class _Next(BaseModel):
    n_decoded: int


class _Slot(BaseModel):
    """What llama.cpp says of one of its slots."""

    id: int
    is_processing: bool
    n_prompt_tokens_processed: int = 0
    n_prompt_tokens_cache: int = 0
    next_token: tuple[_Next, ...] = ()

    @property
    def decoded(self) -> int:
        """Tokens of its answer."""
        return sum(each.n_decoded for each in self.next_token)

    @property
    def read(self) -> int:
        """Tokens of its prompt that it has read, or knew already."""
        return self.n_prompt_tokens_cache + self.n_prompt_tokens_processed


class _ProcessEnded(RewardSynthError):
    """llama.cpp's process has ended, for any reason."""


class _Server:
    """The child process and the calls to it."""

    def __init__(self, model: Path) -> None:
        self._folder = Scratch()
        self._log = self._folder.path / "log.txt"
        self._held: dict[int, list[int]] = {}  # The prompt that each slot read last.
        self.longest_prompt: int | None = None  # Of the latest requests, in tokens.
        self._token = secrets.token_urlsafe(24)
        address_file = self._folder.path / "address"
        settings = {
            "model": str(model),
            "context": CONTEXT,
            "slots": SLOTS,
            "threads": machine.cores(),
            "token": self._token,
            "address_file": str(address_file),
            "slot_folder": f"{self._folder.path}{os.sep}",
        }
        # llama.cpp writes to the terminal's descriptors, not to Python's streams; a log file receives all of it.
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-P", str(Path(__file__).with_name("local_server.py"))],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=_child_environment(),
                start_new_session=True,  # Only this process receives Ctrl-C; it closes the child.
            )
        try:
            assert self._process.stdin is not None
            with contextlib.suppress(BrokenPipeError):  # It died at once; _await_address reports why.
                self._process.stdin.write(json.dumps(settings).encode() + b"\n")
                self._process.stdin.flush()
            self._address = self._await_address(address_file)
        except BaseException:
            self.close()
            raise

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Make one call; an error becomes one that explains itself to the person."""
        request = urllib.request.Request(
            self._address + path,
            json.dumps(body).encode(),
            {"Content-Type": "application/json", "Authorization": f"Bearer {self._token}"},
        )
        try:
            with _DIRECT.open(request) as response:
                return cast("dict[str, Any]", json.load(response))
        except urllib.error.HTTPError as error:
            raise _refusal(error) from None
        except (OSError, http.client.HTTPException, ValueError):
            self._process.kill()  # Even if it is alive, it is of no more use.
            self._process.wait()
            raise _ProcessEnded(
                f"the local model's process ended in the middle of a call\n{self._last_words()}",
                "most often memory has run out: close other programs, or take another --model",
            ) from None

    def busy_slots(self) -> list[_Slot]:
        """What the slots do that work on something; empty if it does not answer at once, as while a prompt is read."""
        request = urllib.request.Request(self._address + "/slots", headers={"Authorization": f"Bearer {self._token}"})
        try:
            with _DIRECT.open(request, timeout=1.0) as response:
                found = TypeAdapter(list[_Slot]).validate_json(response.read())
        except (OSError, http.client.HTTPException, ValidationError):
            return []  # Whoever waits for the answer is told what is wrong.
        return [slot for slot in found if slot.is_processing]

    def share_prefix(self, conversations: list[list[dict[str, str]]]) -> None:
        """Let slot 0 read the common beginning of all prompts, and copy its state to the other slots.

        Otherwise each slot reads its own prompt, because llama.cpp shares nothing between requests that start
        together. A slot whose state from an earlier call already begins with the shared part keeps it. In a repair it
        holds more than that: the answer to be repaired.
        """
        prompts = [self._tokens(messages) for messages in conversations]
        self.longest_prompt = max(map(len, prompts))
        if len(prompts) < 2:
            self._held.pop(0, None)  # Slot 0 will read something else.
            return
        columns = itertools.takewhile(lambda tokens: len(set(tokens)) == 1, zip(*prompts, strict=False))
        shared = [tokens[0] for tokens in columns]
        lacking = [slot for slot in range(len(prompts)) if self._held.get(slot, [])[: len(shared)] != shared]
        giver = next((slot for slot, held in self._held.items() if held[: len(shared)] == shared), None)
        self._held.update(enumerate(prompts))
        if len(shared) < _SHARED_WORTH_IT or not lacking:
            return
        if giver is None:
            giver = lacking.pop(0)
            self.post("/completion", {"prompt": shared, "n_predict": 0, "id_slot": giver, "cache_prompt": True})
        self.post(f"/slots/{giver}?action=save", {"filename": "shared.bin"})
        for slot in lacking:
            self.post(f"/slots/{slot}?action=restore", {"filename": "shared.bin"})

    def close(self) -> None:
        """Ask the process to end, and kill it if it does not."""
        with contextlib.suppress(OSError):
            if self._process.stdin is not None:
                self._process.stdin.close()
        try:
            self._process.wait(timeout=3.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._folder.remove()

    def _tokens(self, messages: list[dict[str, str]]) -> list[int]:
        prompt = self.post("/apply-template", {"messages": messages})["prompt"]
        body = {"content": prompt, "add_special": True, "parse_special": True}
        return cast("list[int]", self.post("/tokenize", body)["tokens"])

    def _await_address(self, file: Path) -> str:
        deadline = Deadline(_PATIENCE)
        while deadline.wait():
            if file.is_file():
                return file.read_text(encoding="utf-8").rstrip("/")
            if not self.alive:
                raise RewardSynthError(
                    f"the local model could not be loaded\n{self._last_words()}",
                    "about 2 GB of memory must be free; else remove the weights and run `reward-synth models pull`",
                )
            time.sleep(0.05)
        raise RewardSynthError(
            f"the local model was not loaded within {_PATIENCE:.0f} s", "close other programs, or take another --model"
        )

    def _last_words(self) -> str:
        lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(line for line in lines if line.strip())[-600:]


def chosen_file() -> Path | None:
    """The GGUF file that ``REWARD_SYNTH_MODEL_FILE`` names, or None. It runs without a sha256 check."""
    name = os.environ.get("REWARD_SYNTH_MODEL_FILE")
    return Path(name).expanduser() if name else None


def require_xllamacpp() -> None:
    """RewardSynthError unless xllamacpp is installed."""
    if importlib.util.find_spec("xllamacpp") is None:
        raise RewardSynthError(
            "the local model needs xllamacpp", 'pip install "reward-synth[local]", or name another --model'
        )


def _messages(request: Request) -> list[dict[str, str]]:
    if any(message.images for message in request.messages):
        raise RewardSynthError(
            f"the embedded model sees no pictures, and the {request.role}'s prompt holds some",
            f"name another model for it: --model {request.role}=NAME",
        )
    return [{"role": message.role, "content": message.text} for message in request.messages]


def _child_environment() -> dict[str, str]:
    # Threads that spin at each barrier are fast on an idle machine and very slow on a busy one. With two threads on two
    # cores that a training also used, spinning gave 1.0 tokens/s and waiting passively gave 7.0.
    return environment_without_keys() | {"OMP_WAIT_POLICY": "passive"}


def _refusal(error: urllib.error.HTTPError) -> RewardSynthError:
    try:
        detail = json.load(error)["error"]
        message, kind = str(detail["message"]), str(detail.get("type", ""))
    except (ValueError, KeyError, TypeError, OSError):
        message, kind = f"status {error.code}", ""
    what, hint = "the local model refused the request", "take another --model"
    if kind == "exceed_context_size_error" or "context size" in message.lower():
        what, hint = "the prompt is too long for the local model", "ask for fewer samples, or take another --model"
    elif "grammar" in message.lower():
        what, hint = "the local model cannot read the grammar", "check the GBNF"
    return RewardSynthError(f"{what}: {message}", hint)
