"""An OpenAI-compatible server on this machine that answers with recorded texts: every build is given the same."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

ROLES = ("designer", "critic", "analyzer", "task_drafter")


class RecordedModel:
    """Answers for each role, in turn. A request asks for a role by naming it as its model.

    :param answers: texts by role; after the last one it begins anew.
    :param address: of this machine, at which it listens.
    """

    def __init__(self, answers: Mapping[str, Sequence[str]], address: str = "127.0.0.1") -> None:
        self._answers = answers
        self._given: dict[str, int] = {}
        self._lock = threading.Lock()
        self.prompt_characters = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status, answer = outer.reply(body, self.headers)
                content = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer((address, 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.options = [f"--base-url=http://{address}:{self._server.server_port}/v1"]
        """Options of ``reward-synth run`` with which it asks this server."""
        self.options += [f"--model={role}=openai/{role}" for role in ROLES if role in answers]

    def reply(self, body: dict[str, Any], headers: Message) -> tuple[int, dict[str, Any]]:
        """Status and content of the answer to a request."""
        return 200, self.answer(body)

    def answer(self, body: dict[str, Any]) -> dict[str, Any]:
        """The next text of the role that the body names."""
        asked = sum(len(str(message["content"])) for message in body["messages"])
        role = str(body["model"]).rpartition("/")[2]
        with self._lock:
            self.prompt_characters += asked
            number = self._given.get(role, 0)
            self._given[role] = number + 1
        text = self._answers[role][number % len(self._answers[role])]
        return {
            "id": "1",
            "object": "chat.completion",
            "created": 1,
            "model": body["model"],
            "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}],
            "usage": {"prompt_tokens": asked // 4, "completion_tokens": len(text) // 4, "total_tokens": 0},
        }

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
