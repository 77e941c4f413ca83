from __future__ import annotations

import pytest

from reward_synth.core.errors import RewardSynthError
from reward_synth.llm import open_model
from reward_synth.llm.litellm import LiteLLMModel

from .conftest import ChatServer, request

KEY = "sk-secret0123456789abcdef"


def test_a_priced_model_is_priced_and_an_unknown_one_is_not(chat_server: ChatServer, monkeypatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_BASE_URL", chat_server.url)
    # 7 tokens in at $0.15 and 3 out at $0.60 per million
    priced = LiteLLMModel("openai/gpt-4o-mini").complete(request())
    assert priced.usd == pytest.approx(7 * 0.15e-6 + 3 * 0.60e-6)
    assert LiteLLMModel("openai/test-model").complete(request()).usd is None
    body = chat_server.answer("paid", {"model": "m"})
    chat_server.script = [{"body": body | {"usage": {"prompt_tokens": -7_000_000, "completion_tokens": 3}}}]
    assert LiteLLMModel("openai/gpt-4o-mini").complete(request()).usd is None, "a budget would never be met"


def test_a_missing_key_is_told_before_any_call() -> None:
    with pytest.raises(RewardSynthError, match="model gpt-5 needs OPENAI_API_KEY") as caught:
        open_model("gpt-5")
    assert "--model local" in caught.value.hint


def test_an_unknown_name_gets_a_suggestion(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(RewardSynthError, match="unknown model gpt-5-mni") as caught:
        open_model("gpt-5-mni")
    assert "gpt-5-mini" in caught.value.hint
    assert capsys.readouterr().out == "", "stdout is for data"


def test_a_server_of_ones_own_may_have_any_name(chat_server: ChatServer) -> None:
    chat_server.script = [{"text": "mine"}]
    assert open_model("Qwen/my-finetune", base_url=chat_server.url).complete(request()).text == "mine"
    assert chat_server.calls[0]["model"] == "Qwen/my-finetune"
