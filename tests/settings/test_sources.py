from __future__ import annotations

import os
from pathlib import Path

import pytest

from reward_synth.core.errors import RewardSynthError
from reward_synth.settings.origins import Resolved
from reward_synth.settings.sources import load_settings, resumed_settings, split_models


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("REWARD_SYNTH_"):
            monkeypatch.delenv(name)


def test_each_source_beats_the_ones_below_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)

    assert load_settings({}, inner).settings.samples == 4
    assert load_settings({}, inner).origins["samples"] == "default"

    (tmp_path / "reward-synth.toml").write_text("samples = 5\nsteps = 5000\n")
    from_file = load_settings({}, inner)
    assert from_file.settings.samples == 5
    assert from_file.origins["samples"] == str(tmp_path / "reward-synth.toml")
    assert from_file.with_task_steps(7000, "gym/x").settings.steps == 7000
    assert from_file.with_task_steps(7000, "gym/x").origins["steps"] == "task gym/x"

    (tmp_path / "a" / ".env").write_text("REWARD_SYNTH_SAMPLES=6\nREWARD_SYNTH_STEPS=6000\n")
    from_dotenv = load_settings({}, inner)
    assert from_dotenv.settings.samples == 6
    assert from_dotenv.origins["samples"] == f"REWARD_SYNTH_SAMPLES in {tmp_path / 'a' / '.env'}"
    assert from_dotenv.with_task_steps(7000, "gym/x").settings.steps == 6000

    monkeypatch.setenv("REWARD_SYNTH_SAMPLES", "7")
    assert load_settings({}, inner).settings.samples == 7
    assert load_settings({}, inner).origins["samples"] == "REWARD_SYNTH_SAMPLES"

    typed = load_settings({"samples": "8", "seeds": None}, inner)
    assert (typed.settings.samples, typed.origins["samples"]) == (8, "--samples")
    assert typed.origins["seeds"] == "default"


def test_keys_in_dotenv_reach_the_environment_but_not_the_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "environ", os.environ.copy())
    os.environ["ALREADY_THERE"] = "first"
    os.environ.pop("SOME_PROVIDER_API_KEY", None)
    (tmp_path / ".env").write_text("SOME_PROVIDER_API_KEY=abc123\nALREADY_THERE=second\nREWARD_SYNTH_API_KEY=xyz\n")

    resolved = load_settings({}, tmp_path)

    assert os.environ["SOME_PROVIDER_API_KEY"] == "abc123"
    assert os.environ["ALREADY_THERE"] == "first"
    assert os.environ["REWARD_SYNTH_API_KEY"] == "xyz"
    assert "abc123" not in repr(resolved)
    assert "xyz" not in repr(resolved)


@pytest.mark.parametrize("given", ["", "soon", "2x", "-5", "0", "1h nonsense", "inf", "nan"])
def test_what_is_no_duration_is_refused(given: str) -> None:
    with pytest.raises(RewardSynthError, match="--time-limit"):
        load_settings({"time_limit": given})


def test_unknown_names_are_refused_with_the_nearest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "reward-synth.toml").write_text("sampels = 5\n")
    with pytest.raises(RewardSynthError, match="sampels") as caught:
        load_settings({}, tmp_path)
    assert caught.value.hint == "did you mean 'samples'?"
    assert str(tmp_path / "reward-synth.toml") in caught.value.message

    with pytest.raises(RewardSynthError, match="itertions") as caught:
        load_settings({"itertions": 3}, flags=False)
    assert caught.value.hint == "did you mean 'iterations'?"

    monkeypatch.setenv("REWARD_SYNTH_BUGDET", "5")
    with pytest.raises(RewardSynthError, match="REWARD_SYNTH_BUGDET") as caught:
        load_settings({})
    assert caught.value.hint == "did you mean REWARD_SYNTH_BUDGET?"


def test_a_bad_value_is_refused_naming_where_it_came_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RewardSynthError, match=r"^--samples .*'many'"):
        load_settings({"samples": "many"})
    with pytest.raises(RewardSynthError, match="--feedback") as caught:
        load_settings({"feedback": "aks"})
    assert caught.value.hint == "did you mean 'ask'?"
    (tmp_path / "reward-synth.toml").write_text("seeds = 0\n")
    with pytest.raises(RewardSynthError, match=r"seeds in .*reward-synth.toml"):
        load_settings({}, tmp_path)
    monkeypatch.setenv("REWARD_SYNTH_TEMPERATURE", "9")
    with pytest.raises(RewardSynthError, match="REWARD_SYNTH_TEMPERATURE"):
        load_settings({})


