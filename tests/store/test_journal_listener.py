from __future__ import annotations

from pathlib import Path

from reward_synth.events.model import StatusChanged, TrainingProgressed
from reward_synth.settings.model import Settings
from reward_synth.store import RunStore
from reward_synth.store.journal import JournalListener


class Clock:
    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def progress(step: int, seed: int = 0) -> TrainingProgressed:
    return TrainingProgressed(candidate="001-a", seed=seed, step=step, total_steps=100)


def test_the_journal_takes_down_progress_once_a_second_and_all_else(tmp_path: Path) -> None:
    store, clock = RunStore.create(tmp_path, "hop", Settings()), Clock()
    hear = JournalListener(store, clock)
    for step in range(10):
        clock.seconds = step * 0.25
        hear(progress(step))
        hear(StatusChanged(text=f"at {step}"))
    hear(progress(99, seed=1))
    steps = [(event["seed"], event["step"]) for event in store.events() if event["kind"] == "training"]
    assert steps == [(0, 0), (0, 4), (0, 8), (1, 99)]
    assert sum(event["kind"] == "status" for event in store.events()) == 10


def test_the_store_answers_what_changed_since_an_offset(tmp_path: Path) -> None:
    store = RunStore.create(tmp_path, "hop", Settings())
    assert store.events_since(0) == ([], 0)
    store.record(StatusChanged(text="one"))
    first, offset = store.events_since(0)
    store.record(StatusChanged(text="two"))
    with store.events_path.open("a") as file:
        file.write('{"kind": "status", "te')
    second, end = store.events_since(offset)
    assert [event["text"] for event in (*first, *second)] == ["one", "two"]
    with store.events_path.open("a") as file:
        file.write('xt": "three"}\n')
    third, _ = store.events_since(end)
    assert [event["text"] for event in third] == ["three"], "a line is read once it is whole"


def test_a_line_separator_in_a_text_does_not_tear_its_line(tmp_path: Path) -> None:
    store = RunStore.create(tmp_path, "hop", Settings())
    text = "one\u2028two\u0085three"
    store.record(StatusChanged(text=text))
    assert [event["text"] for event in store.events()] == [text]
