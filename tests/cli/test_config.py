from __future__ import annotations

import json

import pytest

from tests.cli.cases import out


def test_config_show_says_where_from(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REWARD_SYNTH_SAMPLES", "6")
    data = json.loads(out(capsys, "config", "show", "--json", "--set", "models.critic=local"))
    assert data["samples"] == {"value": 6, "origin": "REWARD_SYNTH_SAMPLES"}
    assert data["models"]["value"] == {"critic": "local"}
    assert data["seeds"]["origin"] == "default"
