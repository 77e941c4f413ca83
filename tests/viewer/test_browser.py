"""The page in a real Chromium: what no look at its HTML can show."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from reward_synth.api.run import Run
from reward_synth.core.feedback import FeedbackRequest
from reward_synth.events import model as events
from reward_synth.preferences import Workbench
from reward_synth.report.video import write_video
from reward_synth.store import RunStore
from reward_synth.viewer import films, stream
from reward_synth.viewer.access import REPORTS
from tests.diagnosis import cases as trainings
from tests.preferences.cases import CRAWLED, WALKED, make_run
from tests.viewer.conftest import HOSTILE, POINTS, add_candidate, progress

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
             "--disable-component-update", "--disable-sync")  # fmt: skip
needed = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: apt-get install chromium")
pytestmark = [needed, pytest.mark.xdist_group("browser")]
MARKER = "document.querySelector('nav').marked"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        yield browser
        browser.close()


class Server:
    """The application in a thread, as ``reward-synth view`` runs it; it can be killed and started again."""

    def __init__(self, runs_dir: Path) -> None:
        self._runs_dir, self.port = runs_dir, 0
        self.start()

    def start(self) -> None:
        import uvicorn

        from reward_synth.viewer.app import make_app

        self._listener = socket.create_server(("127.0.0.1", self.port))
        self.port = self._listener.getsockname()[1]
        self._server = uvicorn.Server(
            uvicorn.Config(make_app(self._runs_dir), log_level="warning", timeout_graceful_shutdown=0)
        )
        self._thread = threading.Thread(target=lambda: self._server.run(sockets=[self._listener]), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._server.should_exit = self._server.force_exit = True
        self._thread.join(20)
        self._listener.close()
        assert not self._thread.is_alive()


@pytest.fixture
def server(run: Run, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(stream, "POLL_SECONDS", 0.05)
    server = Server(run.path.parent)
    yield server
    server.stop()


@pytest.fixture
def opened(browser: Browser, server: Server) -> Iterator[Callable[[str], Page]]:
    yield from opener(browser, server)


def opener(browser: Browser, server: Server) -> Iterator[Callable[[str], Page]]:
    """Opens a page in a browser of its own. No page may raise an error or break its security policy."""
    faults: list[str] = []
    contexts = []

    def opens(path: str) -> Page:
        context = browser.new_context(viewport={"width": 1000, "height": 800})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.on("pageerror", lambda error: faults.append(f"{path}: {error}"))
        page.on("dialog", lambda dialog: faults.append(f"{path}: dialog {dialog.message}"))
        page.on("request", lambda request: REPORTS in request.url and faults.append(f"{path}: {request.post_data}"))
        page.goto(f"http://127.0.0.1:{server.port}{path}")
        return page

    yield opens
    for context in contexts:
        context.close()
    assert faults == []


def wait(page: Page, condition: str) -> None:
    """Look again and again. Playwright's own waiting evaluates text in the page, which the page forbids."""
    deadline = time.monotonic() + 90
    while not page.evaluate(condition):
        assert time.monotonic() < deadline, condition
        page.wait_for_timeout(20)


def test_hostile_texts_do_nothing(opened: Callable[[str], Page], run: Run) -> None:
    here = f"/run/{run.id}"
    for path in ("/", here, f"{here}/candidate/002-a", f"{here}/compare?with=001-a&with=002-a"):
        page = opened(path)
        wait(page, "document.querySelectorAll('svg.chart path.curve').length > 0 || location.pathname === '/'")
        run.store.record(events.Warned(text=HOSTILE))
        for details in page.query_selector_all("summary"):
            details.click()
        assert page.evaluate("window.pwned") is None
        assert page.query_selector("img") is None


def test_a_film_and_its_terms_have_one_playhead(opened: Callable[[str], Page], run: Run) -> None:
    page = opened(f"/run/{run.id}/candidate/002-a")
    figure = page.locator("figure[data-film=median]")
    chart, head = figure.locator("svg"), "document.querySelector('figure[data-film] .playhead').getAttribute('d')"
    wait(page, f"document.querySelector('figure[data-film] .playhead') && {head}")
    first = page.evaluate(head)
    page.evaluate("document.querySelector('video').currentTime = 2.0")
    wait(page, f"{head} !== '{first}'")
    wait(page, "document.querySelector('figure[data-film] figcaption').textContent.includes('step 20')")
    assert "speed 20" in " ".join(figure.locator("li").all_inner_texts())
    # The chart moves the film, too: with the mouse, and with keys.
    box = chart.bounding_box()
    assert box is not None
    chart.click(position={"x": box["width"] - 12, "y": box["height"] / 2})
    wait(page, "document.querySelector('video').currentTime > 2.8")
    chart.focus()
    page.keyboard.press("Home")
    wait(page, "document.querySelector('video').currentTime === 0")
    page.keyboard.press("ArrowRight")
    wait(page, "Math.abs(document.querySelector('video').currentTime - 0.2) < 0.01")
    page.evaluate("document.querySelector('video').play()")
    wait(page, "document.querySelector('video').currentTime > 0.5")


