from __future__ import annotations

import pytest

from reward_synth.core.errors import RewardSynthError
from reward_synth.methods.registry import METHODS, refuse_ignored, with_method
from reward_synth.settings.origins import Resolved
from reward_synth.settings.sources import load_settings, resumed_settings


def test_each_method_names_itself_and_its_paper() -> None:
    for name, method in METHODS.items():
        assert method.name == name
        assert "arXiv:" in method.paper
        assert method.__doc__


def test_an_unknown_method_is_refused_with_the_nearest() -> None:
    with pytest.raises(RewardSynthError, match="there is no method 'eurka'") as error:
        with_method(load_settings({"method": "eurka"}))
    assert error.value.hint == "did you mean 'eureka'?"


def test_the_default_method_changes_no_setting() -> None:
    given = load_settings({"samples": 7})
    assert given.settings.method == "synth"
    assert with_method(given) == given


def test_eureka_brings_its_papers_settings_unless_others_are_given() -> None:
    found = with_method(load_settings({"method": "eureka", "iterations": 2}))
    settings = found.settings
    assert (settings.samples, settings.iterations, settings.temperature) == (16, 2, 1.0)
    assert (settings.rungs, settings.repairs, settings.critic, settings.keep_going) == ("1", 0, False, True)
    assert found.origins["samples"] == found.origins["rungs"] == "method eureka"
    assert found.origins["iterations"] == "--iterations"
    assert with_method(found) == found, "a resumed run has them already"


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"rungs": "0.5,1"}, "--rungs would do nothing: eureka trains every sample to its end"),
        ({"critic": True}, "--critic would do nothing: eureka has no critic"),
        ({"repairs": 2}, "--repairs would do nothing: eureka draws new samples instead of repairing one"),
        ({"shots": 1}, "--shots would do nothing: eureka shows no worked examples"),
    ],
)
def test_a_setting_that_the_method_ignores_is_refused_with_the_reason(given: dict[str, object], reason: str) -> None:
    with pytest.raises(RewardSynthError) as error:
        with_method(load_settings({"method": "eureka"} | given))
    assert error.value.message == reason


def test_what_a_file_says_gives_way_to_a_method_that_was_typed(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "reward-synth.toml").write_text('rungs = "0.5,1"\n')
    monkeypatch.chdir(tmp_path)
    assert with_method(load_settings({"method": "eureka"})).settings.rungs == "1"
    (tmp_path / "reward-synth.toml").write_text('method = "eureka"\nrungs = "0.5,1"\n')
    with pytest.raises(RewardSynthError, match="would do nothing"):
        with_method(load_settings({}))


def test_a_model_for_a_role_that_the_method_does_not_ask_is_refused() -> None:
    with pytest.raises(RewardSynthError, match="eureka asks no critic"):
        with_method(load_settings({"method": "eureka", "models": {"critic": "gpt-5"}}))


def test_a_resumed_run_refuses_what_its_method_decides_too() -> None:
    stored = with_method(load_settings({"method": "eureka"}))
    with pytest.raises(RewardSynthError, match="--keep-going would do nothing: eureka uses all its iterations"):
        refuse_ignored(resumed_settings(stored, {"keep_going": False}))
    earlier = Resolved(load_settings({}).settings, {})
    refuse_ignored(earlier)
