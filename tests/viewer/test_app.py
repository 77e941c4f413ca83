from __future__ import annotations

import os
import re
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from reward_synth.api.run import Run
from reward_synth.core.feedback import FeedbackRequest
from reward_synth.core.types import Candidate
from reward_synth.store import RunStore
from reward_synth.viewer.access import REPORTS, Access
from reward_synth.viewer.app import LONGEST_FORM, STATIC, make_app
from tests.viewer.conftest import HOSTILE, POINTS, progress

ADDRESS = "http://127.0.0.1:8765"
OURS = {"origin": ADDRESS}


@pytest.fixture
def client(run: Run) -> TestClient:
    return TestClient(make_app(run.path.parent), base_url=ADDRESS)


def everything(run: Run) -> list[str]:
    here = f"/run/{run.id}"
    return [
        "/",
        here,
        f"{here}/table",
        f"{here}/candidate/001-a",
        f"{here}/candidate/002-a",
        f"{here}/compare?with=001-a&with=002-a",
        f"{here}/candidate/<script>alert(1)</script>",
    ]


class Elements(HTMLParser):
    """The elements of a page, with the names of their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[str] = []
        self.scripts: list[str | None] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]
        if tag == "script" and dict(attrs).get("type") != "application/json":
            self.scripts.append(dict(attrs).get("src"))


def test_every_text_of_a_run_is_escaped_on_every_page(client: TestClient, run: Run) -> None:
    for path in everything(run):
        answer = client.get(path)
        page = Elements(answer.text)
        assert "img" not in page.tags, path
        assert not [name for name in page.attributes if name.startswith("on") or name == "style"], path
        assert all(source and source.startswith("/static/") for source in page.scripts), path
        assert "49" not in answer.text or "{{7*7}}" in answer.text, "a text of the run was taken for a template"


def test_a_page_shows_what_the_run_holds(client: TestClient, run: Run) -> None:
    whole = client.get(f"/run/{run.id}").text
    for told in ("002-a", "50 %", "20 % to 80 %", "It runs.", run.task.fitness_unit, "episode."):
        assert told in whole
    candidate = client.get(f"/run/{run.id}/candidate/002-a").text
    assert '<span class="string term t0">speed</span>' in candidate
    assert "how it differs from 001-a" in candidate
    assert "dead-term" in candidate
    assert "prompt &lt;/pre&gt;" in candidate
    both = client.get(f"/run/{run.id}/compare?with=001-a&with=002-a").text
    assert '<div class="removed">-W = -1.0</div>' in both


def test_curves_come_from_results_and_from_the_journal_of_a_training_under_way(client: TestClient, run: Run) -> None:
    for point in (*POINTS[:2], POINTS[0]):  # A resumed training repeats a point.
        run.store.record(progress("003-a", point))
    data = client.get(f"/run/{run.id}/curves").json()
    assert [point["step"] for point in data["curves"]["002-a"]] == [1000, 2000, 3000]
    assert [point["step"] for point in data["curves"]["003-a"]] == [1000, 2000]
    assert data["parents"]["002-a"] == ["001-a"]
    terms = client.get(f"/run/{run.id}/candidate/002-a/curves").json()["terms"]
    assert [term["name"] for term in terms] == ["speed", "effort"]


def test_a_film_is_sent_in_the_ranges_that_a_browser_asks_for(client: TestClient, run: Run) -> None:
    address = f"/run/{run.id}/candidate/002-a/film/median"
    assert f'src="{address}.mp4"' in client.get(f"/run/{run.id}").text, "the best reward's film is on the run's page"
    whole = client.get(f"{address}.mp4")
    assert whole.headers["content-type"] == "video/mp4"
    part = client.get(f"{address}.mp4", headers={"range": "bytes=10-19"})
    assert part.status_code == 206
    assert part.content == whole.content[10:20]
    assert client.get(f"{address}.json").json()["candidate"] == "002-a"


@pytest.mark.parametrize(
    "path",
    ["/run/{}/candidate/002-a/film/..%2f..%2f..%2frun.json", "/run/{}/candidate/..%2f/film/median.mp4",
     "/run/{}/candidate/002-a/film/worst.mp4", "/run/..%2f..%2fetc", "/run/nobody", "/static/..%2fapp.py",
     "/run/{}/candidate/009-z", "/run/{}/compare?with=001-a", "/run/{}/candidate/002-a/film/result.npz"],
)  # fmt: skip
def test_nothing_else_can_be_read(client: TestClient, run: Run, path: str) -> None:
    assert client.get(path.format(run.id)).status_code == 404


def test_a_link_in_a_run_folder_leads_nowhere(client: TestClient, run: Run, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("a key")
    run.store.film_path("002-a", "worst").symlink_to(secret)
    assert client.get(f"/run/{run.id}/candidate/002-a/film/worst.mp4").status_code == 404


def test_every_answer_forbids_what_is_not_ours(client: TestClient, run: Run) -> None:
    for path in (*everything(run), "/static/style.css", "/nowhere"):
        policy = client.get(path).headers["content-security-policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy


def test_another_site_can_neither_read_nor_change(client: TestClient, run: Run) -> None:
    assert client.get("/", headers={"host": "attacker.example:8765"}).status_code == 421
    for origin in ({}, {"origin": "http://attacker.example"}, {"origin": "null"}, {"origin": "http://127.0.0.1:1"}):
        answer = client.post(f"/run/{run.id}/feedback", data={"note": "buy"}, headers=origin)
        assert answer.status_code == 403, origin
    assert len(run.store.answers()) == 1


def test_off_the_loopback_a_token_is_needed(run: Run) -> None:
    access = Access.for_host("0.0.0.0")
    assert access.token and Access.for_host("127.0.0.1").token is None
    client = TestClient(make_app(run.path.parent, access), base_url="http://10.0.0.7:80")
    assert client.get("/").status_code == 401
    assert client.get("/?token=wrong").status_code == 401
    twice = client.get(f"http://10.0.0.7//attacker.example/x?token={access.token}", follow_redirects=False)
    assert twice.headers["location"] == "/attacker.example/x", "two slashes would lead to another host"
    client.cookies.clear()
    first = client.get(f"/run/{run.id}?token={access.token}&x=1", follow_redirects=False)
    assert (first.status_code, first.headers["location"]) == (303, f"/run/{run.id}?x=1")
    assert client.get("/").status_code == 200, "the cookie is enough"


def test_an_answer_on_the_page_is_the_same_as_the_commands(client: TestClient, run: Run) -> None:
    run.store.write_request(FeedbackRequest(iteration=2, question="Which?"))
    assert "Your answer is awaited" in client.get(f"/run/{run.id}").text
    said = {"iteration": "2", "note": f"lower {HOSTILE}", "prefer": "002-a", "verdict": ""}
    answer = client.post(f"/run/{run.id}/feedback", data=said, headers=OURS, follow_redirects=False)
    assert answer.status_code == 303
    stored = run.store.read_answer(2)
    assert stored is not None
    assert (stored.prefer, stored.note, stored.action) == ("002-a", f"lower {HOSTILE}", "continue")
    run.store.write_request(FeedbackRequest(iteration=2, question="Which?"))
    assert "Sent, with 002-a as the best: lower" in client.get(f"/run/{run.id}").text
    client.post(
        f"/run/{run.id}/feedback", data={"iteration": "2", "verdict": "accept", "prefer": "001-a"}, headers=OURS
    )
    accepted = run.store.read_answer(2)
    assert accepted is not None and (accepted.action, accepted.prefer) == ("accept", "001-a")
    late = client.post(f"/run/{run.id}/feedback", data=said | {"iteration": "1"}, headers=OURS)
    assert late.status_code == 409 and "load the page anew" in late.text


@pytest.mark.parametrize(
    "said", [{"note": " "}, {"prefer": "009-z"}, {"note": "x" * LONGEST_FORM}, {"iteration": "7", "note": "x"}]
)
def test_an_answer_that_says_nothing_is_refused(client: TestClient, run: Run, said: dict[str, str]) -> None:
    assert client.post(f"/run/{run.id}/feedback", data={"iteration": "2", **said}, headers=OURS).status_code == 409
    assert len(run.store.answers()) == 1


def test_stop_and_resume(client: TestClient, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[Any] = []

    class Started:
        def __init__(self, command: list[str], **_: Any) -> None:
            started.append(command)

        def wait(self) -> int:
            return 0

    monkeypatch.setattr(subprocess, "Popen", Started)
    here = f"/run/{run.id}"
    assert client.post(f"{here}/stop", headers=OURS).status_code == 409, "no process works on it"
    run.store.update(status="stopped", outcome="")
    assert ">resume</button>" in client.get(here).text
    client.post(f"{here}/resume", headers=OURS)
    assert started[0][1] == "-P" and started[0][4:6] == ["resume", str(run.path)]
    run.store.update(status="done", outcome="solved")
    assert "this is not solved" in client.get(here).text
    client.post(f"{here}/resume", headers=OURS, data={"doubted": "yes"})
    assert started[1][-3:] == [
        "--keep-going",
        "--iterations",
        str(max(candidate.iteration for candidate in run.candidates) + 1),
    ]
    with run.store.lock():
        assert ">stop</button>" in client.get(here).text
        assert client.post(f"{here}/resume", headers=OURS).status_code == 409
        client.post(f"{here}/stop", headers=OURS)
        assert run.store.stop_requested()


def test_a_run_whose_environment_nobody_named_says_which_command_names_it(
    client: TestClient, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, text = f"/run/{run.id}", run.store.task_path.read_text()
    run.store.task_path.write_text(re.sub(r"(?m)^( +)id: .*$", r"\1id: crane.py:Crane", text))
    run.store.update(status="stopped", outcome="")
    monkeypatch.setattr(subprocess, "Popen", None)
    for path, said in ((f"{here}/resume", b""), (f"{here}/workbench/behaviours", b"{}"),
                       (f"{here}/candidate/001-a/film", b"")):  # fmt: skip
        answer = client.post(path, content=said, headers=OURS)
        assert answer.status_code == 409, path
        assert "not told where crane.py lies" in answer.text
        assert f"reward-synth view {run.path} --env PATH/crane.py:Crane" in answer.text


def test_a_run_without_a_task_or_a_candidate_has_a_page(client: TestClient, run: Run) -> None:
    bare = RunStore.create(run.path.parent, "hop", run.settings)
    text = client.get(f"/run/{bare.id}").text
    assert "task not chosen yet" in text and "None yet." in text
    assert client.get(f"/run/{bare.id}/curves").json()["curves"] == {}


def test_runs_are_found_by_their_goal(client: TestClient, run: Run) -> None:
    RunStore.create(run.path.parent, "hop on the spot", run.settings)
    assert "hop on the spot" in client.get("/").text
    assert "hop on the spot" in client.get("/?q=SPOT").text
    assert "hop on the spot" not in client.get("/?q=swim").text


def test_the_page_of_two_hundred_candidates_stays_small(client: TestClient, run: Run) -> None:
    for iteration in range(3, 53):
        for letter in "abcd":
            name = f"{iteration:03d}-{letter}"
            run.store.write_reward(name, "x")
            reason = "stopped after 10% of its steps as number 4 of 4 (success 0%, fitness 0.0362)"
            run.store.save_candidate(
                Candidate(id=name, iteration=iteration, status="rejected", reason=reason, parents=("002-a",))
            )
    assert len(client.get(f"/run/{run.id}").content) < 1_000_000


def test_a_run_that_somebody_else_damaged_stops_no_page(client: TestClient, run: Run) -> None:
    result = run.store.train_dir("002-a", 0) / "result.json"
    result.write_text(result.read_text().replace('"reward":1.0', '"reward":NaN').replace("30.0", "NaN"))
    assert client.get(f"/run/{run.id}/curves").status_code == 200
    run.store.events_path.open("a").write(
        '\n\n{"kind": "training", "candidate": "x", "seed": 0, "evaluation": {"a": 1}}\n'
    )
    assert client.get(f"/run/{run.id}/curves").status_code == 200
    (run.path / "lock").unlink(missing_ok=True)
    os.mkfifo(run.path / "lock")
    run.store.update(status="running", outcome="")
    assert client.get("/").status_code == 200
    (run.path / "lock").unlink()
    run.store.reward_path("002-a").write_bytes(b"\xff\xfe")
    broken = TestClient(make_app(run.path.parent), base_url=ADDRESS, raise_server_exceptions=False)
    answer = broken.get(f"/run/{run.id}/candidate/002-a")
    assert answer.status_code == 500 and "not as it should be" in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_what_a_browser_refuses_is_logged(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    assert client.post(REPORTS, content=b'{"csp-report": 1}').status_code == 204
    assert "csp-report" in caplog.text


def test_the_scripts_never_make_markup_of_text() -> None:
    for path in STATIC.glob("*.js"):
        text = path.read_text()
        assert "innerHTML" not in text and "eval(" not in text and "document.write" not in text
