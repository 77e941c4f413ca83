from __future__ import annotations

import base64
import dataclasses
import re
from html.parser import HTMLParser

from reward_synth.core.agreement import Agreement, Agreements
from reward_synth.core.feedback import Feedback
from reward_synth.core.types import Candidate, PayRow
from reward_synth.report.html import (
    BestReward,
    CostRow,
    ReportData,
    render_report,
)
from reward_synth.store import RunInfo
from reward_synth.store.manifest import now
from tests.diagnosis import cases

HOSTILE = "</pre><script>alert('x')</script><img src=x onerror=alert(1)>{{ 7 * 7 }}"

DATA = ReportData(
    info=RunInfo(
        id="20261122-1705-walk-k3f9",
        goal="walk forward",
        status="stopped",
        reason="2 iterations done",
        created=now(),
        updated=now(),
        seconds=75.0,
        versions={"mujoco": "3.3.0"},
    ),
    task=cases.SPEC.model_copy(update={"success": "episode.torso_x[-1] > 5.0", "fitness": "episode.torso_x[-1]"}),
    command="reward-synth run 'walk forward'",
    candidates=(
        Candidate(id="001-a", iteration=1, status="rejected", reason="reads `state.foo`, which does not exist"),
        Candidate(id="001-b", iteration=1, status="trained", success=1.0, success_interval=(0.67, 1.0), fitness=6.0),
    ),
    best=BestReward(
        id="001-b",
        source="def compute_reward(state, action, next_state):\n    return {'speed': 1.0}\n",
        summary="# Candidate 001-b\n\n## Findings\n\n[dead-term] `x` was 0.\n\n"
        "| term | 29k |\n| --- | ---: |\n| `x` | 1.37 |\n",
        evaluations=cases.curve(),
        terms=(cases.term("speed", share=0.7), cases.term("effort", share=0.3)),
    ),
    readings={1: "The robot walks."},
    feedback=(Feedback(iteration=1, prefer="001-b", note="nicer gait"),),
    costs=(CostRow("designer", "some-model", 4, 1200, 800, 0.0123, 31.0),),
    environment_steps=400_000,
)


