"""The table of public packages: the page is what its script would write, and each cell is read as it was printed."""

from __future__ import annotations

import pytest

from benchmarks.environment_table import (
    DATA,
    PAGE,
    Answer,
    Packages,
    fields_of,
    page,
    read_results,
    why,
)
from reward_synth.core.yaml import read_yaml


def test_the_page_is_made_from_the_results_and_has_only_what_is_listed() -> None:
    rows = read_results()
    assert PAGE.read_text(encoding="utf-8") == page(rows)
    packages = read_yaml(DATA / "packages.yaml", Packages, "list of packages").packages
    listed = {(package.name, each.id) for package in packages for each in package.environments}
    assert {(row["package"], row["environment"]) for row in rows} <= listed
    for package in packages:
        for each in package.environments:
            assert bool(each.success) == bool(each.fitness) == bool(each.terms)
            assert not each.id.startswith("./") or (DATA / each.id[2:].partition(":")[0]).is_file()


def test_fields_are_counted_and_those_without_a_name() -> None:
    stub = "class State:\n    angle: float  # rad.\n    observation_1: float  # Element 1.\n\n# action: np.ndarray\n"
    assert fields_of(stub) == "2 (1)"
    assert fields_of("class State:\n    angle: float  # rad.\n") == "1"


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("\n    old-gym 1.0 depends on gymnasium==0.28\n    The user requested (constraint) gymnasium==1.4.0\n",
         "old-gym 1.0 depends on gymnasium==0.28; here gymnasium==1.4.0"),
        ("ERROR: Could not find a version that satisfies x\n", "Could not find a version that satisfies x"),
    ],
)  # fmt: skip
def test_why_pip_refuses_is_its_own_reason(said: str, reason: str) -> None:
    assert why(Answer(1, "", said, 1.0)) == reason


def test_an_error_is_told_with_its_hint_in_one_line() -> None:
    assert Answer(2, "", "noise\nerror: no\n  such thing\n\nhint: try it\n", 1.0).sentence == (
        "error: no such thing hint: try it"
    )
    assert Answer(3, "", "", 1.0).sentence == "exit 3"
