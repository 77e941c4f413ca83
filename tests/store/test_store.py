from __future__ import annotations

import errno
import json
import os
import platform
import re
import socket
import subprocess
import sys
import tomllib
from datetime import datetime
from pathlib import Path

import pytest

from reward_synth.core import files
from reward_synth.core.errors import RewardSynthError
from reward_synth.core.types import Candidate, CheckReport, Feedback, FeedbackRequest, Finding
from reward_synth.events.model import StatusChanged
from reward_synth.llm.base import Message, Reply, Request
from reward_synth.settings.model import Settings
from reward_synth.store import RunStore, find_run, list_runs
from reward_synth.store.manifest import new_run_id, slug

GOAL = "Make the half-cheetah run backwards!"
SETTINGS = Settings(model="gpt-5", models={"critic": "local"}, samples=2, prompts=Path("mine"), budget=1.5)
REWARD = "def compute_reward(state, action, next_state):\n    return {'speed': -next_state.x_velocity}\n"


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    return RunStore.create(tmp_path / "runs", GOAL, SETTINGS, None, "reward-synth run x", {"samples": "--samples"})


def trained(name: str, **more: object) -> Candidate:
    values = {"id": name, "iteration": int(name[:3]), "status": "trained", "success": 0.5, "fitness": 1.25}
    return Candidate.model_validate(values | more)


def test_a_new_run_holds_what_was_asked_and_nothing_of_the_machine(store: RunStore) -> None:
    assert re.fullmatch(r"\d{8}-\d{4}-half-cheetah-run-backwards-[a-z2-9]{4}", store.path.name)
    assert store.info.goal == GOAL
    assert store.info.status == "running"
    assert {"python", "numpy", "mujoco", "gymnasium", "torch"} <= set(store.info.versions)
    assert (store.path / "command.txt").read_text() == "reward-synth run x\n"
    assert tomllib.loads((store.path / "settings.toml").read_text())["models"] == {"critic": "local"}
    assert RunStore.open(store.path).settings() == SETTINGS
    assert store.origins() == {"samples": "--samples"}


def test_a_new_run_does_not_name_the_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Real host names can be so short that they stand in any text.
    for module, function in ((socket, "gethostname"), (platform, "node")):
        monkeypatch.setattr(module, function, lambda: "a-particular-machine")
    store = RunStore.create(tmp_path, GOAL, SETTINGS)
    everything = "".join(path.read_text() for path in store.path.rglob("*") if path.is_file())
    assert "a-particular-machine" not in everything


def test_names_of_runs() -> None:
    moment = datetime(2026, 11, 22, 17, 5).astimezone()
    assert new_run_id("hop", moment).startswith("20261122-1705-hop-")
    assert slug("Let the ant's legs go to the door") == "ants-legs-go-door"
    assert slug("../../etc/passwd") == "etc-passwd"
    assert slug("机器人") == "run"
    assert len(slug("word " * 50)) <= 32