def test_a_note_is_about_a_moment_of_a_film(opened: Callable[[str], Page], run: Run) -> None:
    run.store.trajectories_dir("002-a").mkdir(parents=True)
    (run.store.trajectories_dir("002-a") / "seed-0-episode-000.npz").touch()
    page = opened(f"/run/{run.id}/candidate/002-a")
    wait(page, "document.querySelector('figure[data-film] .playhead')")
    page.evaluate("document.querySelector('video').currentTime = 1.5")
    wait(page, "document.querySelector('figcaption').textContent.includes('step 15')")
    page.fill("[name=note]", "it drags its foot")
    page.keyboard.press("Enter")
    wait(page, "document.querySelector('[role=status]').textContent.includes('noted at 1.5 s')")
    (moment,) = run.store.answers()[-1].moments
    assert (moment.second, moment.note) == (1.5, "it drags its foot")


def test_films_side_by_side_play_in_step(opened: Callable[[str], Page], run: Run) -> None:
    page = opened(f"/run/{run.id}/compare?with=001-a&with=002-a")
    times = "[...document.querySelectorAll('video')].map((each) => each.currentTime)"
    wait(page, "[...document.querySelectorAll('video')].every((each) => each.readyState > 0)")
    page.locator("#seek").evaluate("(e) => { e.value = 500; e.dispatchEvent(new Event('input')); }")
    wait(page, f"{times}.every((each) => Math.abs(each - 1.55) < 0.1)")
    page.click("#play")
    wait(page, f"{times}.every((each) => each > 1.7)")


def test_a_run_grows_before_the_eyes_of_two_browsers(opened: Callable[[str], Page], run: Run) -> None:
    pages = [opened(f"/run/{run.id}") for _ in range(2)]
    for page in pages:
        wait(page, "document.querySelectorAll('#success-chart path.curve').length === 2")
        page.evaluate(f"{MARKER} = 1")
        page.fill("#note", "half a thought")
    run.store.record(progress("003-a", POINTS[0]))
    run.store.record(progress("003-a", POINTS[1]))
    for page in pages:
        wait(page, "document.querySelectorAll('#success-chart path.curve').length === 3")
        wait(page, "document.getElementById('stage').textContent.includes('003-a seed 0: trained 40%')")
    trained = add_candidate(run.store, "003-a", ("002-a",))
    run.store.record(events.CandidateTrained(candidate=trained))
    for page in pages:
        page.wait_for_selector("tr[data-candidate='003-a']")
        assert page.evaluate(MARKER) == 1, "without loading the page again"
        assert page.input_value("#note") == "half a thought"


def test_each_axis_says_what_it_counts_and_in_which_unit(opened: Callable[[str], Page], run: Run) -> None:
    steps, unit = "environment steps", run.task.fitness_unit
    of_one = "(c) => [...c.querySelectorAll('.name')].map((each) => each.textContent)"
    names = f"[...document.querySelectorAll('svg.chart')].map({of_one})"
    success, fitness = "success, share of episodes", f"fitness, {unit}"
    expected = {
        "": [[success, steps], [fitness, steps]],
        "/candidate/002-a": [
            ["reward per step", "time in the film, s"], [f"{success}; {fitness}", steps], ["reward per step", steps],
            ["share of what is paid, 0 to 1", steps],
        ],
        "/compare?with=001-a&with=002-a": [[success, steps], [fitness, steps]],
    }  # fmt: skip
    for path, told in expected.items():
        page = opened(f"/run/{run.id}{path}")
        wait(page, "[...document.querySelectorAll('svg.chart')].every((c) => c.querySelector('path.curve'))")
        assert page.evaluate(names) == told, path


def test_what_a_model_does_stands_on_the_page_while_it_does_it(opened: Callable[[str], Page], run: Run) -> None:
    page, stage = opened(f"/run/{run.id}"), "document.getElementById('stage').textContent"
    listed = "document.getElementById('events').children.length"
    before = page.evaluate(listed)
    for far in ({"read": 512, "prompt": 2400}, {"written": 90}):
        told = events.AnswerProgressed(role="designer", answers=4, seconds=12.0, **far)
        run.store.record(told)
        wait(page, f"{stage}.includes('{told}')")
    assert page.evaluate(listed) == before


def test_a_page_that_nobody_sees_holds_no_connection_and_misses_nothing(
    opened: Callable[[str], Page], run: Run
) -> None:
    page, other = opened(f"/run/{run.id}"), opened(f"/run/{run.id}")
    heard = "document.getElementById('events').textContent.includes('while hidden')"
    for seen in (page, other):
        wait(seen, "document.querySelectorAll('#success-chart path.curve').length === 2")
    turn = """(hidden) => {
        Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
        document.dispatchEvent(new Event("visibilitychange"));
    }"""
    page.evaluate(turn, True)
    run.store.record(events.Warned(text="while hidden"))
    wait(other, heard)
    assert not page.evaluate(heard)
    page.evaluate(turn, False)
    wait(page, heard)


