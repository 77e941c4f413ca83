"""`corpus.jsonl`: rewards that models wrote, chosen from `benchmarks/data`, for the tests."""

from __future__ import annotations

from pathlib import Path

from benchmarks import recorded

CORPUS = Path(__file__).with_name("corpus.jsonl")


def test_the_corpus_is_a_choice_of_the_recorded_rewards() -> None:
    chosen = [recorded.RecordedReward.model_validate_json(line) for line in CORPUS.read_text("utf-8").splitlines()]
    assert len({reward.task for reward in chosen}) == 20
    for reward in chosen:
        assert recorded.recorded_reward(reward.task, reward.name).source == reward.source


def test_every_recorded_reward_has_a_name_of_its_own_and_its_tasks_file() -> None:
    rewards = recorded.recorded_rewards()
    assert len(rewards) == len({(reward.task, reward.name) for reward in rewards}) >= 197
    paths = sorted(set(recorded.DATA.glob("*.jsonl")) - {recorded.DEFECTS, recorded.AROSE})
    assert rewards == [reward for path in paths for reward in recorded.recorded_rewards(path.stem)]
