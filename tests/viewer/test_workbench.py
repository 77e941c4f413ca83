from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from reward_synth.core.feedback import FeedbackRequest
from reward_synth.preferences import Judgement, Workbench
from reward_synth.store import RunStore
from reward_synth.viewer import films
from reward_synth.viewer.app import make_app
from reward_synth.viewer.pages import workbench as page
from tests.diagnosis import cases as trainings
from tests.preferences.cases import BACKWARD, CRAWLED, FELL, FORWARD, WALKED, add_trained, make_run, walk
from tests.viewer.conftest import HOSTILE

ADDRESS = "http://127.0.0.1:8765"
ORDER = [list(WALKED), list(CRAWLED)]


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    return make_run(tmp_path)


@pytest.fixture
def client(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    """The page, for a task whose environment exists in these tests only."""
    opened = Workbench.open
    monkeypatch.setattr(
        Workbench, "open", lambda store, **options: opened(store, table=trainings.TABLE, **options), raising=True
    )
    with TestClient(make_app(store.path.parent), base_url=ADDRESS) as client:
        yield client


def ask(client: TestClient, store: RunStore, what: str, status: int = 200, **said: Any) -> Any:
    address = f"/run/{store.id}/workbench/{what}"
    answer = client.post(address, content=json.dumps(said), headers={"origin": ADDRESS})
    assert answer.status_code == status, answer.text
    return answer.json() if status == 200 else answer.text


def test_groups_cover_every_episode_once(client: TestClient, store: RunStore) -> None:
    found = ask(client, store, "behaviours")
    members = [name for group in found["groups"] for name in group["members"]]
    assert len(members) == len(set(members)) == found["episodes"] == 15
    assert found["rewards"] == {"001-a": FORWARD, "001-b": BACKWARD}
    assert all(group["rank"] is None for group in found["groups"]) and len(found["pair"]) == 2
    assert found["iteration"] == 1
    walked = next(group for group in found["groups"] if WALKED[0] in group["members"])
    one, other = ask(client, store, "split", members=walked["members"])["groups"]
    assert sorted(one["members"] + other["members"]) == sorted(walked["members"])


def test_the_coefficient_moves_with_the_text(client: TestClient, store: RunStore) -> None:
    right = ask(client, store, "pay", source=FORWARD, order=ORDER)
    assert right["agreement"]["value"] == 1.0 and right["findings"] == []
    assert right["terms"] == ["forward", "high"]
    assert all(each["share"] == 0 for each in right["disagreements"])
    wrong = ask(client, store, "pay", source=BACKWARD, order=ORDER)
    assert wrong["agreement"]["value"] == -1.0
    assert wrong["disagreements"][0]["share"] == 1.0
    weighed = ask(client, store, "pay", source=FORWARD.replace("2.0", "4.0"), order=ORDER)
    assert weighed["per_term"][WALKED[0]][0] == pytest.approx(2 * right["per_term"][WALKED[0]][0])


def test_a_text_that_cannot_run_says_why(client: TestClient, store: RunStore) -> None:
    broken = ask(client, store, "pay", source=FORWARD.replace("torso_speed", "torso_sped"), order=ORDER)
    assert broken["agreement"] is None and broken["pay"] == {}
    assert "torso_speed" in broken["findings"][0]["text"] and broken["findings"][0]["line"] == 2
    hostile = ask(client, store, "pay", source="import os\n" + FORWARD)
    assert hostile["pay"] == {} and hostile["findings"]


def test_every_reward_and_the_measure_are_held_against_the_person(client: TestClient, store: RunStore) -> None:
    found = ask(client, store, "agreements", order=ORDER)
    assert found["rewards"]["001-a"]["value"] == 1.0 and found["rewards"]["001-b"]["value"] == -1.0
    assert found["fitness"]["value"] == 1.0
    against = ask(client, store, "agreements", order=ORDER[::-1])
    assert against["fitness"]["value"] == -1.0


def test_what_the_person_did_is_kept_and_shown_again(client: TestClient, store: RunStore) -> None:
    pair = {"first": FELL[0], "second": CRAWLED[0], "answer": "second"}
    said = {"iteration": 1, "order": ORDER, "pairs": [pair], "note": "upright, please", "source": FORWARD}
    assert ask(client, store, "answer", **said, edited_from="001-a")["answer"] == "001.answer.json"
    kept = store.read_answer(1)
    assert kept is not None
    assert (kept.note, kept.edited, kept.edited_from) == ("upright, please", FORWARD, "001-a")
    assert [list(rank) for rank in kept.order or ()] == ORDER
    assert kept.pairs[0].answer == "second"
    found = ask(client, store, "behaviours")
    ranked = [group["members"] for group in found["groups"] if group["rank"] is not None]
    assert ranked == ORDER and found["pairs"] == [pair], "as it was said, whatever today's groups are"
    members = [name for group in found["groups"] for name in group["members"]]
    assert len(members) == len(set(members)) == 15
    agreements = store.read_agreements()
    assert agreements is not None
    assert agreements.values["001-a"] > 0.9 > agreements.values["001-b"]
    # A later note says nothing of the order, and an empty order withdraws it.
    ask(client, store, "answer", iteration=1, note="slower")
    assert bool(Judgement.of(store.answers()).order)
    ask(client, store, "answer", iteration=1, order=[])
    assert Judgement.of(store.answers()).order == ()


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"order": [["009-z/seed-0-episode-000"], list(FELL)]}, "no recorded episode"),
        ({"iteration": 2, "note": "late"}, "the run is at iteration 1"),
        ({"note": " "}, "nothing was said"),
        ({"source": FORWARD, "edited_from": "nonsense"}, "nonsense"),
        ({"pairs": [{"first": FELL[0], "second": FELL[1], "answer": "perhaps"}]}, "something else"),
        ({"unknown": 1}, "something else"),
        ({"source": "no reward", "edited_from": "001-a"}, "not valid Python"),
    ],
)
def test_what_makes_no_sense_is_not_kept(client: TestClient, store: RunStore, said: dict[str, Any], told: str) -> None:
    assert told in ask(client, store, "answer", 409, **{"iteration": 1, **said})
    assert store.answers() == ()
    assert "knows no" in ask(client, store, "dance", 409)


