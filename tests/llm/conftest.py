from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from reward_synth.llm import Message, Request
from reward_synth.llm.keys import DEFAULT_MODELS, secret_names


class ChatServer:
    """An OpenAI-compatible endpoint on loopback that plays a script: one step per call, the last one repeated.

    A step may wait before it answers: ``asked`` until so many calls have come in, ``answered`` until so many others
    have had their answer. It waits a minute at most. Then it calls ``then``. With ``drip``, it sends a byte each so
    many seconds; with ``missing``, so many bytes fewer than it says; with ``hangs up``, none. A step may be a function
    of the request's body.
    """

    def __init__(self) -> None:
        self.script: list[dict[str, Any] | Callable[[dict[str, Any]], dict[str, Any]]] = [{}]
        self.calls: list[dict[str, Any]] = []
        self.answered = 0
        self.closed = False
        self.changed = threading.Condition()
        self.keys: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with outer.changed:
                    chosen = outer.script[min(len(outer.calls), len(outer.script) - 1)]
                    step = chosen(body) if callable(chosen) else chosen
                    outer.calls.append(body)
                    outer.keys.append(self.headers.get("Authorization", ""))
                    outer.changed.notify_all()
                    outer.changed.wait_for(
                        lambda: (
                            outer.closed
                            or (len(outer.calls) >= step.get("asked", 0) and outer.answered >= step.get("answered", 0))
                        ),
                        timeout=60,
                    )
                step.get("then", lambda: None)()
                answer = step.get("body", outer.answer(step.get("text", "hello"), body))
                content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                try:
                    if step.get("hangs up"):
                        self.close_connection = True
                        return
                    self.send_response(step.get("status", 200))
                    for name, value in ({"Content-Type": "application/json"} | step.get("headers", {})).items():
                        self.send_header(name, value)
                    self.send_header("Content-Length", str(len(content) + step.get("missing", 0)))
                    self.close_connection = "missing" in step
                    self.end_headers()
                    for start in range(0, len(content), 1) if "drip" in step else ():
                        time.sleep(step["drip"])
                        self.wfile.write(content[start : start + 1])
                    self.wfile.write(b"" if "drip" in step else content)
                except OSError:
                    pass  # the client has given up waiting, which is what such a test is about
                with outer.changed:
                    outer.answered += 1
                    outer.changed.notify_all()

            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.end_headers()
                self.wfile.write(b"<!DOCTYPE html><p>log in")

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        # A client that has given up is no fault of the test that runs by the time its call is answered.
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]
        # The server ends within one interval of its poll.
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"

    @staticmethod
    def answer(text: str, body: dict[str, Any]) -> dict[str, Any]:
        if text == "<echo>":
            text = body["messages"][-1]["content"]
        return {
            "id": "1",
            "object": "chat.completion",
            "created": 1,
            "model": body["model"],
            "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}],
            "usage": {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10},
        }

    def close(self) -> None:
        with self.changed:
            self.closed = True
            self.changed.notify_all()
        self._server.shutdown()
        self._server.server_close()


def refusal(status: int, message: str, code: str = "x", **headers: str) -> dict[str, Any]:
    return {
        "status": status,
        "body": {"error": {"message": message, "type": code, "code": code}},
        "headers": {name.replace("_", "-"): value for name, value in headers.items()},
    }


def request(text: str = "hello", **changes: Any) -> Request:
    return Request(**({"messages": (Message(role="user", content=text),), "role": "designer"} | changes))


@pytest.fixture
def chat_server() -> Iterator[ChatServer]:
    server = ChatServer()
    yield server
    server.close()


@pytest.fixture(autouse=True)
def no_keys(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No key of whoever runs the tests, no ``.env`` of theirs, and no model file chosen."""
    import os

    for name in (*DEFAULT_MODELS, *secret_names(os.environ), "REWARD_SYNTH_MODEL_FILE", "REWARD_SYNTH_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path_factory.mktemp("work"))
