"""The small model that needs no key: llama.cpp in a process of its own, reached over loopback."""

from __future__ import annotations

import contextlib
import http.client
import importlib.util
import json
import os
import secrets
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from reward_synth.core.errors import RewardSynthError
from reward_synth.llm import weights
from reward_synth.llm.base import Reply, Request
from reward_synth.llm.keys import secret_names
from reward_synth.llm.parallel import side_by_side

SLOTS = 4
# Room in tokens for all slots together: four prompts of 2,500 tokens with answers of 1,500 fit, in 470 MB.
CONTEXT = 16_384
# With fewer tokens in common, reading a prompt again is faster than the two calls that would share it.
_SHARED_WORTH_IT = 64


class LocalModel:
    """Qwen2.5-Coder-1.5B-Instruct, or another GGUF file, run on this machine. It costs nothing: ``usd`` is 0.0.

    The process starts with the first call (a few seconds) and ends with ``close`` or with this process. So a crash in
    llama.cpp does not end this process, and the call is made once more in a new one. Equal requests do not always give
    equal answers: llama.cpp adds up in an order that depends on the other requests of a batch.

    :param model_file: another GGUF file, used unchecked; default ``REWARD_SYNTH_MODEL_FILE``, else the weights of
        ``models pull``, which are downloaded now if they are missing.
    :param progress: reports the download, see :data:`~reward_synth.llm.weights.Progress`.
    :param threads: of the processor; default all cores.
    :raises RewardSynthError: if xllamacpp is not installed or the file is missing.
    """

    small = True

    def __init__(
        self,
        model_file: Path | None = None,
        *,
        progress: weights.Progress | None = None,
        slots: int = SLOTS,
        context: int = CONTEXT,
        threads: int | None = None,
    ) -> None:
        require_xllamacpp()
        chosen = model_file or chosen_file()
        if chosen is not None and not chosen.is_file():
            raise RewardSynthError(f"no model file at {chosen}", "check REWARD_SYNTH_MODEL_FILE")
        self.name = "local" if chosen is None else f"local:{chosen.name}"
        self._file = chosen
        self._progress = progress
        self._slots = slots
        self._context = context
        self._threads = threads or _cores()
        self._server: _Server | None = None
        self._lock = threading.Lock()

    def complete(self, request: Request) -> Reply:
        """Answer one request."""
        self._running().forget(slot=0)
        return self._ask(request, slot=0)

    def complete_many(self, requests: list[Request]) -> list[Reply]:
        """Answer side by side, one slot for each request. The common beginning of the prompts is read once.

        Requests are taken in groups of as many as there are slots.
        """
        replies: list[Reply] = []
        for start in range(0, len(requests), self._slots):
            group = requests[start : start + self._slots]
            with contextlib.suppress(_ProcessEnded):  # then a new process answers, without sharing
                self._running().share_prefix([_messages(request) for request in group])
            slot_of = {id(request): slot for slot, request in enumerate(group)}

            def ask(request: Request, slot_of: dict[int, int] = slot_of) -> Reply:
                return self._ask(request, slot_of[id(request)])

            replies += side_by_side(ask, group, self._slots)
        return replies

    def close(self) -> None:
        """End the process and free its memory."""
        with self._lock:
            server, self._server = self._server, None
        if server is not None:
            server.close()

    def _ask(self, request: Request, slot: int) -> Reply:
        started = time.monotonic()
        body = {
            "messages": _messages(request),
            "temperature": request.temperature,
            "max_tokens": request.max_tokens,
            "seed": request.sample,
            "id_slot": slot,
            "cache_prompt": True,
        }
        if request.grammar is not None:
            body["grammar"] = request.grammar
        try:
            answer = self._running().post("/v1/chat/completions", body)
        except _ProcessEnded:
            answer = self._running().post("/v1/chat/completions", body)  # in a new process, the last try
        usage = answer["usage"]
        return Reply(
            text=answer["choices"][0]["message"]["content"] or "",
            model=self.name,
            prompt_tokens=usage["prompt_tokens"],
            completion_tokens=usage["completion_tokens"],
            usd=0.0,
            seconds=time.monotonic() - started,
        )

    def _running(self) -> _Server:
        with self._lock:
            if self._server is not None and not self._server.alive:
                self._server.close()
                self._server = None
            if self._server is None:
                file = self._file or weights.pull(progress=self._progress)
                self._server = _Server(file, self._slots, self._context, self._threads)
            return self._server


class _ProcessEnded(RewardSynthError):
    """llama.cpp's process has ended, for any reason."""


