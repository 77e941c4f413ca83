from __future__ import annotations

from pathlib import Path

import pytest

from reward_synth.core.feedback import Feedback
from reward_synth.core.types import Candidate, CheckReport
from reward_synth.diagnosis.summary import summarize
from reward_synth.llm.base import Message, Reply, Request
from reward_synth.report import data
from reward_synth.report.data import report_data, write_plots, write_report
from reward_synth.report.html import FilmLink
from reward_synth.settings.model import Settings
from reward_synth.store import RunStore
from reward_synth.tasks.spec import save_task
from tests.diagnosis import cases

REWARD = "def compute_reward(state, action, next_state):\n    return {'speed': next_state.torso_x - state.torso_x}\n"


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    """A run of one iteration, with a trained, a rejected and a crashed candidate."""
    store = RunStore.create(tmp_path, "walk forward", Settings(), "gym/walk", "reward-synth run 'walk forward'")
    save_task(cases.SPEC, store.task_path)
    episodes = [cases.episode(seed=i) for i in range(8)]
    result = cases.result(cases.measured(episodes))
    folder = store.train_dir("001-a", 0)
    folder.mkdir(parents=True)
    (folder / "result.json").write_text(result.model_dump_json())
    store.write_reward("001-a", REWARD)
    store.write_check("001-a", CheckReport())
    store.save_candidate(Candidate(id="001-a", iteration=1, status="trained", success=1.0, fitness=6.0, steps=200_000))
    store.save_candidate(Candidate(id="001-b", iteration=1, status="rejected", reason="NaN at rest"))
    told = summarize(cases.SPEC, cases.TABLE, "001-a", [result], episodes)
    store.write_summary("001-a", told.data, told.text, told.short)
    store.set_best("001-a")
    store.write_iteration(1, "It walks.")
    store.write_answer(1, Feedback(iteration=1, prefer="001-a", note="less wobbling"))
    request = Request(messages=(Message(role="user", content="?"),), role="designer")
    for usd in (0.25, 0.5):
        store.cost(request, Reply(text="", model="m", prompt_tokens=10, completion_tokens=5, usd=usd, seconds=1.0))
    return store


def test_the_report_is_made_from_the_run_folder_alone(store: RunStore) -> None:
    page = write_report(store)
    assert page == store.path / "report.html"
    text = page.read_text(encoding="utf-8")
    for words in ("walk forward", "NaN at rest", "It walks.", "less wobbling", "8 of 8 episodes succeeded", "$0.7500"):
        assert words in text
    assert text.count("data:image/svg+xml") == 3


def test_costs_are_added_up_by_role_and_steps_over_all_trainings(store: RunStore) -> None:
    data = report_data(store)
    (row,) = data.costs
    assert (row.role, row.calls, row.prompt_tokens, row.usd) == ("designer", 2, 20, 0.75)
    assert data.environment_steps == 200_000


def test_an_unknown_price_is_not_added_as_zero(store: RunStore) -> None:
    request = Request(messages=(Message(role="user", content="?"),), role="designer")
    store.cost(request, Reply(text="", model="m", prompt_tokens=None, completion_tokens=5, usd=None, seconds=1.0))
    (row,) = report_data(store).costs
    assert (row.usd, row.prompt_tokens, row.completion_tokens) == (None, None, 15)


def test_what_the_provider_may_bill_is_told_beside_the_dollars(store: RunStore) -> None:
    assert "given up" not in write_report(store).read_text(encoding="utf-8")
    request = Request(messages=(Message(role="user", content="?"),), role="designer")
    store.cost(request, Reply(text="", model="m", seconds=300.0), given_up=True)
    page = write_report(store).read_text(encoding="utf-8")
    assert "1 request was given up after 5 min 00 s: the provider may bill it." in page and "$0.7500" in page


def test_plots_of_a_trained_candidate(store: RunStore) -> None:
    files = write_plots(store, "001-a")
    assert [path.name for path in files] == ["training.svg", "terms.svg"]
    assert all(path.read_text().rstrip().endswith("</svg>") for path in files)
    assert write_plots(store, "001-b") == []


def test_films_are_part_of_the_page_up_to_a_size(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, content in (("001-b", b"first"), ("001-a", b"too large")):
        path = store.film_path(name, "median")
        path.parent.mkdir(parents=True)
        path.write_bytes(content)
        path.with_suffix(".json").write_text("{}")
        path.with_name(".best.123.mp4").write_bytes(b"is being made")
    monkeypatch.setattr(data, "FILM_BYTES", 8)
    inside, beside = data.films(store, "001-b", ["001-a", "001-b"])
    assert inside == FilmLink("001-b, median", "data:video/mp4;base64,Zmlyc3Q=", embedded=True)
    assert beside == FilmLink("001-a, median", "candidates/001-a/videos/median.mp4", embedded=False)
    page = write_report(store).read_text()
    assert 'src="data:video/mp4;base64,Zmlyc3Q="' in page
    assert '<a href="candidates/001-a/videos/median.mp4">' in page
