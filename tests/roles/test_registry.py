from __future__ import annotations

import importlib
import pkgutil
from typing import get_args

import pytest

from reward_synth import roles
from reward_synth.core.names import RoleName
from reward_synth.llm.base import Message, Request
from reward_synth.llm.fake import ScriptedModel
from reward_synth.roles.prompts import Prompts
from reward_synth.roles.registry import ROLES, open_role, register
from reward_synth.settings.model import Settings
from reward_synth.settings.sources import load_settings, split_models


def test_every_role_is_registered_once_and_opens_on_its_model() -> None:
    for module in pkgutil.iter_modules(roles.__path__):
        importlib.import_module(f"reward_synth.roles.{module.name}")
    assert set(ROLES) == set(get_args(RoleName))
    asked: list[str] = []

    def model_of(role: RoleName) -> ScriptedModel:
        asked.append(role)
        return ScriptedModel(lambda _: "")

    for name, kind in ROLES.items():
        assert open_role(kind, model_of, Prompts(), Settings()).role == name
    assert asked == list(ROLES)
    with pytest.raises(ValueError, match="there is a role 'critic' already"):
        register(ROLES["critic"])


def test_the_earlier_name_of_a_role_still_loads(monkeypatch: pytest.MonkeyPatch) -> None:
    assert split_models(["goal=local"]) == (None, {"task_drafter": "local"})
    assert Settings.model_validate({"models": {"goal": "local"}}).model_for("task_drafter") == "local"
    monkeypatch.setenv("REWARD_SYNTH_MODEL_GOAL", "local")
    assert load_settings({}).settings.models == {"task_drafter": "local"}
    asked = Request.model_validate({"messages": [Message(role="user", content="hop")], "role": "goal"})
    assert asked.role == "task_drafter"


@pytest.mark.parametrize("role", get_args(RoleName))
def test_every_role_can_be_given_a_model(role: str) -> None:
    assert split_models([f"{role}=gpt-5", "local"]) == ("local", {role: "gpt-5"})
