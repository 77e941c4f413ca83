"""Which display is made, and that stdout is for data."""

from __future__ import annotations

import pytest

from reward_synth.display import make_display
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
