"""Whole runs to a solved task by models that are no client library: a program, and a server as people run them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from reward_synth import Run, synthesize
from tests.llm.conftest import ChatServer
from tests.recorded_cases import ANSWER, REVIEW, SOLVES, task_file


def searched(tmp_path: Path, **settings: Any) -> Run:
    made = {"iterations": 1, "samples": 1, "display": "none", "jobs": 1, "runs_dir": tmp_path / "runs"}
    return synthesize("", task=str(task_file(tmp_path)), **made, **settings)


@pytest.mark.slow
def test_a_program_solves_a_task(tmp_path: Path) -> None:
    program, asked = tmp_path / "assistant.py", tmp_path / "asked"
    program.write_text(
        "import sys\n"
        "prompt = sys.stdin.read()\n"
        f"open({str(asked)!r}, 'a').write(prompt)\n"
        f"print({REVIEW!r} if '\"verdict\"' in prompt else {ANSWER!r})\n"
    )
    run = searched(tmp_path, model=f"exec:'{sys.executable}' '{program}'")
    assert run.status == "solved" and run.reward() == SOLVES
    assert [(line.role, line.usd) for line in run.costs] == [("designer", None), ("critic", None)]
    assert "keep the pole up for a while" in asked.read_text()


@pytest.mark.slow
def test_a_server_without_usage_seeds_and_plain_content_solves_a_task(tmp_path: Path, chat_server: ChatServer) -> None:
    def said(body: dict[str, Any]) -> dict[str, Any]:
        if "seed" in body:
            return {"status": 400, "body": {"error": {"message": "Unrecognized request argument supplied: seed"}}}
        reviews = '"verdict"' in str(body["messages"])
        draft = "<think>\n```python\ndef compute_reward(s, a, n):\n    return {}\n```\n</think>\n"
        parts = [{"type": "text", "text": REVIEW if reviews else draft + ANSWER}]
        message = {"role": "assistant", "reasoning_content": "Let me see.", "content": parts}
        return {"body": {"choices": [{"index": 0, "finish_reason": "stop", "message": message}]}}

    chat_server.script = [said]
    run = searched(tmp_path, model="some-model:7b", base_url=chat_server.url)
    assert run.status == "solved" and run.reward() == SOLVES
    assert [(line.role, line.prompt_tokens) for line in run.costs] == [("designer", None), ("critic", None)]
    assert {call["model"] for call in chat_server.calls} == {"some-model:7b"}
