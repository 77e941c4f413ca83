from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from reward_synth.core.errors import RewardSynthError
from reward_synth.llm import default_model, open_model
from reward_synth.llm.catalogue import available_models
from reward_synth.llm.keys import load_env_file, scrub, secret_names


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("lokal", "did you mean local"),
        ("Local", "did you mean local"),
        ("manuel", "did you mean manual"),
        ("replay", "replay:FILE"),
        ("reply:runs/x.jsonl", "did you mean replay:FILE"),
        ("", "name one"),
        ("scripted", "ScriptedModel"),
    ],
)
def test_slips_are_told_without_asking_anybody(name: str, hint: str) -> None:
    with pytest.raises(RewardSynthError) as caught:
        open_model(name)
    assert hint in caught.value.hint


def test_a_setting_that_would_do_nothing_is_refused() -> None:
    with pytest.raises(RewardSynthError, match="no meaning"):
        open_model("manual", base_url="http://localhost:1")


def test_the_default_follows_the_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    assert default_model() == ("local", "no API key was found")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "anthropic-key-1234")
    assert default_model() == ("anthropic/claude-sonnet-5", "ANTHROPIC_API_KEY is set")
    monkeypatch.setenv("OPENAI_API_KEY", "")
    assert default_model()[0].startswith("anthropic/"), "an empty key is none"


def test_keys_come_from_the_env_file_and_nothing_else_does(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text("GEMINI_API_KEY=from-file-123\nREWARD_SYNTH_MODEL=gpt-5\nPATH=/nowhere\n")
    monkeypatch.setenv("GEMINI_API_KEY", "")  # registers the name, so that it is restored after the test
    monkeypatch.delenv("GEMINI_API_KEY")
    assert load_env_file() == ("GEMINI_API_KEY",)
    assert default_model()[0].startswith("gemini/")
    Path(".env").write_text("GEMINI_API_KEY=another\n")
    assert load_env_file() == (), "the environment goes before the file"


def test_scrub_takes_out_known_and_keylike_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_SERVER_TOKEN", "entirely-ordinary-words")
    text = scrub("401 for entirely-ordinary-words, sk-abcdef123456, Bearer abc.def?key=zzz and token count 12")
    assert text == "401 for [key], [key], Bearer [key] and token count 12"
    assert secret_names({"OPENAI_API_KEY": "", "HF_TOKEN": "", "PATH": "", "HOME": ""}) == (
        "OPENAI_API_KEY",
        "HF_TOKEN",
    )


def test_the_list_says_what_is_ready_and_what_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("REWARD_SYNTH_MODELS_DIR", str(tmp_path))
    monkeypatch.setenv("OPENAI_API_KEY", "k" * 10)
    rows = {row.name: row for row in available_models()}
    assert not rows["local"].ready
    assert "models pull" in rows["local"].note or "pip install" in rows["local"].note
    assert rows["manual"].ready
    openai = next(row for row in rows.values() if "OPENAI_API_KEY" in row.note)
    anthropic = next(row for row in rows.values() if "ANTHROPIC_API_KEY" in row.note)
    assert openai.ready
    assert not anthropic.ready


def test_nothing_heavy_is_imported_until_a_model_is_opened() -> None:
    code = (
        "import sys, reward_synth.llm, reward_synth.llm.catalogue, reward_synth.llm.litellm\n"
        "print([name for name in ('litellm', 'openai', 'xllamacpp', 'torch', 'tenacity') if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