class _Server:
    """The child process and the calls to it."""

    def __init__(self, model: Path, slots: int, context: int, threads: int, patience: float = 300.0) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="reward-synth-local-")
        self._log = Path(self._folder.name) / "log.txt"
        self._held: dict[int, list[int]] = {}  # the prompt that each slot read last
        self._token = secrets.token_urlsafe(24)
        address_file = Path(self._folder.name) / "address"
        settings = {
            "model": str(model),
            "context": context,
            "slots": slots,
            "threads": threads,
            "token": self._token,
            "address_file": str(address_file),
            "slot_folder": self._folder.name + os.sep,
        }
        # llama.cpp writes to the terminal's descriptors, not to Python's streams; a log file receives all of it.
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-P", str(Path(__file__).with_name("local_server.py"))],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=_child_environment(),
                start_new_session=True,  # only we receive Ctrl-C; we close the child ourselves
            )
        try:
            self._send_settings(settings)
            self._address = self._await_address(address_file, patience)
        except BaseException:
            self.close()
            raise

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Make one call; errors become errors with words for the person."""
        request = urllib.request.Request(
            self._address + path,
            json.dumps(body).encode(),
            {"Content-Type": "application/json", "Authorization": f"Bearer {self._token}"},
        )
        try:
            # No proxy, since the address is on this machine.
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request) as response:
                answer: dict[str, Any] = json.load(response)
                return answer
        except urllib.error.HTTPError as error:
            raise _refusal(error) from None
        except (OSError, http.client.HTTPException, ValueError):
            self._process.kill()  # even if it lives, it is of no more use
            self._process.wait()
            raise _ProcessEnded(
                f"the local model's process ended in the middle of a call\n{self._last_words()}",
                "most often memory has run out: close other programs, or take another --model",
            ) from None

    def share_prefix(self, conversations: list[list[dict[str, str]]]) -> None:
        """Let slot 0 read the common beginning of all prompts, and copy its state to the other slots.

        Otherwise each slot reads its own prompt, because llama.cpp shares nothing between requests that start
        together. A slot that already holds as much of its prompt from an earlier call keeps its state. In a repair it
        holds more than that: the answer to be repaired.
        """
        if len(conversations) < 2:
            self.forget(slot=0)
            return
        prompts = [self._tokens(messages) for messages in conversations]
        shared = _common_start(prompts)
        lacking = [
            slot
            for slot, prompt in enumerate(prompts)
            if len(_common_start([self._held.get(slot, []), prompt])) < len(shared)
        ]
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

    def forget(self, slot: int) -> None:
        """Forget what that slot holds, because it is about to read something else."""
        self._held.pop(slot, None)

    def close(self) -> None:
        """End the process, politely first."""
        with contextlib.suppress(OSError):
            if self._process.stdin is not None:
                self._process.stdin.close()
        try:
            self._process.wait(timeout=3.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._folder.cleanup()

    def _tokens(self, messages: list[dict[str, str]]) -> list[int]:
        prompt = self.post("/apply-template", {"messages": messages})["prompt"]
        tokens: list[int] = self.post("/tokenize", {"content": prompt, "add_special": True, "parse_special": True})[
            "tokens"
        ]
        return tokens

    def _send_settings(self, settings: dict[str, object]) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it died at once; waiting for its address reports why
            self._process.stdin.write(json.dumps(settings).encode() + b"\n")
            self._process.stdin.flush()

    def _await_address(self, file: Path, patience: float) -> str:
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            if file.is_file():
                return file.read_text(encoding="utf-8").rstrip("/")
            if not self.alive:
                raise RewardSynthError(
                    f"the local model could not be loaded\n{self._last_words()}",
                    "`reward-synth models pull --verify` checks the weights; about 2 GB of memory must be free",
                )
            time.sleep(0.05)
        raise RewardSynthError(
            f"the local model was not loaded within {patience:.0f} s", "close other programs, or take another --model"
        )

    def _last_words(self) -> str:
        lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(line for line in lines if line.strip())[-600:]


def chosen_file() -> Path | None:
    """The GGUF file that ``REWARD_SYNTH_MODEL_FILE`` names, or None. It runs without a sha256 check."""
    name = os.environ.get("REWARD_SYNTH_MODEL_FILE")
    return Path(name).expanduser() if name else None


def require_xllamacpp() -> None:
    """Make sure that xllamacpp is installed.

    :raises RewardSynthError: it is not.
    """
    if importlib.util.find_spec("xllamacpp") is None:
        raise RewardSynthError(
            "the local model needs xllamacpp", 'pip install "reward-synth[local]", or name another --model'
        )


def _common_start(prompts: list[list[int]]) -> list[int]:
    shared = []
    for tokens in zip(*prompts, strict=False):  # to the end of the shortest
        if len(set(tokens)) > 1:
            break
        shared.append(tokens[0])
    return shared


def _messages(request: Request) -> list[dict[str, str]]:
    if any(message.images for message in request.messages):
        raise RewardSynthError(
            f"the embedded model sees no pictures, and the {request.role}'s prompt holds some",
            f"name another model for it: --model {request.role}=NAME",
        )
    return [{"role": message.role, "content": message.text} for message in request.messages]


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _child_environment() -> dict[str, str]:
    environment = {name: value for name, value in os.environ.items() if name not in secret_names(os.environ)}
    # Threads that spin at each barrier are fast on an idle machine and very slow on a busy one. With two threads on two
    # cores that a training also used, spinning gave 1.0 tokens/s and waiting passively gave 7.0.
    environment["OMP_WAIT_POLICY"] = "passive"
    return environment


def _refusal(error: urllib.error.HTTPError) -> RewardSynthError:
    try:
        detail = json.load(error)["error"]
        message, kind = str(detail["message"]), str(detail.get("type", ""))
    except (ValueError, KeyError, TypeError, OSError):
        message, kind = f"status {error.code}", ""
    if kind == "exceed_context_size_error" or "context size" in message.lower():
        return RewardSynthError(
            f"the prompt is too long for the local model: {message}", "ask for fewer samples, or take another --model"
        )
    if "grammar" in message.lower():
        return RewardSynthError(f"the local model cannot read the grammar: {message}", "check the GBNF")
    return RewardSynthError(f"the local model refused the request: {message}", "take another --model")
