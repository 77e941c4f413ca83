from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.cli.cases import failed, out


def test_models_ls_shows_no_key(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text("OPENAI_API_KEY=sk-very-secret-indeed\n")
    monkeypatch.setattr(os, "environ", os.environ.copy())
    rows = {row["name"]: row for row in json.loads(out(capsys, "models", "ls", "--json"))}
    assert {"local", "manual", "replay:FILE"} <= set(rows)
    assert any("OPENAI_API_KEY is set" in row["note"] for row in rows.values())
    assert "very-secret" not in out(capsys, "models", "ls")


def test_weights_that_are_others(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    from reward_synth.llm.weights import QWEN

    Path("models").mkdir()
    (Path("models") / QWEN.file).write_bytes(b"not the weights")
    monkeypatch.setenv("REWARD_SYNTH_MODELS_DIR", str(Path("models").resolve()))
    said = failed(capsys, "models", "pull")
    assert "is not the expected file: sha256" in said
    assert "delete" in said.split("hint: ")[1]
