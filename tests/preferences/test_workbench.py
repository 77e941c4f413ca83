from __future__ import annotations

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from reward_synth.core.errors import RewardSynthError
from reward_synth.core.feedback import Feedback
from reward_synth.preferences import Judgement, Workbench, workbench
from reward_synth.sandbox.channel import Channel
from tests.diagnosis import cases as trainings
from tests.preferences import cases

ORDER = (cases.WALKED, cases.CRAWLED, cases.FELL)


@pytest.fixture
def bench(tmp_path: Path) -> Workbench:
    return cases.open_bench(cases.make_run(tmp_path))


def test_a_reward_that_pays_for_what_is_wanted_agrees_and_its_opposite_does_not(bench: Workbench) -> None:
    forward, backward = (
        bench.agreement(bench.pay(source), Judgement((cases.WALKED, cases.CRAWLED)))
        for source in (cases.FORWARD, cases.BACKWARD)
    )
    assert forward is not None and backward is not None
    assert forward.value == pytest.approx(1.0) and forward.pairs == 16
    assert backward.value == pytest.approx(-1.0)


def test_what_the_answers_of_the_run_say_is_the_judgement(bench: Workbench) -> None:
    assert bench.judgement() == Judgement()
    bench.store.write_answer(1, Feedback(iteration=1, order=ORDER))
    assert bench.judgement() == Judgement(ORDER)
    assert bench.agreement(bench.pay(cases.FORWARD), Judgement()) is None


def test_the_episodes_that_disagree_most_come_first(bench: Workbench) -> None:
    found = bench.disagreements(
        bench.pay(cases.FORWARD), Judgement((cases.CRAWLED, (*cases.WALKED[:1], *cases.RESTED)))
    )
    assert found[0].episode == cases.WALKED[0]
    assert found[0].share == 1.0 and found[0].pairs == 4
    assert found[-1].share < found[0].share
    assert cases.FELL[0] not in {each.episode for each in found}, "nobody has judged it"


def test_the_measure_agrees_or_not_and_recordings_cut_short_are_compared_with_each_other_only(bench: Workbench) -> None:
    fitness = bench.fitness_agreement(Judgement(ORDER))
    assert fitness is not None and fitness.pairs == 48 and 0.0 < fitness.value < 1.0, (
        "a fall travels farther than a crawl"
    )
    success = bench.success_agreement(Judgement(ORDER))
    assert success is not None and success.value == pytest.approx((32 / 48) ** 0.5)
    turned = bench.fitness_agreement(Judgement(tuple(reversed((cases.WALKED, cases.CRAWLED)))))
    assert turned is not None and turned.value == pytest.approx(-1.0)
    assert bench.fitness_agreement(Judgement((cases.WALKED, cases.RESTED))) is None


def test_what_a_group_is_paid_term_by_term(bench: Workbench) -> None:
    paid = bench.pay(cases.FORWARD)
    assert paid.terms == ("forward", "high")
    forward, high = bench.group_pay(paid, cases.WALKED)
    assert forward == pytest.approx(2.0 * 8.015 / 10.0, rel=1e-6) and high == pytest.approx(0.5, rel=0.02)


def test_a_text_that_was_paid_is_not_run_again(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    first = bench.pay(cases.FORWARD)
    monkeypatch.setattr(workbench, "pay_of", None)
    assert bench.pay(cases.FORWARD) is first


def test_only_the_latest_payments_are_kept(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbench, "KEPT", 1)
    first = bench.pay(cases.FORWARD)
    bench.pay(cases.BACKWARD)
    assert bench.pay(cases.FORWARD) is not first


def test_an_unknown_episode_is_refused_with_an_example(bench: Workbench) -> None:
    assert bench.episode(cases.FELL[0]).path.name == "seed-0-episode-000.npz"
    with pytest.raises(RewardSynthError) as error:
        bench.episode("001-a/seed-9-episode-000")
    assert "reference/000" in str(error.value.hint)


def test_the_process_of_the_next_text_is_started_ahead_and_ends_with_the_workbench(tmp_path: Path) -> None:
    store = cases.make_run(tmp_path)
    plain = cases.open_bench(store)
    with closing(Workbench.open(store, table=plain.table, ahead=True)) as bench, ThreadPoolExecutor(4) as threads:
        texts = [cases.FORWARD.replace("2.0", f"{number}.0") for number in range(4)]
        for text, paid in zip(texts, threads.map(bench.pay, texts), strict=True):
            assert paid.pay == pytest.approx(plain.pay(text).pay)
        waiting = _waiting(bench)
        os.kill(waiting.pid, signal.SIGKILL)
        while waiting.is_running:
            time.sleep(0.01)
        assert bench.pay(cases.BACKWARD).ok, "one that died is replaced"
        waiting = _waiting(bench)
        assert waiting.is_running
    assert not waiting.is_running


def _waiting(bench: Workbench) -> Channel:
    """The process that waits, once what was asked before is done."""
    assert bench._payer is not None
    bench._payer.submit(int).result()
    assert bench._waiting is not None
    return bench._waiting


def test_an_error_in_the_thread_reaches_the_caller(tmp_path: Path) -> None:
    with closing(Workbench.open(cases.make_run(tmp_path), table=trainings.TABLE, ahead=True)) as bench:
        with pytest.raises(RewardSynthError, match="scale=cube"):
            bench.pay(f"# reward-synth: scale=cube\n{cases.FORWARD}")
        assert bench.pay(cases.FORWARD).ok