def test_a_server_that_died_is_found_again(opened: Callable[[str], Page], run: Run, server: Server) -> None:
    page = opened(f"/run/{run.id}")
    wait(page, "document.querySelectorAll('#success-chart path.curve').length === 2")
    page.evaluate(f"{MARKER} = 1")
    server.stop()
    run.store.record(events.Warned(text="told while nobody served"))
    server.start()
    wait(page, "document.getElementById('events').textContent.includes('told while nobody served')")
    assert page.evaluate(MARKER) == 1


def test_a_person_answers_by_keyboard(opened: Callable[[str], Page], run: Run) -> None:
    run.store.write_request(FeedbackRequest(iteration=2, question="Which?", candidates=()))
    page = opened(f"/run/{run.id}")
    page.focus("#note")
    page.keyboard.type("lower, please")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=lower, please")
    answer = run.store.read_answer(2)
    assert answer is not None and answer.note == "lower, please"


@pytest.fixture
def bench(browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Page, RunStore]]:
    """The workbench of a run whose environment exists in these tests only; its films show nothing."""
    store, known = make_run(tmp_path / "bench"), Workbench.open

    def draw(store: RunStore, task: Any, recorded: Any, path: Path) -> None:
        write_video(path, (np.zeros((32, 32, 3), np.uint8) for _ in range(5)), ("" for _ in range(5)), 10.0)

    monkeypatch.setattr(films, "film_blind", draw)
    monkeypatch.setattr(Workbench, "open", lambda store, **options: known(store, table=trainings.TABLE, **options))
    server = Server(store.path.parent)
    pages = opener(browser, server)
    page = next(pages)(f"/run/{store.id}/workbench")
    wait(page, "document.querySelectorAll('#ranks li').length > 2 && document.body.dataset.paid")
    yield page, store
    assert list(pages) == []
    server.stop()


def test_a_person_orders_groups_and_a_weight_moves_the_coefficient(bench: tuple[Page, RunStore]) -> None:
    page, store = bench
    asked = f"fetch('/run/{store.id}/workbench/behaviours', {{ method: 'POST', body: '{{}}' }})"
    groups = page.evaluate(f"{asked}.then((each) => each.json())")["groups"]
    letter_of = {member: chr(65 + number) for number, group in enumerate(groups) for member in group["members"]}
    best, worst = letter_of[WALKED[0]], letter_of[CRAWLED[0]]
    for letter in (best, worst):
        page.click(f"[aria-label='judge group {letter}']")
    while page.locator("#ranks li").first.get_attribute("data-group") != best:
        page.click(f"[aria-label='group {best} is better']")
    page.select_option("#reward", "001-a")
    agreement = "document.getElementById('agreement').textContent"
    wait(page, f"{agreement}.includes('+1.00')")
    wait(page, "document.querySelectorAll('video[src]').length > 0")
    weight = page.evaluate("document.querySelector('#source').value")
    page.fill("#source", weight.replace("2.0 *", "-2.0 *"))
    wait(page, f"{agreement}.includes('-1.00')")
    wait(page, "document.querySelectorAll('#disagreements figure').length > 0")
    page.fill("#source", weight + "\n    import os")
    wait(page, "document.querySelectorAll('#findings .finding').length > 0")
    page.fill("#source", "W = 3.0\n" + weight.replace("2.0 *", "W *"))
    wait(page, f"{agreement}.includes('+1.00')")
    page.fill("[aria-label=W]", "-3")
    wait(page, f"{agreement}.includes('-1.00')")
    assert page.input_value("#source").startswith("W = -3\n")
    page.click("#pair button >> nth=0")
    page.fill("#note", "upright, please")
    page.check("#try")
    page.click("#send")
    wait(page, "document.getElementById('sent').textContent.includes('Sent: 001.answer.json')")
    kept = store.read_answer(1)
    assert kept is not None and kept.note == "upright, please" and len(kept.pairs) == 1
    assert kept.order is not None and kept.order[0] == tuple(groups[ord(best) - 65]["members"])
    assert kept.edited is not None and kept.edited.startswith("W = -3\n")


@pytest.mark.slow
def test_the_command_serves_until_it_is_ended(run: Run, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "reward_synth", "view", str(run.path), "--no-browser", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        assert address.endswith(f"/run/{run.id}")
        port = int(address.split(":")[2].partition("/")[0])
        with socket.create_connection(("127.0.0.1", port), 20) as connection:
            connection.sendall(b"GET / HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n")
            assert connection.recv(15) == b"HTTP/1.1 200 OK"
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) in (0, 130)
