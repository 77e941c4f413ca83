from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

import pytest

from reward_synth.core.types import Candidate
from reward_synth.report import plots
from tests.diagnosis import cases


def words(svg: str) -> str:
    root = ElementTree.fromstring(svg)
    return " ".join("".join(element.itertext()) for element in root.iter("{http://www.w3.org/2000/svg}text"))


def test_training_curve_is_svg_with_units_and_the_same_bytes_each_time() -> None:
    svg = plots.training_curve(cases.curve(), "m travelled", 0.9)
    assert "success" in words(svg)
    assert "fitness (m travelled)" in words(svg)
    assert svg == plots.training_curve(cases.curve(), "m travelled", 0.9)


@pytest.mark.parametrize("name", ["speed", "_hidden", "$x^$", r"\frac{$", "$a$ $b$", "<script>alert(1)</script>"])
def test_term_names_are_drawn_as_they_are(name: str) -> None:
    svg = plots.term_shares((cases.term(name, share=0.6), cases.term("effort", share=0.4)), range(1, 11))
    assert name in words(svg)
    assert "<script" not in svg


def test_term_shares_count_points_where_steps_do_not_fit() -> None:
    assert "evaluation" in words(plots.term_shares((cases.term("speed", share=1.0),), [1, 2, 3]))


def test_run_progress_never_falls() -> None:
    candidates = [
        Candidate(id="001-a", iteration=1, status="trained", success=0.5, fitness=2.0),
        Candidate(id="001-b", iteration=1, status="rejected", reason="NaN"),
        Candidate(id="002-a", iteration=2, status="trained", success=0.0, fitness=3.0),
    ]
    svg = plots.run_progress(candidates, "m")
    line = re.search(
        r'<g id="line2d_\d+">\s*<path d="M ([^"]+)" clip-path="[^"]+" style="fill: none; stroke: #0072b2', svg
    )
    assert line
    heights = [float(point.split()[1]) for point in line.group(1).replace("\n", "").split("L")]
    assert heights[0] == heights[1]


def test_nothing_to_draw_is_said() -> None:
    with pytest.raises(ValueError, match="no evaluations"):
        plots.training_curve((), "m")
    with pytest.raises(ValueError, match="no trained candidates"):
        plots.run_progress([Candidate(id="001-a", iteration=1)], "m")
