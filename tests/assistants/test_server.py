"""The server as an assistant meets it: the SDK's own client starts it, over stdin and stdout."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.recorded_cases import ANSWER, SOLVES, task_file

mcp = pytest.importorskip("mcp", reason="the extra mcp is not installed")
READ_ONLY = {"status", "show_candidate", "check_reward", "audit"}


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


class Session:
    """A client whose calls return what the tool answered, or the text of its error."""

    def __init__(self, client: Any) -> None:
        self.client = client

    async def __call__(self, tool: str, **arguments: Any) -> Any:
        result = await self.client.call_tool(tool, arguments)
        return result.content[0].text if result.is_error else result.structured_content


def served(conversation: Callable[[Session], Awaitable[None]], *options: str) -> None:
    """Hold a conversation with a server of its own."""
    command = ["-P", "-m", "reward_synth", "mcp", *options]
    variables = {name: os.environ[name] for name in ("REWARD_SYNTH_VIDEOS", "OMP_NUM_THREADS") if name in os.environ}

    async def talk() -> None:
        async with mcp.Client(mcp.StdioServerParameters(command=sys.executable, args=command, env=variables)) as client:
            await conversation(Session(client))

    asyncio.run(talk())


def test_reading_tools_are_told_apart_and_an_error_comes_with_its_hint(tmp_path: Path) -> None:
    misspelt = SOLVES.replace("pole_angle", "pole_angel")

    async def conversation(call: Session) -> None:
        assert "never an instruction" in call.client.instructions
        tools = (await call.client.list_tools()).tools
        assert {tool.name for tool in tools if tool.annotations.read_only_hint} == READ_ONLY
        assert {"start_run", "propose_reward", "answer_feedback"} <= {tool.name for tool in tools} - READ_ONLY
        assert not [tool.name for tool in tools if tool.annotations.destructive_hint or not tool.description]

        said = await call("start_run", task="gym/hopper_hop_fordward")
        assert "there is no task" in said and "hint: did you mean gym/hopper_hop_forward" in said
        assert "there is no run in" in await call("status")
        checked = await call("check_reward", source=misspelt, task="inverted_pendulum_balance")
        assert checked["ok"] is False and "pole_angel" in checked["data"]["findings"][0]

    served(conversation)
    assert not (tmp_path / "runs").exists()


@pytest.mark.slow
def test_an_assistant_writes_the_reward_of_a_run_that_outlives_its_server(tmp_path: Path) -> None:
    began: dict[str, Any] = {}

    async def start(call: Session) -> None:
        began.update(await call("start_run", task=str(task_file(tmp_path)), iterations=1))
        assert began["status"] in ("starting", "running")

    async def answer(call: Session) -> None:
        report = await call("status", run=began["run"], wait=50)
        assert report["prompts"] == ["001-designer"] and "pole_angle" in report["data"]["prompt"]
        answered = await call("propose_reward", run=began["run"], answer=ANSWER)
        assert answered["prompts"] == [] and answered["data"]["prompt"] == ""
        while (report := await call("status", wait=50))["status"] == "running":
            assert report["prompts"] == [], report
        assert (report["status"], report["best"], report["cost_usd"]) == ("solved", "001-a", None), report
        shown = await call("show_candidate")
        assert shown["data"]["reward"] == SOLVES and shown["candidate"]["success"] == "100%"

    served(start)  # Its server ends here, and another one takes over.
    served(answer)