def test_broken_toml_names_the_file(tmp_path: Path) -> None:
    (tmp_path / "reward-synth.toml").write_text("samples = \n")
    with pytest.raises(RewardSynthError, match=r"reward-synth.toml is not valid TOML.*line 1"):
        load_settings({}, tmp_path)


def test_paths_in_the_file_are_relative_to_it(tmp_path: Path) -> None:
    (tmp_path / "reward-synth.toml").write_text('runs_dir = "out"\n')
    (tmp_path / "deeper").mkdir()
    assert load_settings({}, tmp_path / "deeper").settings.runs_dir == tmp_path / "out"


@pytest.mark.parametrize(
    "given",
    [
        {"feedback_timeout": "60"},
        {"feedback_timeout": "60", "feedback": "ask"},
        {"select": "person"},
        {"select": "person", "feedback": "none"},
        {"base_url": "http://localhost:1/v1"},
        {"base_url": "http://localhost:1/v1", "model": "local"},
        {"critic": False, "models": {"critic": "gpt-5"}},
        {"task": "hopper_hop_forward", "env": "Hopper-v5"},
    ],
)
def test_a_setting_that_would_do_nothing_is_refused(given: dict[str, object]) -> None:
    with pytest.raises(RewardSynthError, match="would do nothing"):
        load_settings(given)


def test_a_person_selects_if_they_are_asked() -> None:
    assert load_settings({"select": "person", "feedback": "queue"}).settings.select == "person"
    assert load_settings({}).settings.select == "measure"


def test_but_what_was_typed_may_overrule_what_a_file_says(tmp_path: Path) -> None:
    (tmp_path / "reward-synth.toml").write_text('feedback = "queue"\nfeedback_timeout = "10m"\n')
    assert load_settings({}, tmp_path).settings.feedback_timeout == 600
    assert load_settings({"feedback": "none"}, tmp_path).settings.feedback == "none"
    (tmp_path / "reward-synth.toml").write_text('feedback_timeout = "10m"\n')
    with pytest.raises(RewardSynthError, match="would do nothing"):
        load_settings({}, tmp_path)


def test_models_that_are_no_table_are_an_error_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "reward-synth.toml").write_text('models = "text"\n')
    for critic in (None, "d"):
        if critic is not None:
            monkeypatch.setenv("REWARD_SYNTH_MODEL_CRITIC", critic)
        with pytest.raises(RewardSynthError, match=r"reward-synth\.toml must be a valid dictionary"):
            load_settings({}, tmp_path)


def test_models_per_role(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert split_models(["gpt-5", "critic=local"]) == ("gpt-5", {"critic": "local"})
    assert split_models(["replay:a=b.jsonl"]) == ("replay:a=b.jsonl", {})
    for wrong, named in ((["crtic=local"], "crtic"), (["a", "b"], "twice"), (["critic=a", "critic=b"], "twice")):
        with pytest.raises(RewardSynthError, match=named):
            split_models(wrong)

    (tmp_path / "reward-synth.toml").write_text('model = "a"\n[models]\ncritic = "b"\nanalyzer = "c"\n')
    monkeypatch.setenv("REWARD_SYNTH_MODEL_CRITIC", "d")
    settings = load_settings({"model": "e"}, tmp_path).settings
    assert [settings.model_for(role) for role in ("designer", "critic", "analyzer")] == ["e", "d", "c"]

    (tmp_path / "reward-synth.toml").write_text('[models]\ncritik = "b"\n')
    with pytest.raises(RewardSynthError) as caught:
        load_settings({}, tmp_path)
    assert caught.value.hint == "did you mean 'critic'?"


def test_resuming_changes_limits_only() -> None:
    stored = load_settings({"iterations": 2, "samples": 3, "display": "json"})
    resumed = resumed_settings(stored, {"iterations": "5", "budget": None})
    assert resumed.settings.iterations == 5
    assert resumed.settings.samples == 3
    assert resumed.settings.display == "auto"
    assert resumed.origins["iterations"] == "--iterations"
    with pytest.raises(RewardSynthError, match="'samples' cannot change"):
        resumed_settings(stored, {"samples": 8})
    with pytest.raises(RewardSynthError, match="unknown setting"):
        resumed_settings(stored, {"sampels": 8})
    with pytest.raises(RewardSynthError, match="--iterations"):
        resumed_settings(Resolved(stored.settings, stored.origins), {"iterations": "none"})


def test_the_sandbox_is_switched_off_by_an_option_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    typed = load_settings({"unsafe_no_sandbox": True}, tmp_path)
    assert typed.settings.unsafe_no_sandbox
    assert not resumed_settings(typed, {}).settings.unsafe_no_sandbox
    assert resumed_settings(typed, {"unsafe_no_sandbox": True}).settings.unsafe_no_sandbox

    (tmp_path / "reward-synth.toml").write_text("unsafe_no_sandbox = true\n")
    with pytest.raises(RewardSynthError, match="switch the sandbox off unseen"):
        load_settings({}, tmp_path)
    assert load_settings({"unsafe_no_sandbox": True}, tmp_path).settings.unsafe_no_sandbox
    (tmp_path / "reward-synth.toml").unlink()
    monkeypatch.setenv("REWARD_SYNTH_UNSAFE_NO_SANDBOX", "1")
    with pytest.raises(RewardSynthError, match="REWARD_SYNTH_UNSAFE_NO_SANDBOX would switch"):
        load_settings({}, tmp_path)


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose files name a server on another machine, as somebody might have sent it."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-mine")
    (tmp_path / "reward-synth.toml").write_text('model = "openai/m"\nbase_url = "https://elsewhere.example/v1"\n')
    return tmp_path


