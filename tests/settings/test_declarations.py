"""One declaration is all that a setting needs."""

from __future__ import annotations

import inspect
from typing import Annotated, Literal

import pytest
import typer
from pydantic import BaseModel, ValidationError

from reward_synth.cli import options
from reward_synth.cli.resume import resume
from reward_synth.cli.run import run
from reward_synth.settings import declarations
from reward_synth.settings.declarations import (
    RESUMABLE,
    SETTINGS,
    Declarations,
    Setting,
    is_path,
    is_switch,
    options_of,
    value_text,
)
from reward_synth.settings.model import Settings


def test_the_model_has_the_declared_fields_and_defaults() -> None:
    assert tuple(Settings.model_fields) == tuple(SETTINGS)
    made = Settings()
    assert all(getattr(made, name) == getattr(Declarations, name) for name in SETTINGS)
    assert made.models is not Settings().models


def test_every_setting_is_described() -> None:
    assert all(setting.help.endswith(".") for setting in SETTINGS.values())


def test_a_declaration_tells_pydantic_what_it_demands() -> None:
    class Declared:
        count: Annotated[int | None, Setting("Some.", at_least=2, below=9, parse=lambda value: value or None)] = None

    class Made(Declared, BaseModel):
        pass

    assert Made.model_validate({"count": ""}).count is None
    assert Made.model_validate({"count": "8"}).count == 8
    for wrong, said in (("1", "greater than or equal to 2"), ("9", "less than 9")):
        with pytest.raises(ValidationError, match=said):
            Made.model_validate({"count": wrong})


def test_the_options_of_run_and_resume_are_made_from_the_declarations() -> None:
    typed = set(inspect.signature(run).parameters) - {"goal", "set_values", "json", "dry_run", "view"}
    assert typed == {name for name in SETTINGS if name != "models"}
    # `--env` changes nothing of a run: it says where the file of its environment lies.
    assert set(inspect.signature(resume).parameters) - {"run", "runs_dir", "json", "env"} == set(RESUMABLE)


def test_how_a_setting_is_typed_follows_from_its_type() -> None:
    assert options_of("final_seeds") == ("--final-seeds",)
    assert options_of("keep_going") == ("--keep-going/--no-keep-going",)
    assert options_of("yes") == ("--yes/--no-yes", "-y")
    assert options_of("unsafe_no_sandbox") == ("--unsafe-no-sandbox",)
    assert [value_text(name) for name in ("samples", "temperature", "prompts", "scale", "budget")] == [
        "NUMBER", "NUMBER", "DIR", "sum|sign", "USD",
    ]  # fmt: skip
    assert {name for name in SETTINGS if is_path(name)} == {"prompts", "runs_dir", "start_from"}
    assert {name for name in SETTINGS if is_switch(name)} == {"critic", "keep_going", "yes", "unsafe_no_sandbox"}


def test_a_setting_that_is_declared_anew_is_an_option_at_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    new = Annotated[Literal["left", "right"] | None, Setting("Which way to turn.")]
    monkeypatch.setitem(declarations._HINTS, "turn", new)
    monkeypatch.setitem(declarations.SETTINGS, "turn", Setting("Which way to turn."))
    got = []

    @options.with_settings(["turn"])
    def command(*, first: bool = False, given: options.Given) -> None:
        got.append((first, given))

    app = typer.Typer(rich_markup_mode=None)
    app.command()(command)
    app(["--turn", "left", "--first"], standalone_mode=False)
    assert got == [(True, {"turn": "left"})]
    app(["--help"], standalone_mode=False)
    shown = " ".join(capsys.readouterr().out.split())
    assert "--turn left|right" in shown and "Which way to turn." in shown
