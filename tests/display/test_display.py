"""Which display is made, and that stdout is for data."""

from __future__ import annotations

import contextlib
import os

import pytest

from reward_synth.display import Lasting, make_display
from reward_synth.display.json import JsonDisplay
from reward_synth.display.plain import PlainDisplay
from tests.display.cases import play


def test_auto_is_plain_without_a_terminal() -> None:
    assert isinstance(make_display("auto"), PlainDisplay)
    assert isinstance(make_display("json"), JsonDisplay)


@pytest.mark.parametrize("kind", ["plain", "rich", "none"])
def test_only_json_goes_to_stdout(capsys: pytest.CaptureFixture[str], kind: str) -> None:
    play(make_display(kind))
    assert capsys.readouterr().out == ""


def test_work_goes_on_without_a_display_whose_terminal_is_gone() -> None:
    reading, writing = os.pipe()
    with os.fdopen(writing, "w") as pipe:
        shown = Lasting(PlainDisplay(pipe))
        os.close(reading)
        play(shown)
        with shown.suspended():
            shown.close()
        with contextlib.suppress(BrokenPipeError):
            pipe.close()