def test_notes_about_moments_answer_no_question(client: TestClient, store: RunStore) -> None:
    store.write_request(FeedbackRequest(iteration=1))
    for second in (0.2, 0.4):
        moment = {"candidate": "001-a", "episode": WALKED[0], "second": second, "note": HOSTILE}
        ask(client, store, "moment", moments=[moment])
    assert store.open_requests() == [1] and store.read_answer(1) is None
    assert [each.moments[0].second for each in store.answers()] == [0.2, 0.4]
    assert "no recorded episode" in ask(
        client, store, "moment", 409, moments=[moment | {"episode": "001-a/evaluations"}]
    )
    assert "nothing was said" in ask(client, store, "moment", 409)


def test_pairs_are_of_two_groups_and_never_the_same_twice(client: TestClient, store: RunStore) -> None:
    groups = ask(client, store, "behaviours")["groups"]
    group_of = {name: number for number, group in enumerate(groups) for name in group["members"]}
    answered: list[dict[str, str]] = []
    for _ in range(20):
        first, second = ask(client, store, "pair", pairs=answered)["pair"]
        assert group_of[first] != group_of[second]
        assert all({first, second} != {each["first"], each["second"]} for each in answered)
        answered.append({"first": first, "second": second, "answer": "cannot tell"})


def test_a_candidate_that_was_trained_meanwhile_is_seen(client: TestClient, store: RunStore) -> None:
    before = ask(client, store, "behaviours")["episodes"]
    add_trained(store, "002-a", [walk(3.0, number) for number in range(2)])
    store.save_candidate(store.candidate("002-a"))
    assert ask(client, store, "behaviours")["episodes"] == before + 2


def test_a_keystroke_reads_no_file_of_the_run(
    client: TestClient, store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(client, store, "behaviours")
    walked: list[Path] = []
    monkeypatch.setattr(RunStore, "candidates", lambda self: walked.append(self.path) or [])
    monkeypatch.setattr(RunStore, "open", lambda path: walked.append(path))
    for what, said in (("pay", {"source": FORWARD}), ("pair", {}), ("split", {"members": list(WALKED)})):
        ask(client, store, what, **said)
    assert walked == []


def test_a_run_whose_episodes_are_being_read_keeps_no_other_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow, other = make_run(tmp_path / "slow"), make_run(tmp_path / "other")
    opened, reading, go_on = Workbench.open, threading.Event(), threading.Event()

    def opening(store: RunStore, **options: Any) -> Workbench:
        if store is slow:
            reading.set()
            assert go_on.wait(30)
        return opened(store, table=trainings.TABLE, **options)

    monkeypatch.setattr(Workbench, "open", opening)
    benches = page.Benches()
    waiting = threading.Thread(target=benches.of, args=(slow,))
    waiting.start()
    assert reading.wait(30)
    assert benches.of(other).store is other
    go_on.set()
    waiting.join()
    assert benches.of(slow).store is slow
    benches.close()


def test_films_are_drawn_one_by_one_and_a_failure_is_told(
    client: TestClient, store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[str] = []

    def draw(store: RunStore, task: Any, recorded: Any, path: Path) -> None:
        drawn.append(path.stem)
        if path.stem.startswith("reference"):
            raise ValueError("no picture")
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"film")

    monkeypatch.setattr(films, "film_blind", draw)
    gone = ask(client, store, "films", members=["009-z/seed-0-episode-000"])
    assert "any more" in gone["failed"]["009-z/seed-0-episode-000"]
    wanted, found = [WALKED[0], WALKED[1], "reference/001"], {"ready": [], "failed": {}}
    while len(found["ready"]) + len(found["failed"]) < len(wanted):
        found = ask(client, store, "films", members=wanted)
    assert sorted(found["ready"]) == sorted(wanted[:2])
    assert found["failed"] == {"reference/001": "ValueError: no picture"}
    assert len(drawn) == len(set(drawn)) == 3
    address = f"/run/{store.id}/workbench/film"
    assert client.get(address, params={"episode": WALKED[0]}).content == b"film"
    for other in ("reference/001", "../run.json", "001-a/../../run", ""):
        assert client.get(address, params={"episode": other}).status_code == 404


def test_workbenches_of_the_latest_runs_stay_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = Workbench.open
    monkeypatch.setattr(Workbench, "open", lambda store, **options: opened(store, table=trainings.TABLE, **options))
    benches = page.Benches()
    stores = [make_run(tmp_path / str(number)) for number in range(page.OPEN + 1)]
    first = benches.of(stores[0])
    assert benches.of(stores[0]) is first
    for store in stores[1:]:
        benches.of(store)
    assert benches.of(stores[0]) is not first
    benches.close()