def test_a_run_is_found_by_what_people_type(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    with pytest.raises(RewardSynthError, match="no run in"):
        find_run(runs, "latest")
    old = RunStore.create(runs, "make the hopper hop", Settings())
    new = RunStore.create(runs, "make the ant walk", Settings())
    new.update(created=datetime(2999, 1, 1).astimezone())
    (runs / "not-a-run").mkdir()
    (runs / "broken").mkdir()
    (runs / "broken" / "run.json").write_text("{")

    assert find_run(runs, "latest") == new.path
    assert find_run(runs, old.path) == old.path
    assert find_run(runs, old.id[:-2]) == old.path
    assert find_run(runs, old.short_id) == old.path
    assert [info.id for info in list_runs(runs)] == [new.id, old.id]
    with pytest.raises(RewardSynthError, match="fits 2 runs"):
        find_run(runs, old.id[:4])
    with pytest.raises(RewardSynthError, match="no run 'hopper-hob'") as caught:
        find_run(runs, "hopper-hob")
    assert caught.value.hint == f"did you mean '{old.id}'?"
    with pytest.raises(RewardSynthError, match="not a run folder"):
        RunStore.open(runs / "not-a-run")


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


def test_results_and_the_best(store: RunStore) -> None:
    for name, more in {
        "001-a": {"status": "rejected", "reason": "two\nlines\tand a tab", "success": None, "fitness": None},
        "001-b": {"success_interval": (0.25, 0.75), "cost_usd": 0.0123, "steps": 5000, "parents": ("001-a",)},
    }.items():
        store.write_reward(name, f"# {name}\n{REWARD}")
        store.save_candidate(trained(name, **more))
    store.results_table()
    lines = store.results_path.read_text().splitlines()
    assert lines[0].split("\t") == [
        "id",
        "parent",
        "iter",
        "status",
        "success",
        "lo",
        "hi",
        "fitness",
        "cost_usd",
        "steps",
        "steps_saved",
        "reason",
    ]
    assert lines[1].split("\t") == ["001-a", "", "1", "rejected", "", "", "", "", "", "0", "0", "two lines and a tab"]
    assert lines[2].split("\t")[:10] == [
        "001-b",
        "001-a",
        "1",
        "trained",
        "0.5",
        "0.25",
        "0.75",
        "1.25",
        "0.0123",
        "5000",
    ]

    store.set_best("001-b")
    assert store.best_reward_path.read_bytes() == store.reward_path("001-b").read_bytes()
    assert not store.best_reward_path.is_symlink()
    assert json.loads((store.path / "best.json").read_text())["candidate"] == "001-b"
    assert (store.info.best, store.info.success) == ("001-b", 0.5)


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


def test_costs_add_up_and_unknown_stays_unknown(store: RunStore) -> None:
    request = Request(messages=(Message(role="user", content="x"),), role="designer", candidate="001-a")
    reply = Reply(text="y", model="m", prompt_tokens=3, completion_tokens=4, usd=0.5, seconds=1.0)
    store.cost(request, reply)
    store.cost(request, reply)
    assert store.spent_usd() == 1.0
    store.cost(request, reply.model_copy(update={"usd": None}))
    assert store.spent_usd() is None
    line = store.costs()[0]
    assert (line.role, line.candidate, line.prompt_tokens) == ("designer", "001-a", 3)


def test_a_torn_line_loses_only_itself(store: RunStore) -> None:
    store.record(StatusChanged(text="first"))
    with store.events_path.open("a") as file:
        file.write('{"kind": "torn", "x": 1')
    store.record(StatusChanged(text="second"))
    assert [event["text"] for event in store.events()] == ["first", "second"]


def test_the_task_is_frozen(store: RunStore) -> None:
    assert store.read_task() is None
    store.write_task("name: gym/x\n")
    store.write_task("name: gym/x\n")
    with pytest.raises(RewardSynthError, match="frozen"):
        store.write_task("name: gym/easier\n")


def test_prompts_are_frozen_once(store: RunStore) -> None:
    store.freeze_prompts({"designer/full/design.md.j2": "one"})
    store.freeze_prompts({"designer/full/design.md.j2": "two"})
    assert (store.prompts_dir / "designer/full/design.md.j2").read_text() == "one"


def test_answers_are_followed_never_overwritten(store: RunStore) -> None:
    store.write_request(FeedbackRequest(iteration=1))
    store.write_request(FeedbackRequest(iteration=1, question="another"))
    assert store.read_request(1) == FeedbackRequest(iteration=1)
    assert store.open_requests() == [1]
    assert store.read_answer(1) is None

    first = store.write_answer(1, Feedback(iteration=1, prefer="001-a", note="slower"))
    content = first.read_bytes()
    second = store.write_answer(1, Feedback(iteration=1, note="and lower"))
    assert (first.name, second.name) == ("001.answer.json", "001.answer-2.json")
    assert first.read_bytes() == content
    assert store.open_requests() == []
    merged = store.read_answer(1)
    assert merged is not None
    assert (merged.prefer, merged.note) == ("001-a", "slower\n\nand lower")
    assert [answer.note for answer in store.answers()] == ["slower", "and lower"]


def test_a_bare_stop_leaves_the_question_open(store: RunStore) -> None:
    store.write_request(FeedbackRequest(iteration=1))
    store.write_answer(1, Feedback(iteration=1, action="stop"))
    assert store.open_requests() == [1]


def test_an_answer_written_by_hand(store: RunStore) -> None:
    store.feedback_dir.mkdir()
    store.answer_path(2).write_text('{"note": "jump higher"}')
    answer = store.read_answer(2)
    assert answer is not None
    assert (answer.iteration, answer.note) == (2, "jump higher")
    store.answer_path(3).write_text('{"nite": "x"}')
    with pytest.raises(RewardSynthError, match="nite") as caught:
        store.read_answer(3)
    assert "note" in caught.value.hint
    store.answer_path(3).write_text('{"note": ')
    with pytest.raises(RewardSynthError, match="not valid JSON"):
        store.read_answer(3)


def test_one_loop_at_a_time(store: RunStore) -> None:
    program = (
        "import sys; from pathlib import Path; from reward_synth.store import RunStore\n"
        "with RunStore(Path(sys.argv[1])).lock():\n    print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(store.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        assert store.is_locked()
        with pytest.raises(RewardSynthError, match="another process"), store.lock():
            pass
        other.kill()
        other.wait()
    assert not store.is_locked()
    with store.lock():
        assert store.is_locked()


def test_stopping(store: RunStore) -> None:
    assert not store.stop_requested()
    store.request_stop()
    assert store.stop_requested()
    store.clear_stop()
    store.clear_stop()
    assert not store.stop_requested()


def test_a_failed_write_leaves_the_old_file_and_no_draft(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    before = (store.path / "run.json").read_bytes()

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(RewardSynthError, match="no space left on the disk") as caught:
        store.update(status="done")
    assert "--runs-dir" in caught.value.hint
    assert (store.path / "run.json").read_bytes() == before
    assert not list(store.path.glob(".*draft"))


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RewardSynthError, match="cannot write"):
        RunStore.create(tmp_path / "file" / "runs", GOAL, Settings())


def test_the_log_keeps_tracebacks(store: RunStore) -> None:
    with store.logging() as log:
        try:
            raise KeyError("lost")
        except KeyError:
            log.exception("it failed")
        log.info("an info line")
    log.info("after")
    text = store.log_path.read_text()
    assert "Traceback" in text
    assert "an info line" in text
    assert "after" not in text


def test_a_run_with_anything_but_plain_files_is_refused(store: RunStore, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("mine")
    link = store.path / "candidates" / "001-a" / "reward.py"
    link.parent.mkdir(parents=True)
    link.symlink_to(secret)
    with pytest.raises(RewardSynthError, match=r"reward\.py is no plain file"):
        RunStore.open(store.path)
    link.unlink()
    RunStore.open(store.path)
    os.mkfifo(link)
    with pytest.raises(RewardSynthError, match="no plain file"):
        RunStore.open(store.path)


def test_a_folder_that_vanishes_while_it_is_looked_at_is_no_fault(
    store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As a training's scratch folder does.
    scratch = store.path / "candidates" / "001-a" / "scratch"
    scratch.mkdir(parents=True)
    real = os.scandir

    def scandir(folder: Path) -> object:
        if Path(folder) == scratch:
            scratch.rmdir()
        return real(folder)

    monkeypatch.setattr(os, "scandir", scandir)
    RunStore.open(store.path)
    assert not scratch.exists()


def test_a_strange_manifest_hangs_no_listing(store: RunStore, tmp_path: Path) -> None:
    for name in ("pipe", "device"):
        (store.path.parent / name).mkdir()
    os.mkfifo(store.path.parent / "pipe" / "run.json")
    (store.path.parent / "device" / "run.json").symlink_to("/dev/zero")
    assert [info.id for info in list_runs(store.path.parent)] == [store.id]
