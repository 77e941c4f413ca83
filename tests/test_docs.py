"""The documentation says what is there: links lead somewhere, commands exist, every folder and page is on its map."""

from __future__ import annotations

import csv
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reward_synth.core.yaml import parse_value
from tests.test_imports import LEVEL_OF, PACKAGE, ROOT

DOCS = ROOT / "docs"
RUNS = ROOT.joinpath("runs")
"""A source distribution has none, and all else that is linked."""

PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "benchmarks/README.md", "prompts/README.md")),
    *sorted(DOCS.rglob("*.md")),
    *sorted((ROOT / "skills").rglob("*.md")),
]
LINK = re.compile(r"\[[^\]\n]*\]\(([^)\s]+)\)")


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def anchors(page: Path) -> set[str]:
    """As a forge makes them of headings."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.strip().lower()).replace(" ", "-") for title in titles}


def broken_links(page: Path) -> list[str]:
    broken = []
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        path, _, anchor = target.partition("#")
        if "://" in path:
            continue
        file = (page.parent / path).resolve() if path else page
        if file.is_relative_to(RUNS) and not RUNS.exists():
            continue
        if not file.exists() or (anchor and anchor not in anchors(file)):
            broken.append(target)
    return broken


def commands(page: Path) -> Iterator[list[str]]:
    """The lines of code blocks that call ``reward-synth``, as words."""
    text = re.sub(r"\\\n\s*", "", page.read_text(encoding="utf-8"))
    for line in re.findall(r"^(?:    )?(?:\$ )?(?:\.venv/bin/)?(reward-synth .+)$", text, re.MULTILINE):
        yield shlex.split(line, comments=True)


def unknown_parts(words: list[str]) -> list[str]:
    """What the command line does not know: a command, or an option of it."""
    import typer

    from reward_synth.cli.app import app

    command: Any = typer.main.get_command(app)
    rest = words[1:]
    while hasattr(command, "commands") and rest:
        word = rest.pop(0)
        if word not in command.commands:
            return [word]
        command = command.commands[word]
    options = {name for param in command.params for name in [*param.opts, *param.secondary_opts]}
    return [word for word in rest if re.fullmatch(r"--?[a-z][a-z-]*(=.*)?", word) and word.split("=")[0] not in options]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    assert broken_links(page) == []


@pytest.mark.parametrize(
    "page",
    ["README.md", "docs/index.md", "docs/guide/safety.md", "docs/measurements/containment.md", "benchmarks/README.md"],
)
def test_attacks_are_counted_alike_everywhere(page: str) -> None:
    with (ROOT / "benchmarks/results/containment.tsv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    written = {(row["corpus"], row["id"]) for row in rows}
    files = (ROOT / f"tests/containment/{name}.jsonl" for name in ("attacks", "shared_attacks"))
    assert len(written) == sum(len(file.read_text(encoding="utf-8").splitlines()) for file in files)
    landed = [row for row in rows if row["arm"] == "none" and row["outcome"] == "landed"]
    text = (ROOT / page).read_text(encoding="utf-8")
    assert set(re.findall(r"\b(\d{3})\s+attacks", text)) == {str(len(written))}
    assert re.search(rf"\b{len(landed)}\b", text)


def test_a_broken_link_is_seen(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# A title, with `code`\n[a](#a-title-with-code) [b](#no) [c](none.md) [d](https://example.org/none.md)\n"
    )
    assert broken_links(page) == ["#no", "none.md"]


def test_the_map_lists_every_page() -> None:
    index = DOCS / "index.md"
    linked = {(DOCS / target.partition("#")[0]).resolve() for target in LINK.findall(index.read_text(encoding="utf-8"))}
    assert [name_of(page) for page in DOCS.rglob("*.md") if page != index and page not in linked] == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_commands_on_the_page_exist(page: Path) -> None:
    assert [(words, unknown) for words in commands(page) if (unknown := unknown_parts(words))] == []


def test_an_unknown_option_is_seen() -> None:
    assert unknown_parts(shlex.split('reward-synth run "go" --samples 4 --sample 4')) == ["--sample"]
    assert unknown_parts(["reward-synth", "tasks", "list"]) == ["list"]


def test_the_skill_is_one_that_assistants_load() -> None:
    (skill,) = (ROOT / "skills").glob("*/SKILL.md")
    parts = re.fullmatch(r"---\n(.*?)\n---\n\n(.+)", skill.read_text(encoding="utf-8"), re.DOTALL)
    assert parts is not None
    facts, text = dict(parse_value(parts[1], "the head")), parts[2]
    assert set(facts) == {"name", "description"} and facts["name"] == skill.parent.name
    assert re.fullmatch(r"[a-z0-9-]{1,64}", facts["name"]) and 0 < len(facts["description"]) <= 1024
    assert len(list(commands(skill))) > 20 and len(text.splitlines()) < 500


def test_options_in_the_text_of_the_skill_exist() -> None:
    import typer

    from reward_synth.cli.app import app

    def options(command: Any) -> set[str]:
        own = {name for param in command.params for name in [*param.opts, *param.secondary_opts]}
        return own.union(*(options(each) for each in getattr(command, "commands", {}).values()))

    text = (ROOT / "skills/reward-synth/SKILL.md").read_text(encoding="utf-8")
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", text))
    assert "--budget" in named and named - options(typer.main.get_command(app)) == set()


def test_the_architecture_page_lists_every_folder_with_its_level() -> None:
    rows = re.findall(r"^\| (\d+) \| `(\w+)/` \|", (DOCS / "architecture.md").read_text(encoding="utf-8"), re.MULTILINE)
    listed = {folder: int(level) for level, folder in rows}
    folders = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert folders <= set(listed)
    assert listed == {folder: LEVEL_OF[folder] + 1 for folder in listed}
