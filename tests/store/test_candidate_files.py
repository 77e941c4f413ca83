from __future__ import annotations

import json
from dataclasses import replace

import pytest

from reward_synth.core.errors import RewardSynthError
from reward_synth.core.types import Candidate, CheckReport, Finding
from reward_synth.screening.case import ATTACK
from reward_synth.state.episode import Episode, Judged
from reward_synth.store import RunStore
from reward_synth.store.candidate_files import MOST_EARLIER
from tests.diagnosis import cases
from tests.store.cases import REWARD, trained


def test_candidates_are_kept_in_order_and_read_back(store: RunStore) -> None:
    names = [store_id for number in (1, 2) for store_id in (f"{number:03d}-a", f"{number:03d}-b")]
    for name in reversed(names):
        store.write_reward(name, REWARD)
        store.write_check(name, CheckReport(findings=(Finding(rule="r", message="m", line=2),), fields=("x",)))
        store.save_candidate(Candidate(id=name, iteration=int(name[:3])))
    assert [candidate.id for candidate in store.candidates()] == names
    assert store.read_reward("001-a") == REWARD
    report = store.read_check("001-a")
    assert report is not None
    assert report.findings[0].line == 2
    with pytest.raises(RewardSynthError, match="no candidate '009-z'") as caught:
        store.candidate("009-z")
    assert "001-a" in caught.value.hint
    for wrong in ("../../etc", "001-a/../../x", "latest"):
        with pytest.raises(RewardSynthError, match="not a candidate"):
            store.candidate_dir(wrong)


def test_a_file_is_read_again_only_when_it_has_changed(store: RunStore) -> None:
    store.save_candidate(Candidate(id="001-a", iteration=1))
    first = store.known("001-a")
    assert store.known("001-a") is first, "it is not read twice"
    store.save_candidate(trained("001-a"))
    assert store.known("001-a") == trained("001-a")
    path = store.candidate_dir("001-a") / "candidate.json"
    text = path.read_text()
    path.write_text(text[: len(text) // 2])
    assert store.known("001-a") is None
    assert store.damage() == ["candidates/001-a/candidate.json cannot be read, and is left out"]
    path.write_text(text)
    assert store.candidates() == [trained("001-a")]
    path.unlink()
    assert store.known("001-a") is None


def test_what_an_attack_found_is_kept_with_its_scores(store: RunStore) -> None:
    store.write_planned("001-a", {})
    assert store.read_planned("001-a") == {} and not store.planned_path("001-a", "planned").parent.exists()
    episode = cases.episode(1.0, length=3)
    judged = Judged(episode, cases.measured([episode], False)[0])
    store.write_planned("001-a", {"planned": judged, "wrong-sign": judged, "early-end-pays": judged})
    store.write_check("001-a", CheckReport(findings=(ATTACK["wrong-sign"].finding("m"),)))
    assert store.read_planned("001-a")["planned"] == judged.score
    assert (Episode.load(store.planned_path("001-a", "planned")).rows == episode.rows).all()
    assert store.shown_findings("001-a") == {"wrong-sign": judged.score}, "what has a finding"
    store.planned_path("001-a", "wrong-sign").unlink()
    assert store.shown_findings("001-a") == {}
    elsewhere = "../../elsewhere"
    judged.episode.save(store.planned_path("001-a", elsewhere))
    path = store.planned_path("001-a", "scores").with_suffix(".json")
    kept = json.loads(path.read_text())
    path.write_text(json.dumps({"scores": kept["scores"] | {elsewhere: judged.score.model_dump(mode="json")}}))
    assert elsewhere not in store.read_planned("001-a"), "no film of it is written outside of the run"
    path.write_text("half")
    assert store.read_planned("001-a") == {}, "a damaged file hides nothing else"
    store.save_candidate(trained("001-a"))
    with pytest.raises(ValueError, match="finished"):
        store.write_planned("001-a", {"planned": judged})


def test_an_attack_is_shown_the_latest_episodes_of_earlier_iterations_each_once(store: RunStore) -> None:
    for number in range(MOST_EARLIER + 3):
        # The first and the last but one are the same.
        episode = cases.episode(float(number % (MOST_EARLIER + 1)), length=3)
        episode = replace(episode, actions=episode.actions + number % (MOST_EARLIER + 1))
        judged = Judged(episode, cases.measured([episode], False)[0])
        store.write_planned(f"{number + 1:03d}-a", {"planned": judged, "wrong-sign": judged})
        store.save_candidate(Candidate(id=f"{number + 1:03d}-a", iteration=number + 1))

    def seen(iteration: int) -> list[float]:
        return [float(each.episode.actions[0, 0]) for each in store.planned_before(iteration)]

    first = float(cases.episode(0.0, length=3).actions[0, 0])
    assert seen(1) == [] and seen(3) == [first, first + 1]
    last = [*range(3, MOST_EARLIER + 1), 0, 1]
    assert seen(99) == [first + number for number in last]


def test_a_finished_candidate_never_changes(store: RunStore) -> None:
    store.write_reward("001-a", REWARD)
    store.save_candidate(Candidate(id="001-a", iteration=1))
    store.write_reward("001-a", REWARD + "# repaired\n")
    store.save_candidate(trained("001-a"))
    store.save_candidate(trained("001-a"))
    before = {path: path.read_bytes() for path in store.candidate_dir("001-a").rglob("*") if path.is_file()}
    with pytest.raises(ValueError, match="finished"):
        store.save_candidate(trained("001-a", success=1.0))
    with pytest.raises(ValueError, match="finished"):
        store.write_reward("001-a", REWARD)
    with pytest.raises(ValueError, match="finished"):
        store.write_check("001-a", CheckReport())
    store.write_summary("001-a", {"n": 1}, "text", "short")
    store.write_summary("001-a", {"n": 1}, "text", "short")
    with pytest.raises(ValueError, match="summary"):
        store.write_summary("001-a", {"n": 2}, "another text")
    assert (store.read_summary("001-a"), store.read_summary("001-a", short=True)) == ("text", "short")
    assert {path: path.read_bytes() for path in before} == before


def test_a_reward_is_frozen_once_a_training_has_begun(store: RunStore) -> None:
    store.write_reward("001-a", REWARD)
    store.train_dir("001-a", 0).mkdir(parents=True)
    (store.train_dir("001-a", 0) / "job.json").write_text("{}")
    store.write_reward("001-a", REWARD)
    with pytest.raises(ValueError, match="being trained"):
        store.write_reward("001-a", REWARD + "#")


def test_the_reward_is_kept_byte_for_byte(store: RunStore) -> None:
    source = "# é\r\nx = 1  \n\n\n"
    assert store.write_reward("001-a", source).read_bytes() == source.encode()
    assert store.read_reward("001-a") == source


def test_exchanges_are_numbered_markdown(store: RunStore) -> None:
    first = store.write_exchange("001-a", "designer", "ask", "answer")
    store.write_exchange("001-a", "critic", "ask again", "other")
    third = store.write_exchange(None, "analyzer", "why", "because", iteration=3)
    assert first == store.candidate_dir("001-a") / "llm" / "01-designer.answer.md"
    assert (first.parent / "02-critic.prompt.md").read_text() == "ask again"
    assert third == store.path / "iterations" / "003-llm" / "01-analyzer.answer.md"
    store.write_iteration(3, "it fell over")
    assert store.read_iterations() == {3: "it fell over\n"}
    assert store.iteration_done(3)
    assert not store.iteration_done(2)