class Page(HTMLParser):
    """Collects the tags and the addresses of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes.extend(attrs)


def test_the_page_tells_goal_measures_candidates_code_readings_and_costs() -> None:
    page = render_report(DATA)
    for words in (
        "walk forward", "episode.torso_x[-1] &gt; 5.0", "001-a", "which does not exist", "67 % to 100 %",
        "def compute_reward", "The robot walks.", "nicer gait", "$0.0123", "1 min 15 s", "400000",
        "mujoco 3.3.0", "[dead-term]",
    ):  # fmt: skip
        assert words in page


def test_the_training_in_numbers_has_sections_and_tables() -> None:
    page = render_report(DATA)
    for markup in ("<h3>Candidate 001-b</h3>", "<h4>Findings</h4>", '<td class="n">1.37</td>', "<code>x</code>"):
        assert markup in page
    assert "# Candidate" not in page and "| ---" not in page


def test_the_page_needs_nothing_from_outside() -> None:
    page = Page(render_report(DATA))
    assert page.tags.count("img") == 3
    addresses = [value or "" for name, value in page.attributes if name in ("src", "href")]
    assert addresses and all(address.startswith("data:image/svg+xml;base64,") for address in addresses)


def test_pictures_are_whole() -> None:
    for encoded in re.findall(r"base64,([A-Za-z0-9+/=]+)", render_report(DATA)):
        assert base64.b64decode(encoded).rstrip().endswith(b"</svg>")


def test_hostile_text_stays_text() -> None:
    assert DATA.best
    hostile = dataclasses.replace(
        DATA,
        info=DATA.info.model_copy(update={"goal": HOSTILE}),
        task=DATA.task.model_copy(update={"success": HOSTILE, "fitness_unit": HOSTILE}),
        candidates=(Candidate(id="001-a", iteration=1, status="rejected", reason=HOSTILE),),
        best=dataclasses.replace(
            DATA.best,
            source=HOSTILE,
            summary=HOSTILE,
            terms=(cases.term(HOSTILE, share=1.0),),
        ),
        readings={1: f"{HOSTILE}\n\n[a](javascript:alert(1)) ![b](http://example.org/b.png) <http://example.org>\n"},
        feedback=(Feedback(iteration=1, note=HOSTILE),),
    )
    text = render_report(hostile)
    page = Page(text)
    assert "script" not in page.tags and "a" not in page.tags and page.tags.count("img") == 2, "the plots"
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert "{{ 7 * 7 }}" in text
    assert "default-src 'none'" in text


def test_a_run_without_an_acceptable_reward_says_so() -> None:
    bare = dataclasses.replace(DATA, best=None, candidates=(), readings={}, feedback=(), costs=())
    text = render_report(bare)
    assert "No acceptable reward" in text
    assert "No model was called" in text


def test_drafted_measures_carry_a_warning() -> None:
    assert "a model wrote the two measures" not in render_report(DATA)
    drafted = DATA.task.model_copy(update={"drafted": True})
    assert "a model wrote the two measures" in render_report(dataclasses.replace(DATA, task=drafted))


def test_an_unknown_price_makes_the_total_unknown() -> None:
    known = DATA.costs[0]
    unknown = dataclasses.replace(known, usd=None)
    assert "$0.0246" in render_report(dataclasses.replace(DATA, costs=(known, known)))
    page = render_report(dataclasses.replace(DATA, costs=(known, unknown)))
    assert "unknown" in page and "$0.0246" not in page


def test_the_time_is_written_short_and_a_dash_if_unknown() -> None:
    for seconds, told in ((7260.0, "2 h 01 min"), (None, "–")):
        info = DATA.info.model_copy(update={"seconds": seconds})
        assert f"Time: {told} of work" in render_report(dataclasses.replace(DATA, info=info))


def test_who_chose_and_what_agrees_with_the_person() -> None:
    one = Agreement(value=-0.25, interval=(-0.5, 0.125), pairs=40)
    agreements = Agreements(judged="x", candidates={"001-b": Agreement(value=0.5, pairs=40)}, fitness=one)
    page = render_report(dataclasses.replace(DATA, agreements=agreements, chosen="chosen by a person"))
    body = page.partition("<body>")[2]
    assert body.index("The best reward is chosen by a person.") < body.index("What decides that a reward is good")
    assert '<th class="n">agrees</th>' in body and "+0.50 (40 pairs)" in body
    assert "fitness -0.25 (-0.50 to +0.12, 40 pairs)" in body and "the frozen measure may be wrong" in body
    plain = render_report(DATA)
    assert "agrees" not in plain and "The best reward is" not in plain


def test_characters_that_rewrite_a_screen_or_turn_a_line_round_stay_outside() -> None:
    strange = "\x1b]0;title\x07 \x9b31m \u202e \u2066 \u061c"
    page = render_report(dataclasses.replace(DATA, readings={1: f"plain {strange} text"}))
    assert "plain " in page and " text" in page
    assert not {"\x1b", "\x07", "\x9b", "\u202e", "\u2066", "\u061c"} & set(page)


def test_the_best_rewards_pay_is_a_table_and_its_terms_are_only_text() -> None:
    row = PayRow(behaviour="rest", pay=1.5, terms={HOSTILE: 2.0}, total=30.0, mean=0.3, discounted=12.0, steps=100)
    assert DATA.best is not None and "What it pays" not in render_report(DATA)
    page = render_report(dataclasses.replace(DATA, best=dataclasses.replace(DATA.best, pay=(row,))))
    assert "<td>rest</td>" in page and '<td class="n">12.0</td><td class="n">30.0</td><td class="n">0.300</td>' in page
    assert "script" not in Page(page).tags