def test_a_file_does_not_say_where_keys_are_sent(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RewardSynthError, match=r"sent to https://elsewhere\.example/v1") as caught:
        load_settings({}, elsewhere)
    assert "--base-url https://elsewhere.example/v1" in caught.value.hint
    assert load_settings({"base_url": "https://elsewhere.example/v1"}, elsewhere).settings.base_url
    monkeypatch.setenv("REWARD_SYNTH_BASE_URL", "https://elsewhere.example/v1")
    assert load_settings({}, elsewhere).settings.base_url


def test_a_server_on_this_machine_may_stand_in_a_file(elsewhere: Path) -> None:
    (elsewhere / "reward-synth.toml").write_text('model = "openai/m"\nbase_url = "http://localhost:8000/v1"\n')
    assert load_settings({}, elsewhere).settings.base_url == "http://localhost:8000/v1"


@pytest.mark.parametrize("address", ["https://me:sesame-77@host/v1", "https://host/v1?api-key=sesame-77"])
def test_an_address_that_holds_a_key_is_refused_since_a_run_writes_it_down(address: str, tmp_path: Path) -> None:
    given = {"base_url": address, "model": "m"}
    stored = load_settings({"base_url": "https://host/v1?api-version=2", "model": "m"}, tmp_path)
    for load in (lambda: load_settings(given, tmp_path), lambda: resumed_settings(stored, {"base_url": address})):
        with pytest.raises(RewardSynthError, match="--base-url holds a password or a key") as caught:
            load()
        assert "sesame" not in str(caught.value)


def test_a_file_that_brings_its_own_key_may_name_the_server(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (elsewhere / ".env").write_text("REWARD_SYNTH_API_KEY=theirs\n")
    assert load_settings({}, elsewhere).settings.base_url == "https://elsewhere.example/v1"
    monkeypatch.setenv("REWARD_SYNTH_API_KEY", "mine")
    with pytest.raises(RewardSynthError, match="sent to"):
        load_settings({}, elsewhere)


def test_of_other_programs_dotenv_gives_keys_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    monkeypatch.delenv("GROQ_API_KEY", raising=False)
    (tmp_path / ".env").write_text("OPENAI_BASE_URL=https://elsewhere.example\nGROQ_API_KEY=gsk_x\nLD_PRELOAD=x.so\n")
    load_settings({}, tmp_path)
    assert os.environ.get("GROQ_API_KEY") == "gsk_x"
    assert "OPENAI_BASE_URL" not in os.environ
    assert "LD_PRELOAD" not in os.environ


def test_a_resumed_run_does_not_say_where_keys_are_sent(tmp_path: Path) -> None:
    stored = load_settings({"model": "openai/m", "base_url": "https://elsewhere.example/v1"}, tmp_path)
    with pytest.raises(RewardSynthError, match=r"this run's settings\.toml would have your API key sent to"):
        resumed_settings(stored, {})
    with pytest.raises(RewardSynthError, match="sent to https://else"):
        resumed_settings(stored, {"base_url": None})
    assert resumed_settings(stored, {"base_url": "https://elsewhere.example/v1"}).settings.base_url
    assert resumed_settings(stored, {"base_url": "https://other.example"}).settings.base_url == "https://other.example"
